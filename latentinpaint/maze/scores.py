"""How good plans are: how many are legal, how long they are beside shortest routes, and what they cost."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from scipy.stats import binomtest
from torch import Tensor

from latentinpaint.maze.planning import Planner
from latentinpaint.maze.routes import FineGrid, route_length
from latentinpaint.maze.walls import Maze
from latentinpaint.runtime.randomness import numbered_generator


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a method made of pairs.

    Attributes:
        legal: (N,), whether a path is legal from its start to its goal.
        lengths: (N,), of the paths.
        seconds: for all of them.
    """

    legal: Tensor
    lengths: Tensor
    seconds: float

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval of 95 % for the share that is legal."""
        found = binomtest(int(self.legal.sum()), len(self.legal)).proportion_ci(method="wilson")
        return found.low, found.high

    def length_ratios(self, shortest: Tensor) -> Tensor:
        """Lengths over those of shortest routes (N,), of the legal paths."""
        return self.lengths[self.legal] / shortest[self.legal]


def draw_pairs(maze: Maze, count: int, seed: int) -> Tensor:
    """Starts and goals (count, 2, 2), independent and uniform over the legal region."""
    points = maze.draw(2 * count, numbered_generator(seed, "pairs"))
    return points.reshape(count, 2, 2)


def by_flow(planner: Planner, pairs: Tensor, seed: int, progress: Callable[[float], None] | None = None) -> Outcome:
    """Plans of a flow for pairs (N, 2, 2)."""
    started = time.monotonic()
    plans = planner.plan(pairs, seed, progress)
    seconds = time.monotonic() - started
    return Outcome(plans.legal, _lengths(plans.trimmed()), seconds)


def by_routes(maze: Maze, pairs: Tensor) -> Outcome:
    """Shortest routes on a `FineGrid` by A*; making the grid counts too."""
    started = time.monotonic()
    grid = FineGrid(maze)
    routes = []
    for start, goal in pairs.tolist():
        routes.append(grid.shortest(start, goal))
    return _measured(maze, routes, time.monotonic() - started)


def by_straight_lines(maze: Maze, pairs: Tensor) -> Outcome:
    """The straight line from start to goal."""
    started = time.monotonic()
    routes = list(pairs)
    return _measured(maze, routes, time.monotonic() - started)


def _measured(maze: Maze, routes: list[Tensor], seconds: float) -> Outcome:
    legal = []
    for route in routes:
        legal.append(bool(maze.legal_paths(route[None])))
    return Outcome(torch.tensor(legal), _lengths(routes), seconds)


def _lengths(routes: Sequence[Tensor]) -> Tensor:
    return torch.tensor([route_length(route) for route in routes])
