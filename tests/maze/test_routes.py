"""Shortest routes beside SciPy's Dijkstra and a length by hand."""

import math

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from latentinpaint.errors import InputError
from latentinpaint.maze.routes import FineGrid, a_star, cell_route, route_length
from latentinpaint.maze.walls import MAZES, Maze


def test_a_star_is_as_short_as_dijkstra():
    grid = FineGrid(Maze(MAZES["medium"]))
    begins, ends, lengths = zip(
        *[(begin, end, length) for begin, edges in enumerate(grid.edges) for end, length in edges], strict=True
    )
    count = len(grid.points)
    shortest = dijkstra(csr_matrix((lengths, (begins, ends)), shape=(count, count)), indices=[0, 100])
    for row, start in enumerate((0, 100)):
        for goal in range(3, count, 37):
            end = grid.points[goal]
            route = a_star(start, goal, grid.edges.__getitem__, lambda n, end=end: math.dist(grid.points[n], end))
            assert route[0] == start and route[-1] == goal
            steps = [dict(grid.edges[here])[there] for here, there in zip(route, route[1:], strict=False)]
            assert sum(steps) == pytest.approx(shortest[row, goal], abs=1e-4)


def test_cells_are_as_far_as_by_dijkstra():
    """The farthest two cells of the large maze are 19 steps apart."""
    maze = Maze(MAZES["large"])
    numbers = {cell: number for number, cell in enumerate(maze.free_cells)}
    beside = np.zeros((len(numbers), len(numbers)))
    for (row, column), number in numbers.items():
        for other in ((row + 1, column), (row, column + 1)):
            if other in numbers:
                beside[number, numbers[other]] = beside[numbers[other], number] = 1
    distance = dijkstra(csr_matrix(beside))
    assert distance.max() == 19
    for start in maze.free_cells[::5]:
        for goal, number in numbers.items():
            assert len(cell_route(maze, start, goal)) - 1 == distance[numbers[start], number]


def test_a_route_around_a_wall():
    """From (-1, 1) to (-1, -1) around two corners at (0.5, ±0.5) the disc's middle goes straight to a tangent of the
    circle of radius 0.1 around a corner, along it, and along the wall's end of length 1."""
    far = 1.5**2 + 0.5**2
    tangent = math.sqrt(far - 0.1**2)
    turn = math.pi / 2 - (math.atan2(0.5, 1.5) - math.asin(0.1 / math.sqrt(far)))
    shortest = 2 * tangent + 1 + 2 * 0.1 * turn
    assert shortest == pytest.approx(4.4184, abs=1e-4)
    maze = Maze(MAZES["small"])
    route = FineGrid(maze).shortest((-1, 1), (-1, -1))
    assert maze.legal_paths(route[None]).all()
    assert route[0].tolist() == [-1, 1] and route[-1].tolist() == [-1, -1]
    assert shortest - 1e-4 < route_length(route) < 1.02 * shortest


def test_routes_are_legal_and_straight_where_they_can_be():
    maze = Maze(MAZES["large"])
    grid = FineGrid(maze)
    points = maze.draw(60, torch.Generator().manual_seed(0)).tolist()
    straights = 0
    for start, goal in zip(points[::2], points[1::2], strict=True):
        route = grid.shortest(start, goal)
        assert maze.legal_paths(route[None]).all()
        assert route_length(route) >= math.dist(start, goal) - 1e-5
        line = torch.tensor([[start, goal]])
        if maze.legal_paths(line).all():
            straights += 1
            assert len(route) == 2
    assert straights > 0


def test_where_no_way_leads():
    maze = Maze(("#####", "#.#.#", "#####"))
    with pytest.raises(InputError, match="no way"):
        FineGrid(maze).shortest((-1, 0), (1, 0))
    with pytest.raises(InputError, match="no way"):
        cell_route(maze, (1, 1), (1, 3))
