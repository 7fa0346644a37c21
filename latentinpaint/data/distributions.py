"""Collections that flows learn from, drawn at random: noise, points in the plane, small pictures in memory.

A collection draws samples of one shape: points are (d,), pictures (C, H, W) in [-1, 1], the range that flows work in,
fields on a lattice (1, L, L) of any range.
`open_collection` finds one by its name.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentinpaint.data.picture_sets import DOWNLOADS, load_pictures
from latentinpaint.errors import InputError, choose

NORMAL = "normal"


class Collection(ABC):
    """A source of samples of one shape."""

    shape: tuple[int, ...]

    @abstractmethod
    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """`count` independent samples (count, *shape), float32."""

    def description(self) -> dict[str, Any]:
        """Any JSON that a model trained on it should keep."""
        return {}


class Normal(Collection):
    """Standard normal noise of a shape."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, *self.shape, generator=generator)


class Moons(Collection):
    """Two half circles of radius 1 that interlock, with a little noise; centred, in the plane."""

    shape = (2,)

    def __init__(self, std: float = 0.08) -> None:
        self.std = std

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        angle = math.pi * torch.rand(count, generator=generator)
        lower = torch.rand(count, generator=generator) < 0.5
        x = torch.where(lower, 1 - angle.cos(), angle.cos()) - 0.5
        y = torch.where(lower, 0.5 - angle.sin(), angle.sin()) - 0.25
        return torch.stack([x, y], dim=1) + self.std * torch.randn(count, 2, generator=generator)


class ShiftedNormal(Collection):
    """Normal points of unit variance around (1, 1)."""

    shape = (2,)
    centre = 1.0

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        return self.centre + torch.randn(count, 2, generator=generator)


class Ring(Collection):
    """Eight Gaussians on a circle of radius 2, in the plane."""

    shape = (2,)

    def __init__(self, std: float = 0.15) -> None:
        self.std = std

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        angle = math.pi / 4 * torch.randint(8, (count,), generator=generator)
        centres = 2 * torch.stack([angle.cos(), angle.sin()], dim=1)
        return centres + self.std * torch.randn(count, 2, generator=generator)


POINTS: dict[str, type[Collection]] = {"moons": Moons, "shifted_normal": ShiftedNormal, "ring": Ring}


class Pictures(Collection):
    """Small pictures in memory.

    Args:
        values: (N, C, H, W) uint8.
        flip: whether half of what is drawn is mirrored.
    """

    def __init__(self, values: Tensor, flip: bool = False) -> None:
        self.values = values
        self.flip = flip
        self.shape = tuple(values.shape[1:])

    def __len__(self) -> int:
        return len(self.values)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        chosen = to_range(self.values[torch.randint(len(self), (count,), generator=generator)])
        if not self.flip:
            return chosen
        mirrored = torch.rand(count, 1, 1, 1, generator=generator) < 0.5
        return torch.where(mirrored, chosen.flip(-1), chosen)

    def first(self, count: int | None = None) -> Tensor:
        """The first pictures, all of them for None, not mirrored."""
        return to_range(self.values[:count])


class Fields(Collection):
    """Fields on a periodic square lattice in memory.

    Args:
        values: (N, 1, L, L) float32.
        symmetric: whether what is drawn is moved by a symmetry of the lattice, chosen at random: a shift, a turn or a
            reflection.
        even: whether its sign is drawn as well, right for fields whose law does not depend on the sign.
    """

    def __init__(self, values: Tensor, symmetric: bool = False, even: bool = False) -> None:
        self.values = values
        self.symmetric = symmetric
        self.even = even
        self.shape = tuple(values.shape[1:])

    def __len__(self) -> int:
        return len(self.values)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        fields = self.values[torch.randint(len(self), (count,), generator=generator)]
        if self.symmetric:
            fields = _moved(fields, generator)
        if self.even:
            fields = fields * (2 * torch.randint(2, (count, 1, 1, 1), generator=generator) - 1)
        return fields

    def first(self, count: int | None = None) -> Tensor:
        """The first fields, all of them for None, as they are."""
        return self.values[:count]


def _moved(fields: Tensor, generator: torch.Generator) -> Tensor:
    """Every field (B, 1, L, L) moved by a symmetry of the periodic square lattice."""
    count, _, side, _ = fields.shape
    places = torch.arange(side)
    shifts = torch.randint(side, (2, count, 1), generator=generator)
    signs = 2 * torch.randint(2, (2, count, 1), generator=generator) - 1
    rows, columns = (signs * places + shifts) % side
    items = torch.arange(count)[:, None, None]
    moved = fields[items, 0, rows[:, :, None], columns[:, None, :]][:, None]
    turned = torch.rand(count, 1, 1, 1, generator=generator) < 0.5
    return torch.where(turned, moved.transpose(-1, -2), moved)


def to_range(values: Tensor) -> Tensor:
    """Pictures of uint8 in the flows' range [-1, 1]."""
    return values.float() / 127.5 - 1


def from_range(samples: Tensor) -> Tensor:
    """A flow's pictures in [0, 1], clipped there."""
    return ((samples + 1) / 2).clamp(0, 1)


CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda values: values,
    "invert": lambda values: 255 - values,
    "rotate": lambda values: values.rot90(1, (-2, -1)),
    "mirror": lambda values: values.flip(-1),
}


def open_collection(
    name: str,
    size: int,
    channels: int,
    change: str = "none",
    flip: bool = False,
    downloads: str | Path = "downloads",
    train: bool = True,
) -> Collection:
    """A collection by its name.

    Args:
        name: "normal", a key of `POINTS`, one of `DOWNLOADS` (through torchvision), a folder of pictures, or one
            picture file that is a sheet: tiles of `size` side by side, in as many rows as there are. Tiles at the
            sheet's end that are black altogether are no pictures. A folder that is called like a collection is
            written ./mnist. A file .npy holds fields (N, channels, size, size).
        size: side of the pictures, pixels; those of a folder are cropped to their middle square and scaled.
        channels: 1 makes pictures grey, 3 is RGB.
        change: a key of `CHANGES`, made to every picture.
        flip: whether half of the pictures that are drawn are mirrored.
        downloads: folder in which torchvision looks, and to which it downloads.
        train: the training half of a data set of torchvision, else its test half.

    Raises:
        InputError: if there is no such collection or change, a file cannot be read, or a download fails.
    """
    changed = choose(CHANGES, change, "change")
    if name in POINTS:
        return POINTS[name]()
    if channels not in (1, 3) or size < 4:
        raise InputError("pictures have 1 or 3 channels and sides of 4 pixels or more")
    if name == NORMAL:
        return Normal((channels, size, size))
    check_name(name)
    if holds_fields(name):
        return Fields(load_fields(Path(name), channels, size))
    return Pictures(changed(load_pictures(name, size, channels, downloads, train)).contiguous(), flip)


def holds_fields(name: str) -> bool:
    """Whether a collection's name is that of a file of `Fields`."""
    return Path(name).suffix == ".npy" and Path(name).is_file()


def check_name(name: str) -> None:
    """Raise an `InputError` if there is no collection, folder or file of that name."""
    known = (NORMAL, *POINTS, *DOWNLOADS)
    if name not in known and not Path(name).exists():
        raise InputError(f"there is no file, folder or collection '{name}': collections are {', '.join(known)}")


def load_fields(path: Path, channels: int, size: int) -> Tensor:
    """The fields (N, channels, size, size), float32, of a file .npy.

    Raises:
        InputError: if it is no array, or one of another shape.
    """
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not an array that NumPy has written") from error
    if values.ndim != 4 or values.shape[1:] != (channels, size, size) or not len(values):
        raise InputError(f"{path} has the shape {values.shape}, not (N, {channels}, {size}, {size})")
    return torch.from_numpy(values).float()
