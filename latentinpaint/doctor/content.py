"""What a mask file holds: black and white, greys, opacity, or a photograph."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from latentinpaint.doctor.case import Case, percent
from latentinpaint.doctor.findings import Finding, FindingCode, Severity
from latentinpaint.doctor.greys import GreyKind, is_two_tone
from latentinpaint.doctor.shapes import edge_of

UNSURE_EDGE = 0.05


@dataclass(frozen=True)
class Words:
    """How greys of one origin are described; `seen` may name {share}, {unsure} and {shades}.

    severity: None warns where more than `UNSURE_EDGE` of the hole's edge is too grey to tell.
    """

    severity: Severity | None
    code: FindingCode
    seen: str
    advice: str


_EDGES = "{share} of the pixels are neither black nor white, {unsure} of the hole's edge is too grey to tell"
WORDS = {
    GreyKind.SOFT_EDGES: Words(
        Severity.NOTE,
        FindingCode.SOFT_EDGES,
        "its edges are soft ({share} of the pixels are grey): what is lighter than half is filled, whole",
        "grow the mask a little if a rim of the object is left",
    ),
    GreyKind.PAINT: Words(
        Severity.NOTE,
        FindingCode.GREYS,
        "its shades are {shades} of 255, not 0 and 255: it is cut at half",
        "nothing, if what is light is the hole",
    ),
    GreyKind.LABELS: Words(
        Severity.WARNING,
        FindingCode.LABEL_MAP,
        "it has several shades, like a label map ({shades} …): only what is lighter than half is filled",
        "write a mask of the label that is to be filled, in black and white",
    ),
    GreyKind.FADING: Words(
        Severity.WARNING,
        FindingCode.FADING_MASK,
        "it fades out ({share} of the pixels are grey): what is lighter than half is filled, unblended",
        "paint it with a hard brush",
    ),
    GreyKind.JPEG: Words(None, FindingCode.GREY_EDGES, "it is a JPEG: " + _EDGES, "save masks as PNG"),
    GreyKind.NOISE: Words(
        None,
        FindingCode.GREY_EDGES,
        "it was scaled, blurred or saved in a lossy format: " + _EDGES,
        "scale masks by nearest neighbour, and save them as PNG",
    ),
}


def photographs(case: Case) -> Iterator[Finding]:
    """A photograph where the mask should be."""
    if case.greys is not GreyKind.PHOTOGRAPH:
        return
    alpha, image = case.mask.alpha(), case.image
    if alpha is not None and alpha.min() == 0:
        seen = f"it is a photograph, transparent in {percent((alpha == 0).mean())} of its area, and not a mask"
        yield case.finding(
            Severity.PROBLEM,
            FindingCode.PHOTOGRAPH_AS_MASK,
            seen,
            "save what is transparent as white, the rest as black",
        )
    elif image is not None and is_two_tone(image.luminance()):
        seen = f"it is a photograph, and the picture {image.name} is black and white: they are swapped"
        yield case.finding(Severity.PROBLEM, FindingCode.SWAPPED, seen, "give the two files the other way round")
    else:
        seen = "it is a photograph, not a mask in black and white"
        yield case.finding(
            Severity.PROBLEM,
            FindingCode.PHOTOGRAPH_AS_MASK,
            seen,
            "give a picture that is white in the hole and black elsewhere",
        )


def opacity(case: Case) -> Iterator[Finding]:
    """Masks whose shape is in an alpha channel."""
    alpha = case.mask.alpha()
    if alpha is None or alpha.min() == alpha.max():
        return
    if not (case.levels > 0.5).any() and not (case.mask.luminance() > 0.5).any():
        seen = "its shape is in the alpha channel alone: its colours are dark, so it has no white hole"
        yield case.finding(
            Severity.WARNING, FindingCode.ALPHA_MASK_WITHOUT_WHITE, seen, "paint the hole white and opaque"
        )
        return
    seen = f"it has an alpha channel, and {percent((alpha < 0.5).mean())} of it is transparent and counts as black"
    yield case.finding(
        Severity.NOTE, FindingCode.ALPHA_MASK, seen, "nothing, if the hole is what is white and opaque"
    )


def greys(case: Case) -> Iterator[Finding]:
    """What is neither black nor white."""
    words = WORDS.get(case.greys)
    if words is None:
        return
    levels, edge = case.levels, edge_of(case.hole)
    unsure = float(((levels > 0.25) & (levels < 0.75))[edge].mean()) if edge.any() else 0.0
    share = float(((levels > 0) & (levels < 1)).mean())
    seen = words.seen.format(share=percent(share), unsure=percent(unsure), shades=_shades(levels))
    severity = words.severity or (Severity.WARNING if unsure > UNSURE_EDGE else Severity.NOTE)
    yield case.finding(severity, words.code, seen, words.advice)


def _shades(levels: np.ndarray) -> str:
    """The commonest shades, of 255, at most five."""
    counts = np.bincount(np.rint(255 * levels).astype(np.int64).ravel(), minlength=256)
    common = [shade for shade in np.argsort(counts)[-5:].tolist() if counts[shade]]
    return ", ".join(map(str, sorted(common)))
