"""Pictures of a maze: walls, paths and discs are where their coordinates say."""

import numpy as np
import torch
from PIL import Image

from latentinpaint.maze.drawings import animate_paths, draw_paths, write_animation
from latentinpaint.maze.walls import MAZES, Maze

MAZE = Maze(MAZES["small"])
STOPS = torch.tensor([[-1.0, 1.0], [1.0, 1.0], [1.0, -1.0]])
PATH = torch.tensor([[-1.0, 1.0], [0.0, 1.0], [1.0, 1.0], [1.0, -0.5]])


def at(picture, x, y):
    """The colour at a point of the maze."""
    values = np.asarray(picture.convert("RGB")).astype(int)
    height, width = values.shape[:2]
    left, top = width * (x + 2.5) / 5, height * (2.5 - y) / 5
    return values[round(top), round(left)]


def spread(colour):
    return colour.max() - colour.min()


def test_walls_are_grey_and_corridors_white():
    picture = draw_paths(MAZE, [PATH], STOPS, [True])
    for row in range(5):
        for column in range(5):
            x, y = MAZE.centre((row, column))
            colour = at(picture, x + 0.3, y - 0.3)
            assert spread(colour) == 0 and (colour[0] > 250) == MAZE.is_free((row, column))


def test_the_points_that_are_given_are_black():
    picture = draw_paths(MAZE, [], STOPS, [])
    for x, y in STOPS.tolist():
        assert at(picture, x, y).max() < 60


def test_legal_paths_are_coloured_and_others_red():
    colour = at(draw_paths(MAZE, [PATH], STOPS, [True]), 0.5, 1.0)
    assert spread(colour) > 50 and colour[2] > colour[0]  # the first colour is blue
    red = np.asarray(draw_paths(MAZE, [PATH], STOPS, [False])).reshape(-1, 3).astype(int)
    assert ((red[:, 0] > 200) & (red[:, 1] < 80) & (red[:, 2] < 80)).any()
    assert not ((red[:, 2] > 150) & (red[:, 0] < 80)).any()


def test_discs_move_along_their_paths(tmp_path):
    frames = animate_paths(MAZE, [PATH, PATH[:2]], STOPS, [True, True])
    assert len(frames) == len(PATH)
    for frame, (x, y) in zip(frames, PATH.tolist(), strict=True):
        assert at(frame, x, y).max() < 60  # black
    for frame in frames[1:]:
        assert at(frame, 0.0, 1.0).max() < 60  # the shorter one waits
    write_animation(frames, tmp_path / "plan.gif")
    with Image.open(tmp_path / "plan.gif") as animation:
        assert animation.n_frames == len(PATH) and animation.info["loop"] == 0
        animation.seek(len(PATH) - 1)
        assert at(animation, *PATH[-1].tolist()).max() < 60
