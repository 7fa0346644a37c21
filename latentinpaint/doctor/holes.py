"""Holes: none, all, much, the wrong way round, at the border, in specks, or where nothing can be seen.

Whether a mask is inverted cannot be known from it alone: painting around a picture looks the same as a hole marked
black. It is suspected where more than half of the picture is hole, more than half of the border, and at least three
corners; holes drawn by brushes and boxes seldom are all of that. What the picture itself shows can strengthen or
refute it: a flat colour is seldom what is to be kept, and often what is to be filled.
"""

from collections.abc import Iterator

import numpy as np

from latentinpaint.doctor.case import Case, percent
from latentinpaint.doctor.findings import Finding, FindingCode, Severity
from latentinpaint.doctor.shapes import SPECK, border_share, count_specks, sides_reached
from latentinpaint.images.picture import Picture

LARGE = 0.5  # LaMa's evaluation masks end here
MANY_SPECKS = 10  # drawn holes have none
MANY_PINHOLES = 100  # but strokes that cross enclose up to some dozens of tiny islands
FLAT = 3 / 255  # samples this close to the median colour count as the same


def extremes(case: Case) -> Iterator[Finding]:
    """No hole, or nothing else."""
    other = "leave out --invert-mask" if case.invert else "give --invert-mask if the hole is black"
    if not case.hole.any():
        brightest = float(case.levels.max())
        seen = "it has no hole"
        if not case.invert and 0 < brightest <= 0.5:
            seen += f": its lightest shade is {round(255 * brightest)} of 255, and holes are what is above half"
        yield case.finding(Severity.PROBLEM, FindingCode.NO_HOLE, seen, f"paint the hole white; {other}")
    elif case.hole.all():
        seen = "it covers the whole picture, so nothing of the picture is known"
        yield case.finding(Severity.PROBLEM, FindingCode.ALL_HOLE, seen, f"leave black what is to be kept; {other}")


def extent(case: Case) -> Iterator[Finding]:
    """How much is hole; a warning where it is much, or looks inverted."""
    share = float(case.hole.mean())
    yield case.finding(
        Severity.NOTE, FindingCode.HOLE, f"{percent(share)} of the picture is hole", figure=100 * share
    )
    other = "leave out --invert-mask" if case.invert else "give --invert-mask"
    if suspicion := _inverted(case):
        advice = f"{other} if the hole should be the other part; if you paint around what is kept, all is well"
        yield case.finding(
            Severity.WARNING, FindingCode.LIKELY_INVERTED, f"{percent(share)} is hole, {suspicion}", advice
        )
    elif share > LARGE:
        seen = f"{percent(share)} of the picture is hole: the fill is mostly guessed"
        advice = f"make the hole smaller if you can; {other} if it is the other part"
        yield case.finding(Severity.WARNING, FindingCode.LARGE_HOLE, seen, advice)


def _inverted(case: Case) -> str:
    """Why a mask seems inverted; empty where it does not."""
    hole = case.hole
    border, corners = border_share(hole), hole[:: hole.shape[0] - 1 or 1, :: hole.shape[1] - 1 or 1]
    mostly_hole = hole.mean() > LARGE and border > 0.5 and corners.mean() >= 0.75
    if case.fits and border > 0.5:
        alpha = case.image.alpha()
        if alpha is not None and (alpha[hole] > 0).mean() > 0.95 and (alpha[~hole] == 0).mean() > 0.95:
            return "and the picture is opaque there, but transparent where the mask keeps it"
        known_flat, hole_flat = (_flatness(case.image, part) for part in (~hole, hole))
        if known_flat > 0.99 and hole_flat < 0.5:
            return "and the picture has one flat colour where the mask keeps it, but detail where it would be filled"
        if hole_flat > 0.99 and known_flat < 0.5:
            return ""  # an enlarged canvas: the hole is where nothing is yet
    return f"and {percent(border)} of the border; what is kept lies inside" if mostly_hole else ""


def _flatness(image: Picture, where: np.ndarray) -> float:
    """Share of the pixels in `where` (H, W) bool that have its median colour, nearly."""
    colours = image.rgb()[where]
    return float((np.abs(colours - np.median(colours, axis=0)) <= FLAT).all(axis=1).mean())


def borders(case: Case) -> Iterator[Finding]:
    """A hole that reaches the picture's sides is known from fewer sides."""
    reached = sides_reached(case.hole)
    if reached:
        whole = min(reached.values()) == 1 and len(reached) == 4
        sides = ", ".join(f"{side} {100 * share:.0f} %" for side, share in reached.items())
        seen = f"the hole reaches the border ({'all of it' if whole else sides}): there it is filled from fewer sides"
        yield case.finding(
            Severity.NOTE, FindingCode.HOLE_AT_BORDER, seen, "nothing, if the object is cut off by the border"
        )


def specks(case: Case) -> Iterator[Finding]:
    """Many tiny holes, or tiny islands in holes, are noise more often than intent."""
    counts = count_specks(case.hole)
    if counts.holes >= MANY_SPECKS:
        seen = f"{counts.holes} of its {counts.all_holes} holes have at most {SPECK} pixels"
        advice = "remove them if they are noise (of a JPEG, or of a threshold); scratches and dust may stay"
        yield case.finding(Severity.WARNING, FindingCode.SPECKS, seen, advice)
    if counts.islands >= MANY_PINHOLES:
        seen = f"{counts.islands} islands of at most {SPECK} pixels are kept inside its holes"
        yield case.finding(
            Severity.WARNING, FindingCode.PINHOLES, seen, "close them if they are noise: they stay as they are"
        )


def transparency(case: Case) -> Iterator[Finding]:
    """A fill that cannot be seen."""
    alpha = case.image.alpha() if case.fits else None
    if alpha is None or case.image.palette_alpha is not None:
        return
    share = float((alpha[case.hole] == 0).mean())
    if share > 0:
        seen = f"the picture {case.image.name} is transparent in {percent(share)} of the hole and stays so"
        advice = "make the picture opaque there, or the fill is in the file but cannot be seen"
        yield case.finding(Severity.WARNING, FindingCode.TRANSPARENT_IN_HOLE, seen, advice)
