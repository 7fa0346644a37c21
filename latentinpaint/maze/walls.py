"""A maze described by its grid: where the walls are, and where a disc may be.

Cells are squares of side 1. The origin is the middle of the maze, x points right and y up, so that the first row of
the grid lies on top; these are the coordinates of Gymnasium-Robotics' PointMaze. A point is legal where the disc of
the point mass around it does not overlap a wall, a path where every point of its straight pieces is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from latentinpaint.errors import InputError

WALL = "#"
FREE = "."
RADIUS = 0.1  # of PointMaze's point mass
ROUNDING = 1e-5  # what float32 may lack of a distance to be at least the radius

Cell = tuple[int, int]
Point = tuple[float, float]

# PointMaze's own maps (Fu et al., "D4RL", arXiv 2004.07219).
MAZES = {
    "small": ("#####", "#...#", "###.#", "#...#", "#####"),
    "medium": (
        "########",
        "#..##..#",
        "#..#...#",
        "##...###",
        "#..#...#",
        "#.#..#.#",
        "#...#..#",
        "########",
    ),
    "large": (
        "############",
        "#....#.....#",
        "#.##.#.#.#.#",
        "#......#...#",
        "#.####.###.#",
        "#..#.#.....#",
        "##.#.#.#.###",
        "#..#...#...#",
        "############",
    ),
}


@dataclass(frozen=True)
class Maze:
    """Walls on a grid, and the disc that moves between them.

    Args:
        rows: the grid from the top, `WALL` or `FREE` for every cell; its border is of walls.
        radius: of the disc, at least 0 and below half a cell.

    Raises:
        InputError: if the grid is no closed rectangle, has other signs or no free cell.
    """

    rows: tuple[str, ...]
    radius: float = RADIUS

    def __post_init__(self) -> None:
        if not self.rows or len({len(row) for row in self.rows}) != 1:
            raise InputError("the rows of a maze are equally long, and there is one at least")
        if set("".join(self.rows)) - {WALL, FREE}:
            raise InputError(f"a maze is made of {WALL} (wall) and {FREE} (free)")
        upright = "".join(row[0] + row[-1] for row in self.rows)
        if FREE in self.rows[0] + self.rows[-1] + upright:
            raise InputError("the border of a maze is all walls")
        if not self.free_cells:
            raise InputError("a maze has a free cell at least")
        if not 0 <= self.radius < 0.5:
            raise InputError(f"the radius of a maze's disc is from 0 to below half a cell, not {self.radius}")

    @property
    def width(self) -> int:
        """Cells in a row."""
        return len(self.rows[0])

    @property
    def height(self) -> int:
        """Rows."""
        return len(self.rows)

    @cached_property
    def free_cells(self) -> list[Cell]:
        """Rows and columns of the free cells."""
        return self._cells(FREE)

    @cached_property
    def walls(self) -> Tensor:
        """The middles of the wall cells (n, 2)."""
        return self._centres(self._cells(WALL))

    @cached_property
    def free_centres(self) -> Tensor:
        """The middles of the free cells (n, 2)."""
        return self._centres(self.free_cells)

    def centre(self, cell: Cell) -> Point:
        """The middle of a cell (row, column)."""
        row, column = cell
        return column + 0.5 - self.width / 2, self.height / 2 - row - 0.5

    def cell(self, point: Sequence[float]) -> Cell:
        """Row and column of the cell that a point lies in; of a point outside the maze they are not of the grid."""
        x, y = point
        return int((self.height / 2 - y) // 1), int((x + self.width / 2) // 1)

    def is_free(self, cell: Cell) -> bool:
        """Whether a cell (row, column) is in the maze and no wall."""
        row, column = cell
        return 0 <= row < self.height and 0 <= column < self.width and self.rows[row][column] == FREE

    def clearance(self, points: Tensor) -> Tensor:
        """Distances (…) of points (…, 2) from the nearest wall; 0 in a wall and outside the maze."""
        beyond = (points[..., None, :] - self.walls.to(points)).abs() - 0.5
        distance = beyond.clamp(min=0).norm(dim=-1).amin(dim=-1)
        return torch.where(self._inside(points), distance, 0.0)

    def is_legal(self, points: Tensor) -> Tensor:
        """Whether the disc around points (…, 2) overlaps no wall: bool (…)."""
        return self._is_wide(self.clearance(points)) & self._inside(points)

    def segment_clearance(self, begins: Tensor, ends: Tensor) -> Tensor:
        """Distances (n,) of straight segments between points (n, 2) in the maze from the nearest wall.

        The distance from a square along a segment is convex, straight beside its sides and a hyperbola around its
        corners: its least value is at an end, where the segment meets the line of a side, or nearest to a corner.
        """
        begin = begins[:, None] - self.walls.to(begins)  # (n, walls, 2), seen from the middle of each wall
        step = (ends - begins)[:, None].expand_as(begin)
        times = [torch.zeros_like(begin[..., 0]), torch.ones_like(begin[..., 0])]
        squared = (step * step).sum(dim=-1).clamp(min=1e-12)
        for side in (-0.5, 0.5):
            times.extend(((side - begin) / _away_from_zero(step)).unbind(dim=-1))
            for other in (-0.5, 0.5):
                corner = begin.new_tensor([side, other])
                times.append(((corner - begin) * step).sum(dim=-1) / squared)
        time = torch.stack(times).clamp(0, 1)[..., None]
        beyond = (begin + time * step).abs() - 0.5
        return beyond.clamp(min=0).norm(dim=-1).amin(dim=(0, 2))

    def legal_segments(self, begins: Tensor, ends: Tensor) -> Tensor:
        """Whether the disc overlaps no wall anywhere on the way between points (…, 2): bool (…)."""
        shape = begins.shape[:-1]
        begins = begins.reshape(-1, 2)
        ends = ends.reshape(-1, 2)
        nearest = torch.minimum(self.clearance(begins), self.clearance(ends))
        legal = self.is_legal(begins) & self.is_legal(ends)
        # No point of a segment is farther from an end than half its length: most need no closer look.
        unsure = legal & ~self._is_wide(nearest - (ends - begins).norm(dim=-1) / 2)
        legal[unsure] = self._is_wide(self.segment_clearance(begins[unsure], ends[unsure]))
        return legal.reshape(shape)

    def legal_paths(self, paths: Tensor, last: int | None = None) -> Tensor:
        """Whether paths (B, L, 2) are legal up to their point number `last`, by default altogether: bool (B,)."""
        if last is not None:
            paths = paths[:, : last + 1]
        return self.legal_segments(paths[:, :-1], paths[:, 1:]).all(dim=1)

    def draw(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Legal points (count, 2), uniform over the legal region."""
        centres = self.free_centres
        found = torch.empty(0, 2)
        while len(found) < count:
            chosen = torch.randint(len(centres), (2 * count,), generator=generator)
            points = centres[chosen] + torch.rand(2 * count, 2, generator=generator) - 0.5
            found = torch.cat([found, points[self.is_legal(points)]])
        return found[:count]

    def _cells(self, sign: str) -> list[Cell]:
        cells: list[Cell] = []
        for row, line in enumerate(self.rows):
            for column, found in enumerate(line):
                if found == sign:
                    cells.append((row, column))
        return cells

    def _centres(self, cells: Sequence[Cell]) -> Tensor:
        return torch.tensor([self.centre(cell) for cell in cells])

    def _inside(self, points: Tensor) -> Tensor:
        limits = points.new_tensor([self.width / 2, self.height / 2])
        return (points.abs() < limits).all(dim=-1)

    def _is_wide(self, distance: Tensor) -> Tensor:
        return distance >= self.radius - ROUNDING


def _away_from_zero(values: Tensor) -> Tensor:
    """Values that can be divided by: where they are 0, any time will do."""
    return torch.where(values.abs() < 1e-12, torch.full_like(values, 1e-12), values)
