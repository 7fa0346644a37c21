"""Trajectories of the point mass in the simulator, recorded in parts: stopped and resumed at any moment.

A part is one run from a start of its own, and depends on the seed and its number alone. Parts are written whole to a
folder beside the trajectory's file and joined when all are there.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from latentinpaint.data.trajectories import Trajectories, load_trajectories, save_trajectories
from latentinpaint.errors import InputError, whole_number
from latentinpaint.maze.controller import WaypointController
from latentinpaint.maze.walls import WALL, Maze
from latentinpaint.runtime.randomness import seed_for

PART = 50_000  # steps of a part

Progress = Callable[[float], None]


def scale_of(maze: Maze) -> float:
    """What positions are divided by for a flow, so that their variance is near 1: a quarter of the longer side."""
    return max(maze.width, maze.height) / 4


def record(
    maze: Maze, steps: int, seed: int, path: str | Path, progress: Progress | None = None, part_steps: int = PART
) -> Trajectories:
    """Record `steps` steps of the controller and write them as one file; parts that are there are kept.

    Args:
        maze: where it drives.
        steps: of the simulator, 0.01 s each, a multiple of `part_steps` or fewer than that.
        seed: of the starts, goals and speeds.
        path: of the file, .safetensors.
        progress: called with the fraction that is done.
        part_steps: of a part.

    Raises:
        InputError: if the simulator is missing, the steps make no whole parts, or parts of another recording are
            there.
    """
    part_steps = min(part_steps, whole_number("steps", steps, 2))
    if steps % part_steps:
        raise InputError(f"steps is a multiple of {part_steps}, or less, not {steps}")
    path = Path(path)
    folder = path.with_name(f"{path.stem}_parts")
    description = {"maze": list(maze.rows), "radius": maze.radius, "seed": seed}
    count = steps // part_steps
    simulator = None
    parts = []
    for number in range(count):
        part_path = folder / f"{number:04d}.safetensors"
        if part_path.is_file():
            parts.append(_kept_part(part_path, description, part_steps))
        else:
            simulator = simulator or Simulator(maze)
            positions = simulator.run(part_steps, seed_for(seed, number) % 2**31)
            save_trajectories(Trajectories(positions[None], scale_of(maze), description), part_path)
            parts.append(positions[None])
        if progress is not None:
            progress((number + 1) / count)
    whole = Trajectories(torch.cat(parts), scale_of(maze), description)
    save_trajectories(whole, path)
    shutil.rmtree(folder)
    return whole


def _kept_part(path: Path, description: dict[str, Any], steps: int) -> Tensor:
    kept = load_trajectories(path)
    if kept.description != description or kept.positions.shape[1] != steps:
        raise InputError(f"{path.parent} holds parts of another recording: delete it, or choose another file")
    return kept.positions


class Simulator:
    """Gymnasium-Robotics' PointMaze with a maze of ours.

    Raises:
        InputError: if it is not installed.
    """

    def __init__(self, maze: Maze) -> None:
        try:
            import gymnasium
            import gymnasium_robotics
        except ImportError as error:
            raise InputError("PointMaze is not installed: pip install 'latentinpaint[maze]'") from error
        gymnasium.register_envs(gymnasium_robotics)
        self.maze = maze
        grid = [[int(sign == WALL) for sign in row] for row in maze.rows]
        self.environment = gymnasium.make("PointMaze_UMaze-v3", maze_map=grid, reset_target=False).unwrapped

    def run(self, steps: int, seed: int) -> Tensor:
        """Positions (steps, 2) of the point mass, driven by a `WaypointController`."""
        controller = WaypointController(self.maze, seed)
        observation, _ = self.environment.reset(seed=seed)
        positions = torch.empty(steps, 2)
        for step in range(steps):
            x, y, along_x, along_y = observation["observation"].tolist()
            positions[step, 0] = x
            positions[step, 1] = y
            force = controller.force((x, y), (along_x, along_y))
            observation, *_ = self.environment.step(force)
        return positions
