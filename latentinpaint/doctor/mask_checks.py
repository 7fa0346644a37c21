"""All checks of a mask and its picture, both in memory."""

from latentinpaint.doctor.content import check_alpha, check_greys, check_photograph
from latentinpaint.doctor.examined_mask import ExaminedMask, MaskCheck
from latentinpaint.doctor.findings import DEFAULT_NAMES, ArgumentNames, Finding
from latentinpaint.doctor.greys import GreySource
from latentinpaint.doctor.holes import check_area, check_border, check_extremes, check_specks, check_transparency
from latentinpaint.doctor.sizes import check_sizes
from latentinpaint.images.picture import Picture

# All checks that can find a problem; a test holds the others to it.
PROBLEM_CHECKS: tuple[MaskCheck, ...] = (check_sizes, check_photograph, check_extremes, check_transparency)
FILE_CHECKS: tuple[MaskCheck, ...] = (check_sizes, check_photograph)
MASK_CHECKS: tuple[MaskCheck, ...] = (check_alpha, check_greys, check_extremes)
HOLE_CHECKS: tuple[MaskCheck, ...] = (check_area, check_border, check_specks, check_transparency)


def examine(
    image: Picture | None,
    mask: Picture,
    invert_mask: bool = False,
    names: ArgumentNames = DEFAULT_NAMES,
    problems_only: bool = False,
) -> list[Finding]:
    """Look at a mask, and at the picture it is for; sizes may differ.

    Args:
        image: the picture, None to look at the mask alone.
        mask: as `read_picture` read it.
        invert_mask: whether the hole is where the mask is black.
        names: what advice calls the caller's arguments.
        problems_only: whether checks that find warnings and notes alone are left out, which take most of the time.
    """
    examined = ExaminedMask(mask, image, invert_mask, names)
    checks = FILE_CHECKS
    # Of a photograph that was given as the mask, shape and size of the hole mean nothing.
    if examined.grey_source is not GreySource.PHOTOGRAPH:
        checks += MASK_CHECKS
        if examined.hole.any() and not examined.hole.all():
            checks += HOLE_CHECKS
    findings: list[Finding] = []
    for check in checks:
        if check in PROBLEM_CHECKS or not problems_only:
            findings += check(examined)
    return findings
