"""A waypoint controller: it drives the point mass from goal to goal, each anywhere in the legal region.

A shortest route over the cells is made of straight runs. The waypoints are its two ends and the corners between the
runs, each somewhere in the middle of its cell, so that trajectories use the width of the corridors. Along each axis
the mass moves as fast as it can still brake (v^2 = 2 a d); it heads for the next waypoint as soon as it is in the
cell of one with its whole disc, and therefore always between two places with nothing but free cells between them.
"""

import math
from dataclasses import dataclass, replace

import torch

from latentinpaint.maze.routes import cell_route
from latentinpaint.maze.walls import Cell, Maze, Point
from latentinpaint.runtime.randomness import numbered_generator


@dataclass(frozen=True)
class Motion:
    """How the point mass is driven.

    Args:
        top_speed: along an axis, cells a second; PointMaze allows 5.
        slowest: share of the top speed that a goal is approached with at least.
        braking: the deceleration that is relied on, cells a second squared; PointMaze's mass of 4.19 kg and force of
            100 N make 24.
        gain: share of the full force for a speed that is wrong by 1.
        arrival: distance at which a goal counts as reached.
        lane: waypoints lie within this distance of their cell's middle, along either axis.
        margin: what goals and turns keep clear of the walls beyond the disc's radius: room to brake late.
    """

    top_speed: float = 5.0
    slowest: float = 0.4
    braking: float = 18.0
    gain: float = 2.5
    arrival: float = 0.03
    lane: float = 0.2
    margin: float = 0.02


class WaypointController:
    """Forces for the point mass, one step after another.

    Args:
        maze: where it drives.
        seed: of the goals, lanes and speeds.
        motion: how it drives.
    """

    def __init__(self, maze: Maze, seed: int, motion: Motion | None = None) -> None:
        self.maze = maze
        self.motion = motion or Motion()
        self.wide = replace(maze, radius=maze.radius + self.motion.margin)
        self.generator = numbered_generator(seed, "controller")
        self.waypoints: list[Point] = []
        self.speed = self.motion.top_speed

    def force(self, position: Point, velocity: Point) -> Point:
        """The force along both axes, each in [-1, 1], at a position and velocity."""
        while self._is_past_waypoint(position):
            self.waypoints.pop(0)
            if not self.waypoints:
                self._choose_goal(position)
        x, y = self.waypoints[0]
        return self._along_axis(x - position[0], velocity[0]), self._along_axis(y - position[1], velocity[1])

    def _along_axis(self, distance: float, velocity: float) -> float:
        wanted = min(self.speed, math.sqrt(2 * self.motion.braking * abs(distance)))
        force = self.motion.gain * (math.copysign(wanted, distance) - velocity)
        return max(-1.0, min(1.0, force))

    def _is_past_waypoint(self, position: Point) -> bool:
        if not self.waypoints:
            self._choose_goal(position)
            return False
        waypoint = self.waypoints[0]
        if len(self.waypoints) == 1:
            return math.dist(position, waypoint) < self.motion.arrival
        x, y = self.maze.centre(self.maze.cell(waypoint))
        return max(abs(position[0] - x), abs(position[1] - y)) <= 0.5 - self.wide.radius

    def _choose_goal(self, position: Point) -> None:
        """Draw a goal and the speed towards it, and place the waypoints."""
        (goal,) = self.wide.draw(1, self.generator).tolist()
        route = cell_route(self.maze, self.maze.cell(position), self.maze.cell(goal))
        self.waypoints = [self._waypoint(cell) for cell in ends_and_corners(route)]
        self.waypoints.append(tuple(goal))
        hurry = self._uniform()
        # Half of the goals at full speed: only so are the farthest within a window's reach.
        share = 1.0 if hurry < 0.5 else self.motion.slowest + (1 - self.motion.slowest) * self._uniform()
        self.speed = share * self.motion.top_speed

    def _waypoint(self, cell: Cell) -> Point:
        x, y = self.maze.centre(cell)
        right = self.motion.lane * (2 * self._uniform() - 1)
        up = self.motion.lane * (2 * self._uniform() - 1)
        return x + right, y + up

    def _uniform(self) -> float:
        return float(torch.rand(1, generator=self.generator))


def ends_and_corners(route: list[Cell]) -> list[Cell]:
    """The cells of a route where it begins, turns and ends."""
    found = [route[0]]
    for before, here, after in zip(route, route[1:], route[2:], strict=False):
        if (here[0] - before[0], here[1] - before[1]) != (after[0] - here[0], after[1] - here[1]):
            found.append(here)
    return [*found, route[-1]]
