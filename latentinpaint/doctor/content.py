"""What a mask file holds: black and white, greys, opacity, or a photograph."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from latentinpaint.doctor.examined_mask import ExaminedMask, percent
from latentinpaint.doctor.findings import Finding, FindingCode, Severity
from latentinpaint.doctor.greys import GreySource, is_two_tone, shade_counts
from latentinpaint.doctor.hole_shapes import edge_pixels
from latentinpaint.hole import is_hole

MAX_UNSURE_EDGE = 0.05


@dataclass(frozen=True)
class GreyDescription:
    """What is reported of greys from one source.

    Attributes:
        severity: None warns where more than `MAX_UNSURE_EDGE` of the hole's edge is too grey to tell.
        code: what it is.
        seen: a sentence that may name {share}, {unsure} and {shades}.
        advice: what to do.
    """

    severity: Severity | None
    code: FindingCode
    seen: str
    advice: str


_EDGES = "{share} of the pixels are neither black nor white, {unsure} of the hole's edge is too grey to tell"
GREY_DESCRIPTIONS = {
    GreySource.SOFT_EDGES: GreyDescription(
        Severity.NOTE,
        FindingCode.SOFT_EDGES,
        "its edges are soft ({share} of the pixels are grey): what is lighter than half is filled, whole",
        "grow the mask a little if a rim of the object is left",
    ),
    GreySource.PAINT: GreyDescription(
        Severity.NOTE,
        FindingCode.GREYS,
        "its shades are {shades} of 255, not 0 and 255: it is cut at half",
        "nothing, if what is light is the hole",
    ),
    GreySource.LABELS: GreyDescription(
        Severity.WARNING,
        FindingCode.LABEL_MAP,
        "it has several shades, like a label map ({shades} …): only what is lighter than half is filled",
        "write a mask of the label that is to be filled, in black and white",
    ),
    GreySource.FADING: GreyDescription(
        Severity.WARNING,
        FindingCode.FADING_MASK,
        "it fades out ({share} of the pixels are grey): what is lighter than half is filled, unblended",
        "paint it with a hard brush",
    ),
    GreySource.JPEG: GreyDescription(
        None,
        FindingCode.GREY_EDGES,
        "it is a JPEG: " + _EDGES,
        "save masks as PNG",
    ),
    GreySource.NOISE: GreyDescription(
        None,
        FindingCode.GREY_EDGES,
        "it was scaled, blurred or saved in a lossy format: " + _EDGES,
        "scale masks by nearest neighbour, and save them as PNG",
    ),
}


def check_photograph(examined: ExaminedMask) -> Iterator[Finding]:
    """A photograph where the mask should be."""
    if examined.grey_source is not GreySource.PHOTOGRAPH:
        return
    alpha = examined.mask.alpha()
    image = examined.ranged_image
    if alpha is not None and alpha.min() == 0:
        transparent = percent((alpha == 0).mean())
        seen = f"it is a photograph, transparent in {transparent} of its area, and not a mask"
        advice = "save what is transparent as white, the rest as black"
        yield examined.problem(FindingCode.PHOTOGRAPH_AS_MASK, seen, advice)
    elif image is not None and is_two_tone(image.luminance()):
        seen = f"it is a photograph, and the picture {image.name} is black and white: they are swapped"
        yield examined.problem(FindingCode.SWAPPED, seen, "give the two files the other way round")
    else:
        seen = "it is a photograph, not a mask in black and white"
        advice = "give a picture that is white in the hole and black elsewhere"
        yield examined.problem(FindingCode.PHOTOGRAPH_AS_MASK, seen, advice)


def check_alpha(examined: ExaminedMask) -> Iterator[Finding]:
    """Masks whose shape is in an alpha channel."""
    alpha = examined.mask.alpha()
    if alpha is None or alpha.min() == alpha.max():
        return
    if not is_hole(examined.levels).any() and not is_hole(examined.mask.luminance()).any():
        seen = "its shape is in the alpha channel alone: its colours are dark, so it has no white hole"
        yield examined.warning(FindingCode.ALPHA_MASK_WITHOUT_WHITE, seen, "paint the hole white and opaque")
        return
    transparent = percent((alpha < 0.5).mean())
    seen = f"it has an alpha channel, and {transparent} of it is transparent and counts as black"
    yield examined.note(FindingCode.ALPHA_MASK, seen, "nothing, if the hole is what is white and opaque")


def check_greys(examined: ExaminedMask) -> Iterator[Finding]:
    """What is neither black nor white."""
    description = GREY_DESCRIPTIONS.get(examined.grey_source)
    if description is None:
        return
    levels = examined.levels
    grey = float(((levels > 0) & (levels < 1)).mean())
    unsure = _unsure_edge(levels, examined.hole)
    seen = description.seen.format(share=percent(grey), unsure=percent(unsure), shades=_common_shades(levels))
    severity = description.severity
    if severity is None and unsure > MAX_UNSURE_EDGE:
        severity = Severity.WARNING
    yield examined.finding(severity or Severity.NOTE, description.code, seen, description.advice)


def _unsure_edge(levels: np.ndarray, hole: np.ndarray) -> float:
    """Fraction of the hole's edge that is too grey to tell on which side it is."""
    edge = edge_pixels(hole)
    if not edge.any():
        return 0.0
    unsure = (levels > 0.25) & (levels < 0.75)
    return float(unsure[edge].mean())


def _common_shades(levels: np.ndarray) -> str:
    """The commonest shades, of 255, at most five, in rising order."""
    counts = shade_counts(levels)
    common = sorted(np.argsort(counts)[-5:].tolist())
    return ", ".join(str(shade) for shade in common if counts[shade])
