"""A maze's geometry beside a distance transform of its picture, dense samples of segments, and PointMaze itself."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from latentinpaint.errors import InputError
from latentinpaint.maze.walls import MAZES, WALL, Maze

FINE = 50  # pixels a cell


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def raster(maze):
    """The distance of every pixel's middle from the nearest wall's pixel, (H, W) in cells."""
    free = np.array([[sign != WALL for sign in row] for row in maze.rows])
    return ndimage.distance_transform_edt(np.kron(free, np.ones((FINE, FINE)))) / FINE


def test_coordinates():
    """The origin is in the middle, x points right, y up: of 9 x 12 cells the first free one is at (-4.5, 3)."""
    maze = Maze(MAZES["large"])
    assert (maze.height, maze.width) == (9, 12)
    assert maze.centre((1, 1)) == (-4.5, 3.0)
    assert maze.centre((7, 10)) == (4.5, -3.0)
    for cell in maze.free_cells:
        assert maze.cell(maze.centre(cell)) == cell and maze.is_free(cell)
    assert not maze.is_free(maze.cell((0.0, 100.0)))


@pytest.mark.parametrize("name", MAZES)
def test_clearance_is_that_of_a_picture(name):
    maze = Maze(MAZES[name])
    distance = raster(maze)
    rows, columns = np.indices(distance.shape)
    x = (columns + 0.5) / FINE - maze.width / 2
    y = maze.height / 2 - (rows + 0.5) / FINE
    chosen = np.random.default_rng(0).integers(0, distance.size, 4000)
    points = torch.from_numpy(np.stack([x.flat[chosen], y.flat[chosen]], axis=1)).float()
    # From a pixel's middle to the next pixel's: half a pixel beyond the wall's edge, along a diagonal 1.5 at most.
    assert np.abs(maze.clearance(points).numpy() - distance.flat[chosen]).max() < 1.5 / FINE


def test_the_disc_may_touch_a_wall_and_not_overlap_it():
    maze = Maze(MAZES["small"])  # the free cell of the second row is between x = 0.5 and 1.5
    points = torch.tensor([[1.4, 0.0], [1.41, 0.0], [0.6, 0.0], [0.59, 0.0], [1.0, 0.0], [0.0, 0.0], [9.0, 9.0]])
    assert maze.is_legal(points).tolist() == [True, False, True, False, True, False, False]
    near_corner = torch.tensor([[0.5708, 0.5708], [0.5706, 0.5706]])  # 0.1 from (0.5, 0.5) is 0.07071 each way
    assert maze.is_legal(near_corner).tolist() == [True, False]


def test_segments_are_as_far_from_walls_as_the_nearest_of_their_points():
    maze = Maze(MAZES["large"])
    begins = maze.draw(400, seeded(0))
    ends = begins + 0.4 * torch.randn(400, 2, generator=seeded(1))
    inside = maze.is_legal(ends)
    begins, ends = begins[inside], ends[inside]
    ends[0] = begins[0]  # of no length
    ends[1, 0] = begins[1, 0]  # upright
    times = torch.linspace(0, 1, 501)[:, None, None]
    sampled = maze.clearance(begins + times * (ends - begins)).amin(dim=0)
    found = maze.segment_clearance(begins, ends)
    lengths = (ends - begins).norm(dim=1)
    assert (found <= sampled + 1e-5).all() and (sampled - found <= lengths / 1000 + 1e-5).all()
    legal = maze.legal_segments(begins, ends)
    clear = (found - maze.radius).abs() > 1e-4  # a rounding apart either is right
    assert torch.equal(legal[clear], (found > maze.radius)[clear])
    assert 0.3 < legal.float().mean() < 0.98


def test_a_long_segment_that_clips_a_corner_near_its_end():
    """Both ends are legal and the first is 1.5 from any wall, but at (0.5, 0.57) the way is 0.05 from a pillar."""
    maze = Maze(("#########", *["#.......#"] * 3, "#...#...#", *["#.......#"] * 3, "#########"))
    begin, end = torch.tensor([[2.0, -1.0]]), torch.tensor([[0.45, 0.62]])
    assert float(maze.clearance(begin)) == pytest.approx(1.5) and maze.is_legal(end)
    assert not maze.legal_segments(begin, end).any() and not maze.legal_segments(end, begin).any()
    assert maze.legal_segments(begin, end + torch.tensor([0.0, 0.2])).all()
    beside = torch.tensor([[-1.5, 0.55], [1.5, 0.55]])  # both ends 1 from any wall, the way 0.05 from the pillar
    assert maze.clearance(beside).min() > 1 and not maze.legal_segments(beside[:1], beside[1:]).any()


def test_a_path_is_legal_up_to_its_last_point():
    maze = Maze(MAZES["small"])
    around = [[-1, 1], [1, 1], [1, -1], [-1, -1]]
    through = [[-1, 1], [1, 1], [-1, -1], [-1, -1]]  # the ends of its second piece are legal, its middle is a wall
    paths = torch.tensor([around, through]).float()
    assert maze.legal_paths(paths).tolist() == [True, False]
    assert maze.legal_paths(paths, last=1).tolist() == [True, True]


def test_points_are_uniform_over_the_legal_region():
    maze = Maze(MAZES["small"])
    points = maze.draw(20_000, seeded())
    assert maze.is_legal(points).all()
    legal = raster(maze) >= maze.radius
    in_cells = legal.reshape(maze.height, FINE, maze.width, FINE).sum(axis=(1, 3)) / legal.sum()
    for row, column in maze.free_cells:
        x, y = maze.centre((row, column))
        share = ((points - torch.tensor([x, y])).abs() < 0.5).all(dim=1).float().mean()
        assert abs(float(share) - in_cells[row, column]) < 5 * (0.2 / 20_000) ** 0.5 + 0.005


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        (("###", "##"), "equally long"),
        ((), "equally long"),
        (("###", "#x#", "###"), "made of"),
        (("###", "#..", "###"), "border"),
        (("###", "###"), "free cell"),
    ],
)
def test_what_is_no_maze(rows, named):
    with pytest.raises(InputError, match=named):
        Maze(rows)


def test_what_is_no_radius():
    with pytest.raises(InputError, match="radius"):
        Maze(MAZES["small"], radius=0.5)


def test_the_mazes_are_those_of_point_maze():
    maps = pytest.importorskip("gymnasium_robotics.envs.maze.maps", reason="PointMaze is not installed")
    theirs = {"small": maps.U_MAZE, "medium": maps.MEDIUM_MAZE, "large": maps.LARGE_MAZE}
    assert theirs.keys() == MAZES.keys()
    for name, grid in theirs.items():
        assert [[int(sign == WALL) for sign in row] for row in MAZES[name]] == grid


def test_coordinates_are_those_of_point_maze():
    maze_v4 = pytest.importorskip("gymnasium_robotics.envs.maze.maze_v4", reason="PointMaze is not installed")
    maze = Maze(MAZES["large"])
    theirs = maze_v4.Maze([[int(sign == WALL) for sign in row] for row in maze.rows], 1, 0.4)
    for cell in maze.free_cells:
        np.testing.assert_allclose(theirs.cell_rowcol_to_xy(np.array(cell)), maze.centre(cell))
