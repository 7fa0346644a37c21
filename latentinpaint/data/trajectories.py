"""Recorded trajectories, and windows of them as samples for flows.

A file holds positions (parts, steps, dimensions) in safetensors, and in its header what they are divided by for a
flow and what the recording was of. A window is a sample (dimensions, points, 1): a picture of one column, so that the
points of a path have clocks of their own as the pixels of a picture have.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from latentinpaint.data.distributions import Collection
from latentinpaint.errors import InputError
from latentinpaint.files import mistaken_weights, user_path, write_bytes

MAZE = "maze"
SUFFIX = ".safetensors"
_KEY = "latentinpaint_trajectories"


@dataclass(frozen=True, eq=False)
class Trajectories:
    """Positions at equal times.

    Attributes:
        positions: (parts, steps, dimensions); a part is one run, nothing leads from one to another.
        scale: what positions are divided by for a flow, above 0.
        description: any JSON that says what was recorded.
    """

    positions: Tensor
    scale: float
    description: dict[str, Any] = field(default_factory=dict)


def save_trajectories(trajectories: Trajectories, path: str | Path) -> None:
    """Write trajectories as one file, whole or not at all."""
    header = {"scale": trajectories.scale, "description": trajectories.description}
    positions = trajectories.positions.float().contiguous()
    write_bytes(path, save({"positions": positions}, metadata={_KEY: json.dumps(header)}))


def load_trajectories(path: str | Path) -> Trajectories:
    """What `save_trajectories` wrote.

    Raises:
        InputError: if there is no such file, or it is none of this kind.
    """
    path = user_path(path)
    if not path.is_file():
        raise InputError(f"there is no file {path} of trajectories: record it with record_maze")
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(_KEY)
            if text is None:
                raise InputError(f"{path} is a safetensors file, but holds no trajectories")
            positions = file.get_tensor("positions")
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} holds no trajectories{mistaken_weights(path)}") from error
    header = json.loads(text)
    return Trajectories(positions, header["scale"], header["description"])


def is_recorded(name: str) -> bool:
    """Whether the name of a collection stands for a file of trajectories."""
    return name == MAZE or name.endswith(SUFFIX)


def recorded_path(name: str, downloads: str | Path) -> Path:
    """The file of trajectories that a name stands for: itself, or `MAZE` in the folder `downloads`."""
    return Path(downloads) / f"{MAZE}{SUFFIX}" if name == MAZE else Path(name)


class Windows(Collection):
    """Windows of trajectories, drawn at random.

    Args:
        trajectories: what they are cut from.
        length: of a window, in steps.
        stride: steps between two of its points.
    """

    def __init__(self, trajectories: Trajectories, length: int = 300, stride: int = 6) -> None:
        _, steps, dimensions = trajectories.positions.shape
        if steps < length:
            raise InputError(f"trajectories of {steps} steps have no windows of {length}: record longer ones")
        self.trajectories = trajectories
        self.length = length
        self.stride = stride
        self.shape = window_shape(length, stride, dimensions)

    def description(self) -> dict[str, Any]:
        """What was recorded, and the scale of the samples."""
        return {**self.trajectories.description, "scale": self.trajectories.scale}

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        parts, steps, _ = self.trajectories.positions.shape
        part = torch.randint(parts, (count, 1), generator=generator)
        begin = torch.randint(steps - self.length + 1, (count, 1), generator=generator)
        points = self.trajectories.positions[part, begin + torch.arange(0, self.length, self.stride)]
        return (points / self.trajectories.scale).transpose(1, 2)[..., None].contiguous()


def window_shape(length: int, stride: int, dimensions: int = 2) -> tuple[int, int, int]:
    """The shape of a sample.

    Raises:
        InputError: if a window is no whole number of strides, two at least.
    """
    if stride < 1 or length % stride or length < 2 * stride:
        raise InputError(f"data.window is a multiple of data.stride, twice it at least, not {length} and {stride}")
    return dimensions, length // stride, 1
