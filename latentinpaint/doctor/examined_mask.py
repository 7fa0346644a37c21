"""A mask under examination, with its picture where there is one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from latentinpaint.doctor.findings import DEFAULT_NAMES, ArgumentNames, Finding, FindingCode, Severity
from latentinpaint.doctor.greys import GreySource, classify_greys
from latentinpaint.errors import InputError
from latentinpaint.hole import is_hole
from latentinpaint.images.image_files import mask_levels
from latentinpaint.images.picture import Picture


@dataclass(frozen=True, eq=False)
class ExaminedMask:
    """A mask that is examined.

    Attributes:
        mask: as it was read.
        image: the picture that it is for, of any size; None where there is none.
        inverted: whether the hole is where the mask is black.
        names: what advice calls the caller's arguments.
    """

    mask: Picture
    image: Picture | None = None
    inverted: bool = False
    names: ArgumentNames = DEFAULT_NAMES

    @cached_property
    def levels(self) -> np.ndarray:
        """How white the mask is, (H, W) float32 in [0, 1]."""
        return mask_levels(self.mask)

    @cached_property
    def hole(self) -> np.ndarray:
        """(H, W) bool, True = hole."""
        return is_hole(self.levels) != self.inverted

    @cached_property
    def grey_source(self) -> GreySource:
        """Where the greys come from."""
        return classify_greys(self.mask, self.levels)

    @cached_property
    def image_of_equal_size(self) -> Picture | None:
        """The picture, if there is one and it has the mask's size."""
        image = self.image
        if image is None or (image.height, image.width) != (self.mask.height, self.mask.width):
            return None
        return image

    @cached_property
    def ranged_image(self) -> Picture | None:
        """The same with the black and white that its known samples have; None also where those are no intensities.

        Whether they are is judged where a picture is filled, of the hole that is filled: a dilated one hides more.
        """
        image = self.image_of_equal_size
        if image is None:
            return None
        try:
            return image.with_range_of(~self.hole)
        except InputError:
            return None

    @property
    def advice_to_invert(self) -> str:
        """How to take the mask the other way round."""
        if self.inverted:
            return f"leave out {self.names.invert_mask}"
        return f"give {self.names.invert_mask}"

    def finding(
        self, severity: Severity, code: FindingCode, seen: str, advice: str = "", figure: float | None = None
    ) -> Finding:
        """A finding about the mask."""
        return Finding(severity, code, self.mask.name, seen, advice, figure)

    def problem(self, code: FindingCode, seen: str, advice: str) -> Finding:
        return self.finding(Severity.PROBLEM, code, seen, advice)

    def warning(self, code: FindingCode, seen: str, advice: str) -> Finding:
        return self.finding(Severity.WARNING, code, seen, advice)

    def note(self, code: FindingCode, seen: str, advice: str = "", figure: float | None = None) -> Finding:
        return self.finding(Severity.NOTE, code, seen, advice, figure)


MaskCheck = Callable[[ExaminedMask], Iterator[Finding]]


def percent(fraction: float) -> str:
    """A fraction in percent; small ones are never rounded to nothing."""
    value = 100 * float(fraction)
    if value == 0 or value >= 0.1:
        return f"{value:.1f} %"
    return f"{value:.2g} %"
