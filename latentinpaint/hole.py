"""What "in the hole" means, for every mask.

- Inside the package a mask is bool, or numbers from 0 to 1 of which 1 is the hole: `is_hole`.
- Masks as people have them are of any scale, which `mask_scale` reads off the values: 1, 255 or 65535. Where the
  values leave open what is the hole (label maps, negative ones, NaN), they get a sentence.
"""

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from latentinpaint.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

HALF = 0.5
DARK = 0.4  # of white; a mask without anything as light as this has another scale, or labels
SCALES = (1.0, 255.0, 65535.0)
TOLERANCE = 0.01  # by which resampling may exceed a scale of 1, or fall below 0

AnyMask = TypeVar("AnyMask", "Tensor", np.ndarray)


def is_hole(mask: AnyMask) -> AnyMask:
    """Where a mask of any shape, bool or in [0, 1], is the hole: where it is above a half."""
    return mask > HALF


def check_unit_mask(mask: "Tensor | np.ndarray") -> None:
    """Raise an `InputError` unless a tensor or an array is bool or holds numbers in [0, 1], or nearly so."""
    if "bool" in str(mask.dtype) or 0 in mask.shape:
        return
    low = float(mask.min())
    high = float(mask.max())
    if not (low >= -TOLERANCE and high <= 1 + TOLERANCE):  # also where one is NaN
        raise InputError(f"a mask holds values in [0, 1], 1 = hole, not {low:g} to {high:g}")


def mask_scale(values: np.ndarray, name: str = "the mask") -> float:
    """The value that is white in a mask: the smallest of `SCALES` that holds all of them.

    Args:
        values: of any shape and type.
        name: how messages call the mask.

    Raises:
        InputError: for values that are negative, not finite, or above 65535 but for full 31 bits.
    """
    if not values.size:
        return 1.0
    low = float(values.min())
    high = float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError(f"{name} has values that are not finite (NaN or infinite): the hole is 1, the rest 0")
    if low < -TOLERANCE:
        raise InputError(f"{name} has values from {low:g} to {high:g}: the hole is 1, 255 or 65535, the rest 0")
    if high <= 1 + TOLERANCE:
        return 1.0
    for scale in SCALES:
        if high <= scale:
            return scale
    if high == 2**31 - 1:
        return high
    raise InputError(f"{name} has values up to {high:g}: the hole is 1, 255 or 65535, the rest 0")


def hole_of_values(values: np.ndarray, name: str = "the mask") -> np.ndarray:
    """Where a mask of any scale is the hole, bool of its shape.

    A mask that is 0 everywhere has no hole, nor has one in [0, 1] that nowhere exceeds a half.

    Raises:
        InputError: as `mask_scale`, and where values above 1 all are far below half of their scale, as labels are.
    """
    if values.dtype == bool:
        return values
    if values.dtype.kind not in "iuf":
        raise InputError(f"{name} is of numbers or of True and False, not of type {values.dtype}")
    scale = mask_scale(values, name)
    hole = values > HALF * scale
    if scale > 1 and values.max() < DARK * scale:
        raise InputError(
            f"{name} has values up to {float(values.max()):g}, none near half of {scale:g}: give the hole as 1 and "
            "the rest as 0, such as mask == label for a map of labels"
        )
    return hole
