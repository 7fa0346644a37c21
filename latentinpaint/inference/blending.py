r"""Masks that are dilated, and fills that are blended into what is around them.

The mask that a model sees is the one given, dilated by a disc of radius :math:`D` pixels: every pixel whose
distance :math:`d` to the nearest pixel of that mask, centre to centre, is at most :math:`D`. Pixels outside of it are
known and stay as they are. Feathering blends fill and original in the outer :math:`N \le D` pixels of that ring,
with the fill's weight

.. math:: \alpha = t^2 (3 - 2 t), \qquad t = \min\left(1, \frac{D + 1 - d}{N + 1}\right)

which is 1 up to :math:`d = D - N` and would be 0 at the first known pixel, without a step or a kink on either side.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from latentinpaint.errors import InputError, shown, whole_number
from latentinpaint.inference.crops import Box

MAX_RADIUS = 1000  # pixels that a mask may be dilated by


@dataclass(frozen=True)
class MaskDilation:
    """By how much a mask is dilated.

    Attributes:
        dilate: radius of the disc in pixels, 0 to 1000.
        feather: pixels over which fill and original are blended, at most `dilate`; where nothing is dilated, the
            mask is dilated by as much.

    Raises:
        InputError: if a value is out of range.
    """

    dilate: int = 0
    feather: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "dilate", _checked_radius("dilate", self.dilate))
        object.__setattr__(self, "feather", _checked_radius("feather", self.feather))
        if 0 < self.dilate < self.feather:
            raise InputError(
                f"feather ({self.feather}) is larger than dilate ({self.dilate}): what is blended lies in the "
                "dilated ring, so dilate by as much or more"
            )

    @property
    def radius(self) -> int:
        """Pixels that the mask grows by."""
        return int(self.dilate or self.feather)

    def apply(self, mask: np.ndarray) -> "SoftMask":
        """The mask of the hole to be filled for the mask given, (H, W) or (B, 1, H, W) bool."""
        if not self.radius:
            return SoftMask(torch.from_numpy(mask))
        dilated = np.zeros(mask.shape, bool)
        alpha = np.zeros(mask.shape, np.float32)
        for index in np.ndindex(mask.shape[:-2]):
            self._dilate(mask[index], dilated[index], alpha[index])
        if not self.feather:
            return SoftMask(torch.from_numpy(dilated))
        return SoftMask(torch.from_numpy(dilated), torch.from_numpy(alpha))

    def _dilate(self, mask: np.ndarray, dilated: np.ndarray, alpha: np.ndarray) -> None:
        """Write the dilated mask and its alpha for one mask (H, W)."""
        box = Box.around(mask)
        if box is None:
            return
        near = box.extended(self.radius, mask.shape).index[1:]  # farther away nothing changes
        distance = distance_transform_edt(~mask[near])
        # Squares of distances are whole numbers: compared as such, no rounding of a root decides.
        inside = np.rint(distance**2) <= self.radius**2
        t = np.clip((self.radius + 1 - distance) / (self.feather + 1), 0, 1)
        dilated[near] = inside
        alpha[near] = np.where(inside, t**2 * (3 - 2 * t), 0)


@dataclass(frozen=True)
class SoftMask:
    """The mask of a hole to be filled.

    Attributes:
        mask: (…, H, W) bool, all that may change.
        alpha: (…, H, W) float32 in [0, 1], the fill's weight in the output; None is 1 in the whole hole.
    """

    mask: Tensor
    alpha: Tensor | None = None

    def blend(self, fill: Tensor, original: Tensor) -> Tensor:
        """Fill and original, (…, C, H, W) floats, blended where alpha is below 1; the fill elsewhere."""
        if self.alpha is None:
            return fill
        # What the hole held may be anything, NaN too: it must not even be multiplied by 0.
        return torch.where(self.alpha < 1, torch.lerp(original, fill, self.alpha), fill)


def _checked_radius(name: str, value: object) -> int:
    try:
        radius = whole_number(name, value, 0)
    except InputError:
        radius = -1
    if not 0 <= radius <= MAX_RADIUS:
        raise InputError(f"{name} is a whole number of pixels from 0 to {MAX_RADIUS}, not {shown(value)}")
    return radius
