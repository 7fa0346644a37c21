"""The controller, driving a point mass by Newton's law: it keeps clear of the walls and comes everywhere."""

import torch
from point_mass import drive

from latentinpaint.maze.controller import Motion, WaypointController, ends_and_corners
from latentinpaint.maze.walls import MAZES, Maze


def test_waypoints_of_a_route():
    route = [(1, 1), (1, 2), (1, 3), (2, 3), (3, 3), (3, 4)]
    assert ends_and_corners(route) == [(1, 1), (1, 3), (3, 3), (3, 4)]
    assert ends_and_corners([(1, 1)]) == [(1, 1), (1, 1)]


def test_it_comes_everywhere_and_touches_nothing():
    maze = Maze(MAZES["large"])
    positions = drive(maze, 12_000, seed=0)
    assert maze.is_legal(positions).all()
    visited = {maze.cell(point) for point in positions[::20].tolist()}
    assert len(visited) > 0.9 * len(maze.free_cells)
    chords = maze.legal_segments(positions[:-6:5], positions[6::5])
    assert chords.all()
    speed = (positions[1:] - positions[:-1]).abs().amax(dim=1) / 0.01
    assert speed.max() < 1.05 * Motion().top_speed
    assert speed.median() > 2


def test_equal_seeds_drive_alike():
    maze = Maze(MAZES["small"])
    assert torch.equal(drive(maze, 300, seed=3), drive(maze, 300, seed=3))
    assert not torch.equal(drive(maze, 300, seed=3), drive(maze, 300, seed=4))


def test_a_goal_beside_the_way_is_reached_from_its_own_cell():
    """The goal's x is free in its own row alone: on the way down, a corner of the column's walls is in between."""
    maze = Maze(("#####", "##.##", "##.##", "#...#", "#####"))
    controller = WaypointController(maze, seed=0)
    controller.waypoints = [controller._waypoint(cell) for cell in ends_and_corners([(1, 2), (2, 2), (3, 2)])]
    goal = (-0.49, -1.0)
    controller.waypoints.append(goal)
    positions = drive(maze, 150, controller=controller, start=(0.0, 1.0))
    assert maze.is_legal(positions).all()
    assert (positions - torch.tensor(goal)).norm(dim=1).min() < 0.05
