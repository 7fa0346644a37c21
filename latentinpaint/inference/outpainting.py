"""Margins: the room that a picture is given on its four sides, which is then a hole to be filled (outpainting)."""

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from latentinpaint.errors import InputError

MOST_PIXELS = 178_956_970  # of the new picture: what is larger is not read either
Side = int | str


@dataclass(frozen=True)
class Margins:
    """New pixels on each side of a picture."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def of(cls, sides: Side | Sequence[Side], height: int, width: int) -> "Margins":
        """What `sides` means for a picture of `height` x `width` pixels.

        Args:
            sides: (left, top, right, bottom), or one for all four: whole numbers of pixels, or texts such as "10%",
                of the width for left and right, of the height for top and bottom.

        Raises:
            InputError: if they are something else, none is above 0, a side would grow by more than the picture
                itself, or the new picture would be too large.
        """
        given = [sides] * 4 if isinstance(sides, int | str) else list(sides)
        if len(given) != 4:
            raise InputError(f"a picture is expanded by left,top,right,bottom or by one number, not by {len(given)}")
        lengths = (width, height, width, height)
        margins = cls(*(_pixels(side, length) for side, length in zip(given, lengths, strict=True)))
        if not any(astuple(margins)):
            raise InputError("nothing to expand: at least one side has to grow")
        for name, pixels, length in zip(("left", "top", "right", "bottom"), astuple(margins), lengths, strict=True):
            if pixels > length:
                raise InputError(
                    f"{pixels} pixels on the {name} are too many for a picture of {width}x{height}: a side grows by "
                    f"{length} pixels (100%) at most; expand the result again if that is really wanted"
                )
        wide, tall = width + margins.left + margins.right, height + margins.top + margins.bottom
        if wide * tall > MOST_PIXELS:
            raise InputError(f"the expanded picture would have {wide}x{tall} pixels: {MOST_PIXELS} are the limit")
        return margins

    @property
    def inside(self) -> tuple[slice, slice]:
        """Where the picture lies in the new one, as an index of rows and columns."""
        rows = slice(self.top, -self.bottom or None)
        return rows, slice(self.left, -self.right or None)

    def hole(self, painted: np.ndarray) -> np.ndarray:
        """The hole of the new picture: its margins, and what is painted, (…, H, W) bool, on the old one."""
        pads = [(0, 0)] * (painted.ndim - 2) + [(self.top, self.bottom), (self.left, self.right)]
        return np.pad(painted, pads, constant_values=True)


def _pixels(side: Side, length: int) -> int:
    """A side in pixels, for a picture that is `length` long there."""
    if isinstance(side, int | np.integer) and not isinstance(side, bool) and side >= 0:
        return int(side)
    percent = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", side.strip()) if isinstance(side, str) else None
    if percent is None:
        raise InputError(f"a side grows by a whole number of pixels from 0, or by a text such as '10%', not {side!r}")
    # Bounded first: a percentage may have more digits than a float.
    return int(float(percent[1]) / 100 * length + 0.5) if float(percent[1]) < 1e6 else MOST_PIXELS
