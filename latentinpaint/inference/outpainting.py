"""Outpainting: a picture is padded on its four sides, and the padding is a hole to be filled."""

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np
import torch

from latentinpaint.errors import InputError, shown, whole_number

MAX_PIXELS = 178_956_970  # of the new picture: what is larger is not read either
Side = int | str


@dataclass(frozen=True)
class Padding:
    """New pixels on each side of a picture."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def of(cls, sides: Side | Sequence[Side], height: int, width: int) -> "Padding":
        """What `sides` means for a picture of `height` x `width` pixels.

        Args:
            sides: (left, top, right, bottom), or one for all four: whole numbers of pixels, or texts such as "10%",
                of the width for left and right, of the height for top and bottom.

        Raises:
            InputError: if they are something else, none is above 0, a side would grow by more than the picture
                itself, or the new picture would be too large.
        """
        all_sides = _all_sides(sides)
        if len(all_sides) != 4:
            raise InputError(
                f"a picture is expanded by left,top,right,bottom or by one number, not by {len(all_sides)}"
            )
        lengths = (width, height, width, height)
        padding = cls(*map(_pixels, all_sides, lengths))
        if not any(astuple(padding)):
            raise InputError("nothing to expand: at least one side has to grow")
        for field, length in zip(fields(cls), lengths, strict=True):
            pixels = getattr(padding, field.name)
            if pixels > length:
                raise InputError(
                    f"{pixels} pixels on the {field.name} are too many for a picture of {width}x{height}: a side "
                    f"grows by {length} pixels (100%) at most; expand the result again if that is really wanted"
                )
        new_height, new_width = padding.padded_size(height, width)
        if new_width * new_height > MAX_PIXELS:
            raise InputError(
                f"the expanded picture would have {new_width}x{new_height} pixels: {MAX_PIXELS} are the limit"
            )
        return padding

    def padded_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the new picture."""
        return height + self.top + self.bottom, width + self.left + self.right

    @property
    def interior(self) -> tuple[slice, slice]:
        """Where the picture lies in the new one, as an index of rows and columns."""
        rows = slice(self.top, -self.bottom or None)
        return rows, slice(self.left, -self.right or None)

    def pad_array(self, array: np.ndarray) -> np.ndarray:
        """An array (H, W) or (H, W, C) of the old picture with zeros in the padding."""
        pads = [(self.top, self.bottom), (self.left, self.right), (0, 0)]
        return np.pad(array, pads[: array.ndim])

    def pad_mask(self, mask: np.ndarray) -> np.ndarray:
        """The mask of the new picture: the padding, and the mask (…, H, W) bool of the old one."""
        pads = [(0, 0)] * (mask.ndim - 2) + [(self.top, self.bottom), (self.left, self.right)]
        return np.pad(mask, pads, constant_values=True)


def _all_sides(sides: Side | Sequence[Side]) -> list[Side]:
    """The four sides, whether one stands for all or each is named."""
    if isinstance(sides, Sequence) and not isinstance(sides, str):
        return list(sides)
    if isinstance(sides, np.ndarray | torch.Tensor) and sides.ndim:
        return list(sides)
    return [sides] * 4


def _pixels(side: Side, length: int) -> int:
    """A side in pixels, for a picture that is `length` long there."""
    if not isinstance(side, str):
        try:
            return whole_number("a side", side, 0)
        except InputError as error:
            raise _no_side(side) from error
    percent = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", side.strip())
    if percent is None:
        raise _no_side(side)
    fraction = float(percent[1]) / 100
    if fraction >= 1e4:  # a percentage may have more digits than a float
        return MAX_PIXELS
    return int(fraction * length + 0.5)


def _no_side(side: object) -> InputError:
    return InputError(
        f"a side grows by a whole number of pixels from 0, or by a text such as '10%', not {shown(side)}"
    )
