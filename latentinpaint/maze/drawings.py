"""Pictures of a maze with paths in it: still, and the point mass on its way."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from torch import Tensor

from latentinpaint.files import write_bytes
from latentinpaint.maze.walls import Maze
from latentinpaint.visualization.canvas import as_picture, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle

INCHES = 0.5  # a cell's side
FRAME_MS = 60  # a step of six of the simulator's
PAUSE_MS = 1500  # on the last frame


def draw_paths(maze: Maze, paths: Sequence[Tensor], stops: Tensor, legal: Sequence[bool]) -> Image.Image:
    """A maze with paths in it: legal ones in colours, the others dotted and red.

    Args:
        maze: in whose coordinates the paths are.
        paths: each (n, 2).
        stops: (k, 2), the points that were given: the start, what is passed, and the goal.
        legal: one a path.
    """
    with _maze_canvas(maze) as (figure, axis):
        _draw_maze(axis, maze)
        _draw_stops(axis, stops)
        for path, is_legal in zip(paths, legal, strict=True):
            _draw_path(axis, path, is_legal)
        return as_picture(figure)


def animate_paths(maze: Maze, paths: Sequence[Tensor], stops: Tensor, legal: Sequence[bool]) -> list[Image.Image]:
    """Frames of discs that move along the paths, see `draw_paths`; those that have arrived wait."""
    frames = []
    longest = max(len(path) for path in paths)
    with _maze_canvas(maze) as (figure, axis):
        for step in range(longest):
            axis.clear()
            _draw_maze(axis, maze)
            _draw_stops(axis, stops)
            for path, is_legal in zip(paths, legal, strict=True):
                passed = path[: step + 1]
                _draw_path(axis, passed, is_legal)
                axis.add_patch(_disc(passed[-1], maze.radius))
            frames.append(as_picture(figure))
    return frames


def write_animation(frames: Sequence[Image.Image], path: str | Path) -> None:
    """Write frames as a GIF that is played again and again, whole or not at all."""
    palette = frames[-1].quantize(64)
    reduced = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    durations = [FRAME_MS] * (len(frames) - 1) + [PAUSE_MS]
    encoded = io.BytesIO()
    reduced[0].save(encoded, "GIF", save_all=True, append_images=reduced[1:], duration=durations, loop=0)
    write_bytes(path, encoded.getvalue())


@contextmanager
def _maze_canvas(maze: Maze) -> Iterator[tuple["Figure", "Axes"]]:
    """A figure that the maze fills to its border."""
    with canvas(INCHES * maze.width, INCHES * maze.height) as (figure, (axis,)):
        figure.set_layout_engine("none")
        axis.set_position((0, 0, 1, 1))
        yield figure, axis


def _draw_maze(axis: "Axes", maze: Maze) -> None:
    from matplotlib.patches import Rectangle

    for x, y in maze.walls.tolist():
        axis.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, color="0.75", linewidth=0))
    axis.set(xlim=(-maze.width / 2, maze.width / 2), ylim=(-maze.height / 2, maze.height / 2))
    axis.set_aspect("equal")
    axis.set_axis_off()


def _draw_stops(axis: "Axes", stops: Tensor) -> None:
    axis.plot(*stops[0], "o", color="black", markersize=7, zorder=3)
    axis.plot(*stops[-1], "*", color="black", markersize=12, zorder=3)
    axis.plot(*stops[1:-1].T, "s", color="black", markersize=6, zorder=3)


def _draw_path(axis: "Axes", path: Tensor, is_legal: bool) -> None:
    if is_legal:
        axis.plot(*path.T, "-", marker=".", markersize=3, linewidth=1.5, alpha=0.8)
    else:
        axis.plot(*path.T, ":", color="red", linewidth=1.2)


def _disc(point: Tensor, radius: float) -> "Circle":
    from matplotlib.patches import Circle

    return Circle(tuple(point.tolist()), radius, color="black", zorder=4)
