"""Holes: none, all, much, the wrong way round, at the border, in specks, or where nothing can be seen.

Whether a mask is inverted cannot be known from it alone: painting around a picture looks the same as a hole marked
black. It is suspected where more than half of the picture is hole, more than half of the border, and at least three
corners; holes drawn by brushes and boxes seldom are all of that. What the picture itself shows can strengthen or
refute it: a flat colour is seldom what is to be kept, and often what is to be filled.
"""

from collections.abc import Iterator

import numpy as np

from latentinpaint.doctor.examined_mask import ExaminedMask, percent
from latentinpaint.doctor.findings import Finding, FindingCode
from latentinpaint.doctor.hole_shapes import SPECK, border_fraction, count_specks, fraction_of_sides
from latentinpaint.images.picture import Picture
from latentinpaint.images.transparency import hidden, hole_alpha

LARGE = 0.5  # LaMa's evaluation masks end here
MANY_SPECKS = 10  # drawn holes have none
MANY_PINHOLES = 100  # but strokes that cross enclose up to some dozens of tiny islands
FLAT = 3 / 255  # samples this close to the median colour count as the same


def check_extremes(examined: ExaminedMask) -> Iterator[Finding]:
    """No hole, or nothing else."""
    invert = examined.advice_to_invert
    if not examined.inverted:
        invert += " if the hole is black"
    if not examined.hole.any():
        seen = "it has no hole"
        brightest = float(examined.levels.max())
        if not examined.inverted and 0 < brightest <= 0.5:
            seen += f": its lightest shade is {round(255 * brightest)} of 255, and holes are what is above half"
        yield examined.problem(FindingCode.NO_HOLE, seen, f"paint the hole white; {invert}")
    elif examined.hole.all():
        seen = "it covers the whole picture, so nothing of the picture is known"
        yield examined.problem(FindingCode.ALL_HOLE, seen, f"leave black what is to be kept; {invert}")


def check_area(examined: ExaminedMask) -> Iterator[Finding]:
    """How much is hole; a warning where it is much, or looks inverted."""
    fraction = float(examined.hole.mean())
    area = percent(fraction)
    yield examined.note(FindingCode.HOLE, f"{area} of the picture is hole", figure=100 * fraction)
    invert = examined.advice_to_invert
    reason = _reason_for_inversion(examined)
    if reason:
        advice = f"{invert} if the hole should be the other part; if you paint around what is kept, all is well"
        yield examined.warning(FindingCode.LIKELY_INVERTED, f"{area} is hole, {reason}", advice)
    elif fraction > LARGE:
        seen = f"{area} of the picture is hole: the fill is mostly guessed"
        advice = f"make the hole smaller if you can; {invert} if it is the other part"
        yield examined.warning(FindingCode.LARGE_HOLE, seen, advice)


def _reason_for_inversion(examined: ExaminedMask) -> str:
    """Why a mask seems inverted; empty where it does not."""
    hole = examined.hole
    border = border_fraction(hole)
    if border <= 0.5:
        return ""
    image = examined.image_of_equal_size
    if image is not None:
        if _is_transparent_where_kept(image, hole):
            return "and the picture is opaque there, but transparent where the mask keeps it"
    image = examined.ranged_image
    if image is not None:
        known_flatness = _flatness(image, ~hole)
        hole_flatness = _flatness(image, hole)
        if known_flatness > 0.99 and hole_flatness < 0.5:
            return "and the picture has one flat colour where the mask keeps it, but detail where it would be filled"
        if hole_flatness > 0.99 and known_flatness < 0.5:
            return ""  # an enlarged canvas: the hole is where nothing is yet
    if hole.mean() > LARGE and _corners(hole).mean() >= 0.75:
        return f"and {percent(border)} of the border; what is kept lies inside"
    return ""


def _corners(hole: np.ndarray) -> np.ndarray:
    """The corner pixels of (H, W): four, or fewer where a side is one pixel."""
    height, width = hole.shape
    return hole[:: max(1, height - 1), :: max(1, width - 1)]


def _is_transparent_where_kept(image: Picture, hole: np.ndarray) -> bool:
    """Whether nearly all of the hole is visible, and nearly all that is kept is not."""
    alpha = image.alpha()
    if alpha is None:
        return False
    return bool((alpha[hole] > 0).mean() > 0.95 and (alpha[~hole] == 0).mean() > 0.95)


def _flatness(image: Picture, where: np.ndarray) -> float:
    """Fraction of the pixels in `where` (H, W) bool that have its median colour, nearly."""
    colours = image.rgb()[where]
    return float((np.abs(colours - np.median(colours, axis=0)) <= FLAT).all(axis=1).mean())


def check_border(examined: ExaminedMask) -> Iterator[Finding]:
    """A hole that reaches the picture's sides is known from fewer sides."""
    reached = fraction_of_sides(examined.hole)
    if not reached:
        return
    where = ", ".join(f"{side} {100 * fraction:.0f} %" for side, fraction in reached.items())
    if len(reached) == 4 and min(reached.values()) == 1:
        where = "all of it"
    seen = f"the hole reaches the border ({where}): there it is filled from fewer sides"
    yield examined.note(FindingCode.HOLE_AT_BORDER, seen, "nothing, if the object is cut off by the border")


def check_specks(examined: ExaminedMask) -> Iterator[Finding]:
    """Many tiny holes, or tiny islands in holes, are noise more often than intent."""
    counts = count_specks(examined.hole)
    if counts.small_holes >= MANY_SPECKS:
        seen = f"{counts.small_holes} of its {counts.holes} holes have at most {SPECK} pixels"
        advice = "remove them if they are noise (of a JPEG, or of a threshold); scratches and dust may stay"
        yield examined.warning(FindingCode.SPECKS, seen, advice)
    if counts.small_islands >= MANY_PINHOLES:
        seen = f"{counts.small_islands} islands of at most {SPECK} pixels are kept inside its holes"
        yield examined.warning(FindingCode.PINHOLES, seen, "close them if they are noise: they stay as they are")


def check_transparency(examined: ExaminedMask) -> Iterator[Finding]:
    """Where nothing of the picture is seen, or the fill is not."""
    image = examined.image_of_equal_size
    if image is None:
        return
    alpha = image.alpha()
    if alpha is None:
        return
    if hidden(alpha[~examined.hole]).all():
        seen = f"the picture {image.name} is transparent outside the hole, so nothing of it is known"
        yield examined.problem(FindingCode.NOTHING_SEEN, seen, "make what is to be kept opaque")
        return
    if not hidden(alpha).any():  # then no hole's alpha can be: it lies between those around it
        return
    new = hole_alpha(alpha, examined.hole)
    if hidden(new.alpha[examined.hole & ~new.unknown]).any():
        seen = f"the picture {image.name} is transparent around a hole, so its fill is transparent too and not seen"
        yield examined.warning(FindingCode.TRANSPARENT_IN_HOLE, seen, "make the picture opaque there")
    elif (alpha[examined.hole] == 0).any():
        fraction = percent((alpha[examined.hole] == 0).mean())
        seen = f"the picture {image.name} is transparent in {fraction} of the hole: alpha is filled as colours are"
        yield examined.note(FindingCode.TRANSPARENT_IN_HOLE, seen)
