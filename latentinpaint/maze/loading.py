"""Model files of flows that plan, and points as people write them."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.flows import HadamardFlow
from latentinpaint.maze.planning import Planner, SearchConfig
from latentinpaint.maze.walls import FREE, MAZES, WALL, Maze, Point
from latentinpaint.weights import load_flow, read_header


def load_planner(
    path: str | Path,
    config: SearchConfig | None = None,
    steps: int | None = None,
    epsilon: float | None = None,
    device: torch.device | None = None,
) -> Planner:
    """The planner of a flow that was trained on trajectories in a maze.

    Args:
        path: flow file, or folder of its training run.
        config: how plans are searched.
        steps, epsilon: in place of the flow's own, see `SamplerConfig`.
        device: where the flow runs; None is the processor.

    Raises:
        InputError: if there is no such file, or its flow knows no maze.
    """
    flow = load_flow(path)
    recorded = read_header(path)["recipe"].get("data") or {}
    if not isinstance(flow, HadamardFlow) or "maze" not in recorded:
        raise InputError(f"{path} holds a flow that was not trained in a maze: train one with the recipe maze")
    if device is not None:
        flow = flow.to(device)
    sampler = flow.sampler
    if steps is not None:
        sampler = replace(sampler, steps=steps)
    if epsilon is not None:
        sampler = replace(sampler, epsilon=epsilon)
    config = replace(config or SearchConfig(), sampler=sampler)
    return Planner(flow, Maze(tuple(recorded["maze"]), recorded["radius"]), recorded["scale"], config)


def open_maze(name: str) -> Maze:
    """A maze by its name in `MAZES`, or of a text file with a row of the grid on every line.

    Raises:
        InputError: if there is none, or it is no maze.
    """
    if name in MAZES:
        return Maze(MAZES[name])
    path = Path(name)
    if not path.is_file():
        raise InputError(f"there is no maze or file '{name}': mazes are {', '.join(MAZES)}")
    try:
        lines = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no text file of a maze, rows of {WALL} and {FREE}") from error
    return Maze(tuple(lines))


def read_stops(maze: Maze, texts: dict[str, str]) -> Tensor:
    """Legal points (n, 2) as people write them, two numbers with a comma between.

    Args:
        maze: where they lie.
        texts: the points, by the names that messages call them.

    Raises:
        InputError: if one is no point, or lies outside the maze, in a wall or too near to one.
    """
    points = []
    for name, text in texts.items():
        point = _read_point(name, text)
        _check_point(maze, name, point)
        points.append(point)
    return torch.tensor(points)


def _read_point(name: str, text: str) -> Point:
    try:
        x, y = (float(number) for number in text.split(","))
    except ValueError as error:
        raise InputError(f"{name} is a point x,y, such as 1.5,-2, not {text}") from error
    return x, y


def _check_point(maze: Maze, name: str, point: Point) -> None:
    x, y = point
    place = f"{name} {x:g},{y:g}"
    half_width = maze.width / 2
    half_height = maze.height / 2
    if not (abs(x) < half_width and abs(y) < half_height):
        raise InputError(
            f"{place} lies outside the maze: x is from {-half_width:g} to {half_width:g}, "
            f"y from {-half_height:g} to {half_height:g}"
        )
    if not maze.is_free(maze.cell(point)):
        raise InputError(f"{place} lies in a wall: choose a point in a free cell")
    if not maze.is_legal(torch.tensor(point)):
        raise InputError(f"{place} is too near to a wall: the point mass needs {maze.radius:g} around it")
