r"""Holes that are wider than what was painted, and that go over softly into what is around them.

The hole that a model sees is the painted one dilated by a disc of radius :math:`D` pixels: every pixel whose
distance :math:`d` to the nearest painted pixel, centre to centre, is at most :math:`D`. Pixels outside of it are
known and stay as they are. Feathering mixes fill and original in the outer :math:`N \le D` pixels of that ring,
with the fill's share

.. math:: s = t^2 (3 - 2 t), \qquad t = \min\left(1, \frac{D + 1 - d}{N + 1}\right)

which is 1 up to :math:`d = D - N` and would be 0 at the first known pixel, without a step or a kink on either side.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from latentinpaint.errors import InputError

WIDEST = 1000  # pixels that a hole may be dilated by


@dataclass(frozen=True)
class Widening:
    """By how much a painted hole is widened.

    Attributes:
        dilate: radius of the disc in pixels, 0 to 1000.
        feather: pixels over which fill and original are mixed, at most `dilate`; where nothing is dilated, the hole
            is dilated by as much.

    Raises:
        InputError: if a value is out of range.
    """

    dilate: int = 0
    feather: int = 0

    def __post_init__(self) -> None:
        for name, value in (("dilate", self.dilate), ("feather", self.feather)):
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            if not (whole and 0 <= value <= WIDEST):
                raise InputError(f"{name} is a whole number of pixels from 0 to {WIDEST}, not {value!r}")
        if 0 < self.dilate < self.feather:
            raise InputError(
                f"feather ({self.feather}) is larger than dilate ({self.dilate}): what is mixed lies in the dilated "
                "ring, so dilate by as much or more"
            )

    @property
    def radius(self) -> int:
        """Pixels that the hole grows by."""
        return int(self.dilate or self.feather)

    def of(self, painted: np.ndarray) -> "SoftHole":
        """The hole to be filled for a painted one, (H, W) or (B, 1, H, W) bool."""
        if not self.radius:
            return SoftHole(torch.from_numpy(painted))
        rows = painted.reshape(-1, *painted.shape[-2:])
        found = [self._of_one(row) for row in rows]
        hole = torch.from_numpy(np.stack([hole for hole, _ in found]).reshape(painted.shape))
        if not self.feather:
            return SoftHole(hole)
        return SoftHole(hole, torch.from_numpy(np.stack([share for _, share in found]).reshape(painted.shape)))

    def _of_one(self, painted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        hole, share = np.zeros(painted.shape, bool), np.zeros(painted.shape, np.float32)
        if not painted.any():
            return hole, share
        near = _around(painted, self.radius)
        away = distance_transform_edt(~painted[near])
        # Squares of distances are whole numbers: compared as such, no rounding of a root decides.
        hole[near] = inside = np.rint(away**2) <= self.radius**2
        ramp = np.clip((self.radius + 1 - away) / (self.feather + 1), 0, 1)
        share[near] = np.where(inside, ramp**2 * (3 - 2 * ramp), 0)
        return hole, share


@dataclass(frozen=True)
class SoftHole:
    """A hole to be filled.

    Attributes:
        hole: (…, H, W) bool, all that may change.
        share: (…, H, W) float32 in [0, 1], the fill's part in the answer; None is 1 in the whole hole.
    """

    hole: Tensor
    share: Tensor | None = None

    def mixed(self, fill: Tensor, original: Tensor) -> Tensor:
        """Fill and original, (…, C, H, W) floats, mixed where the hole is soft; the fill elsewhere."""
        if self.share is None:
            return fill
        # What was painted over may hold anything, NaN too: it must not even be multiplied by 0.
        return torch.where(self.share < 1, torch.lerp(original, fill, self.share), fill)


def _around(painted: np.ndarray, radius: int) -> tuple[slice, slice]:
    """The rows and columns of all painted pixels and `radius` more: farther away nothing changes."""
    found = []
    for axis in (1, 0):
        there = np.flatnonzero(painted.any(axis=axis))
        found.append(slice(max(0, there[0] - radius), there[-1] + 1 + radius))
    return found[0], found[1]
