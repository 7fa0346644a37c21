"""A point mass that moves by Newton's law, without a simulator: 4.19 kg, 100 N an axis, at most 5 a second."""

import torch

from latentinpaint.data.trajectories import Trajectories, save_trajectories
from latentinpaint.maze.controller import WaypointController
from latentinpaint.maze.recording import scale_of

STEP = 0.01  # s
ACCELERATION = 100 / 4.19  # at full force


def drive(maze, steps, seed=0, controller=None, start=None):
    """Positions (steps, 2) under a controller; there are no walls, so that a controller that needs them is found."""
    controller = controller or WaypointController(maze, seed)
    x, y = start or maze.centre(maze.free_cells[0])
    u = v = 0.0
    positions = []
    for _ in range(steps):
        positions.append((x, y))
        right, up = controller.force((x, y), (u, v))
        u = max(-5.0, min(5.0, u)) + ACCELERATION * right * STEP
        v = max(-5.0, min(5.0, v)) + ACCELERATION * up * STEP
        x += u * STEP
        y += v * STEP
    return torch.tensor(positions)


def write_recording(maze, path, steps=3000):
    """A file of trajectories as a recording makes it."""
    description = {"maze": list(maze.rows), "radius": maze.radius, "seed": 0}
    save_trajectories(Trajectories(drive(maze, steps)[None], scale_of(maze), description), path)
