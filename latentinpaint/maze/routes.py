"""Shortest routes through a maze by A* (Hart, Nilsson and Raphael 1968), over its cells and over a finer grid."""

import heapq
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.maze.walls import Cell, Maze

NODES_PER_SIDE = 5  # of a cell: the outermost are 0.1 from a wall, where PointMaze's disc touches it
REACH = 0.5  # a start or goal is joined to the nodes that it sees within this distance

Node = TypeVar("Node")


def a_star(
    start: Node,
    goal: Node,
    neighbours: Callable[[Node], Iterable[tuple[Node, float]]],
    estimate: Callable[[Node], float],
) -> list[Node] | None:
    """The nodes of a shortest route from start to goal, both included; None if there is none.

    Args:
        start, goal: nodes, hashable.
        neighbours: the nodes next to a node, and how far they are.
        estimate: of the distance to the goal, never too long, and no longer than by way of a neighbour.
    """
    distance = {start: 0.0}
    previous: dict[Node, Node] = {}
    done: set[Node] = set()
    order = 0  # of equals the oldest goes first, so that nodes are never compared
    queue = [(estimate(start), order, start)]
    while queue:
        _, _, node = heapq.heappop(queue)
        if node == goal:
            return _traced(previous, goal)
        if node in done:
            continue
        done.add(node)
        for other, length in neighbours(node):
            reached = distance[node] + length
            if reached < distance.get(other, math.inf):
                distance[other] = reached
                previous[other] = node
                order += 1
                heapq.heappush(queue, (reached + estimate(other), order, other))
    return None


def _traced(previous: dict[Node, Node], goal: Node) -> list[Node]:
    route = [goal]
    while route[-1] in previous:
        route.append(previous[route[-1]])
    route.reverse()
    return route


def cell_route(maze: Maze, start: Cell, goal: Cell) -> list[Cell]:
    """The cells of a shortest way from side to side, both included.

    Raises:
        InputError: if there is none.
    """

    def neighbours(cell: Cell) -> Iterable[tuple[Cell, float]]:
        row, column = cell
        beside = ((row, column + 1), (row + 1, column), (row, column - 1), (row - 1, column))
        for other in beside:
            if maze.is_free(other):
                yield other, 1.0

    def estimate(cell: Cell) -> float:
        return abs(cell[0] - goal[0]) + abs(cell[1] - goal[1])

    route = a_star(start, goal, neighbours, estimate)
    if route is None:
        raise InputError(f"no way leads from cell {start} of the maze to cell {goal}")
    return route


def route_length(route: Tensor) -> float:
    """The length of a path (L, 2)."""
    return float((route[1:] - route[:-1]).norm(dim=-1).sum())


class FineGrid:
    """Legal points at equal distances, joined to their eight neighbours wherever the disc has room between them.

    Args:
        maze: in whose coordinates points are.
        nodes_per_side: points along a cell's side.
    """

    def __init__(self, maze: Maze, nodes_per_side: int = NODES_PER_SIDE) -> None:
        self.maze = maze
        self.nodes = self._legal_nodes(nodes_per_side)
        self.points: list[list[float]] = self.nodes.tolist()
        self.edges = self._legal_edges(1.5 / nodes_per_side)

    def shortest(self, start: Sequence[float], goal: Sequence[float]) -> Tensor:
        """A route (n, 2) from start to goal, both included, shortened wherever a straight piece is legal.

        Raises:
            InputError: if none leads there.
        """
        ends = torch.tensor([list(start), list(goal)], dtype=torch.float32)
        if self.maze.legal_segments(ends[:1], ends[1:]).all():
            return ends
        route = self._search(ends[0], ends[1])
        if route is None:
            raise InputError(f"no way leads from {tuple(start)} to {tuple(goal)}")
        return self._shortened(torch.cat([ends[:1], self.nodes[route], ends[1:]]))

    def _legal_nodes(self, per_side: int) -> Tensor:
        steps = (torch.arange(per_side) + 0.5) / per_side - 0.5
        offsets = torch.cartesian_prod(steps, steps)
        nodes = (self.maze.free_centres[:, None] + offsets).reshape(-1, 2)
        return nodes[self.maze.is_legal(nodes)]

    def _legal_edges(self, reach: float) -> list[list[tuple[int, float]]]:
        """The neighbours of every node, and how far they are."""
        distance = torch.cdist(self.nodes, self.nodes)
        near = ((distance > 0) & (distance < reach)).nonzero()
        begins = self.nodes[near[:, 0]]
        ends = self.nodes[near[:, 1]]
        legal = self.maze.legal_segments(begins, ends)
        edges: list[list[tuple[int, float]]] = [[] for _ in self.points]
        for begin, end in near[legal].tolist():
            edges[begin].append((end, float(distance[begin, end])))
        return edges

    def _search(self, start: Tensor, goal: Tensor) -> list[int] | None:
        """The numbers of the nodes on a shortest way between two points (2,)."""
        outside = -1  # the start, and the goal after it, have numbers that no node has
        entries = self._seen_from(start)
        exits = dict(self._seen_from(goal))
        x, y = goal.tolist()

        def neighbours(node: int) -> Iterable[tuple[int, float]]:
            if node == outside:
                return entries
            if node in exits:
                return [*self.edges[node], (len(self.points), exits[node])]
            return self.edges[node]

        def estimate(node: int) -> float:
            if not 0 <= node < len(self.points):
                return 0.0
            return math.dist(self.points[node], (x, y))

        route = a_star(outside, len(self.points), neighbours, estimate)
        if route is None:
            return None
        return route[1:-1]

    def _seen_from(self, point: Tensor) -> list[tuple[int, float]]:
        """The nodes that are near a point (2,) and not behind a wall, and how far they are."""
        distance = (self.nodes - point).norm(dim=-1)
        near = (distance < REACH).nonzero()[:, 0]
        legal = self.maze.legal_segments(point.expand(len(near), 2), self.nodes[near])
        seen = near[legal]
        return list(zip(seen.tolist(), distance[seen].tolist(), strict=True))

    def _shortened(self, route: Tensor) -> Tensor:
        """A route (n, 2) without the points that can be left out: from each, straight on to the last that it sees."""
        kept = [0]
        while kept[-1] < len(route) - 1:
            here = kept[-1]
            ahead = route[here + 1 :]
            seen = self.maze.legal_segments(route[here].expand_as(ahead), ahead)
            seen[0] = True
            kept.append(here + 1 + int(seen.nonzero()[-1]))
        return route[kept]
