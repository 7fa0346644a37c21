"""A mask under examination, with its picture where there is one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from latentinpaint.doctor.findings import Finding, FindingCode, Severity
from latentinpaint.doctor.greys import GreyKind, grey_kind
from latentinpaint.images.image_files import mask_levels
from latentinpaint.images.picture import Picture


@dataclass(frozen=True, eq=False)
class Case:
    """A mask that is examined, with its picture where there is one."""

    mask: Picture
    image: Picture | None = None
    invert: bool = False

    @cached_property
    def levels(self) -> np.ndarray:
        """(H, W) float32 in [0, 1]."""
        return mask_levels(self.mask)

    @cached_property
    def hole(self) -> np.ndarray:
        """(H, W) bool."""
        return (self.levels > 0.5) != self.invert

    @cached_property
    def greys(self) -> GreyKind:
        """Where the greys come from."""
        return grey_kind(self.mask, self.levels)

    @cached_property
    def fits(self) -> bool:
        """Whether there is a picture of the mask's size."""
        image = self.image
        return image is not None and (image.height, image.width) == (self.mask.height, self.mask.width)

    def finding(
        self, severity: Severity, code: FindingCode, seen: str, advice: str = "", figure: float | None = None
    ) -> Finding:
        return Finding(severity, code, self.mask.name, seen, advice, figure)


def percent(share: float) -> str:
    """A share in percent; a little is not nothing."""
    percent = 100 * float(share)
    return f"{percent:.1f} %" if percent >= 0.1 or percent == 0 else f"{percent:.2g} %"


Check = Callable[[Case], Iterator[Finding]]
