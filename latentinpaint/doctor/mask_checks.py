"""All that is looked at in a mask and its picture, both in memory."""

from latentinpaint.doctor.case import Case, Check
from latentinpaint.doctor.content import greys, opacity, photographs
from latentinpaint.doctor.findings import Finding
from latentinpaint.doctor.greys import GreyKind
from latentinpaint.doctor.holes import borders, extent, extremes, specks, transparency
from latentinpaint.doctor.sizes import sizes
from latentinpaint.images.picture import Picture

OF_FILES: tuple[Check, ...] = (sizes, photographs)
OF_MASKS: tuple[Check, ...] = (opacity, greys, extremes)
OF_HOLES: tuple[Check, ...] = (extent, borders, specks, transparency)


def examine(image: Picture | None, mask: Picture, invert: bool = False) -> list[Finding]:
    """Look at a mask, and at the picture it is for; sizes may differ.

    Args:
        image: the picture, None to look at the mask alone.
        mask: as `read_picture` read it.
        invert: whether the hole is where the mask is black.
    """
    case = Case(mask, image, invert)
    checks = OF_FILES
    # Of a photograph that was given as the mask, shape and size of the hole mean nothing.
    if case.greys is not GreyKind.PHOTOGRAPH:
        checks += OF_MASKS
        if case.hole.any() and not case.hole.all():
            checks += OF_HOLES
    return [finding for check in checks for finding in check(case)]
