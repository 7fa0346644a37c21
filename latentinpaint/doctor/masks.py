"""A mask and its picture: is there a hole, is it the right way round, does it fit, is it cut where it was meant.

A mask (H, W) has *levels* in [0, 1] before it is cut, and a *hole* afterwards: what is above one half. Whether a mask
is inverted cannot be known from it alone: painting around a picture looks the same as a hole marked black. It is
suspected where more than half of the picture is hole, more than half of the border, and at least three corners; holes
drawn by brushes and boxes seldom are all of that. What the picture itself shows can strengthen or refute it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from latentinpaint.data.images import mask_levels
from latentinpaint.data.picture import Picture
from latentinpaint.doctor.findings import Finding
from latentinpaint.doctor.greys import GreyKind, grey_kind, is_two_tone, levels_of_paint
from latentinpaint.doctor.shapes import SPECK, border_share, count_specks, edge_of, sides_reached

LARGE = 0.5  # LaMa's evaluation masks end here
MANY_SPECKS = 10  # drawn holes have none
MANY_PINHOLES = 100  # but strokes that cross enclose up to some dozens of tiny islands
FLAT = 3 / 255  # samples this close to the commonest colour count as the same
UNSURE_EDGE = 0.05


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
    def fits(self) -> bool:
        """Whether there is a picture of the mask's size."""
        image = self.image
        return image is not None and (image.height, image.width) == (self.mask.height, self.mask.width)

    def finding(self, severity: str, kind: str, seen: str, advice: str = "", figure: float | None = None) -> Finding:
        return Finding(severity, kind, self.mask.name, seen, advice, figure)


def examine(image: Picture | None, mask: Picture, invert: bool = False) -> list[Finding]:
    """Look at a mask, and at the picture it is for; sizes may differ.

    Args:
        image: the picture, None to look at the mask alone.
        mask: as `read_picture` read it.
        invert: whether the hole is where the mask is black.
    """
    case = Case(mask, image, invert)
    found = [finding for check in FIRST for finding in check(case)]
    # Of a photograph that was given as the mask, shape and size of the hole mean nothing.
    if grey_kind(case.mask, case.levels) is GreyKind.PHOTOGRAPH:
        return found
    found += [*opacity(case), *greys(case), *extremes(case)]
    if case.hole.any() and not case.hole.all():
        found += [finding for check in OF_HOLES for finding in check(case)]
    return found


def sizes(case: Case) -> Iterator[Finding]:
    """Picture and mask of different sizes: fails."""
    if case.image is None or case.fits:
        return
    image, mask = case.image, case.mask
    seen = f"the mask is {mask.width}x{mask.height} pixels, the picture {image.width}x{image.height}"
    advice = f"make a mask of {image.width}x{image.height} pixels"
    if (mask.width, mask.height) == (image.height, image.width):
        seen += ": width and height are swapped" + _turned(image, mask)
        advice = "turn the mask by a quarter, the way that puts the hole where it belongs"
    elif _same_shape(image.width, image.height, mask.width, mask.height):
        seen += f": the same shape, {mask.width / image.width:.3g} times as wide"
        advice = f"scale the mask to {image.width}x{image.height} pixels by nearest neighbour"
    elif _same_shape(image.height, image.width, mask.width, mask.height):
        seen += ": another scale, and width and height are swapped" + _turned(image, mask)
        advice = f"turn the mask by a quarter, and scale it to {image.width}x{image.height} by nearest neighbour"
    else:
        seen += ": of another shape, so one of both was cropped, or they do not belong together"
    yield case.finding("problem", "sizes differ", seen, advice)


def _turned(image: Picture, mask: Picture) -> str:
    """What EXIF has to do with a quarter turn."""
    for picture, word in ((image, "picture"), (mask, "mask")):
        if picture.orientation >= 5:
            return f"; the {word} is shown upright because of its EXIF orientation {picture.orientation}"
    return ""


def _same_shape(width: int, height: int, other_width: int, other_height: int) -> bool:
    """Whether one size is the other one scaled and rounded; a pixel more or less is no other shape."""
    scale = max(other_width / width, other_height / height)
    return abs(width * scale - other_width) <= 1 and abs(height * scale - other_height) <= 1


def photographs(case: Case) -> Iterator[Finding]:
    """A photograph where the mask should be."""
    if grey_kind(case.mask, case.levels) is not GreyKind.PHOTOGRAPH:
        return
    alpha, image = case.mask.alpha(), case.image
    if alpha is not None and alpha.min() == 0:
        seen = f"it is a photograph, transparent in {_percent((alpha == 0).mean())} of its area, and not a mask"
        yield case.finding(
            "problem",
            "a photograph as mask",
            seen,
            "save what is transparent as white, the rest as black",
        )
    elif image is not None and is_two_tone(image.luminance()):
        seen = f"it is a photograph, and the picture {image.name} is black and white: they are swapped"
        yield case.finding("problem", "picture and mask are swapped", seen, "give the two files the other way round")
    else:
        seen = "it is a photograph, not a mask in black and white"
        yield case.finding(
            "problem", "a photograph as mask", seen, "give a picture that is white in the hole and black elsewhere"
        )


def opacity(case: Case) -> Iterator[Finding]:
    """Masks whose shape is in an alpha channel."""
    alpha = case.mask.alpha()
    if alpha is None or alpha.min() == alpha.max():
        return
    if not (case.levels > 0.5).any() and not (case.mask.luminance() > 0.5).any():
        seen = "its shape is in the alpha channel alone: its colours are dark, so it has no white hole"
        yield case.finding("warning", "alpha mask without white", seen, "paint the hole white and opaque")
        return
    seen = f"it has an alpha channel, and {_percent((alpha < 0.5).mean())} of it is transparent and counts as black"
    yield case.finding("note", "alpha mask", seen, "nothing, if the hole is what is white and opaque")


def greys(case: Case) -> Iterator[Finding]:
    """What is neither black nor white."""
    kind, levels = grey_kind(case.mask, case.levels), case.levels
    share = _percent(((levels > 0) & (levels < 1)).mean())
    edge = edge_of(case.hole)
    unsure = float(((levels > 0.25) & (levels < 0.75))[edge].mean()) if edge.any() else 0.0
    if kind is GreyKind.SOFT_EDGES:
        seen = f"its edges are soft ({share} of the pixels are grey): what is lighter than half is filled, whole"
        yield case.finding("note", "soft edges", seen, "grow the mask a little if a rim of the object is left")
    elif kind is GreyKind.PAINT:
        seen = f"its shades are {_shades(levels)} of 255 and not 0 and 255: it is cut at half"
        yield case.finding("note", "greys instead of black and white", seen, "nothing, if what is light is the hole")
    elif kind is GreyKind.LABELS:
        seen = f"it has {levels_of_paint(levels)} shades, like a label map: only what is lighter than half is filled"
        yield case.finding(
            "warning", "label map", seen, "write a mask of the label that is to be filled, in black and white"
        )
    elif kind is GreyKind.FADING:
        seen = f"it fades out ({share} of the pixels are grey): what is lighter than half is filled, unblended"
        yield case.finding("warning", "fading mask", seen, "paint it with a hard brush")
    elif kind in _EDGES:
        source, advice = _EDGES[kind]
        seen = (
            f"{source}: {share} of the pixels are neither black nor white, and {_percent(unsure)} "
            "of the hole's edge is too grey to tell"
        )
        yield case.finding("warning" if unsure > UNSURE_EDGE else "note", "grey edges", seen, advice)


_EDGES = {
    GreyKind.JPEG: ("it is a JPEG", "save masks as PNG"),
    GreyKind.NOISE: (
        "it was scaled, blurred or saved in a lossy format",
        "scale masks by nearest neighbour, and save them as PNG",
    ),
}


def extremes(case: Case) -> Iterator[Finding]:
    """No hole, or nothing else."""
    other = "leave out --invert-mask" if case.invert else "give --invert-mask if the hole is black"
    if not case.hole.any():
        brightest = float(case.levels.max())
        seen = "it has no hole"
        if not case.invert and 0 < brightest <= 0.5:
            seen += f": its lightest shade is {round(255 * brightest)} of 255, and holes are what is above half"
        yield case.finding("problem", "no hole", seen, f"paint the hole white; {other}")
    elif case.hole.all():
        seen = "it covers the whole picture, so nothing of the picture is known"
        yield case.finding("problem", "all hole", seen, f"leave black what is to be kept; {other}")


def extent(case: Case) -> Iterator[Finding]:
    """How much is hole; a warning where it is much, or looks inverted."""
    share = float(case.hole.mean())
    percent = 100 * share
    yield case.finding("note", "hole", f"{_percent(share)} of the picture is hole", figure=percent)
    other = "leave out --invert-mask" if case.invert else "give --invert-mask"
    if suspicion := _inverted(case):
        advice = f"{other} if the hole should be the other part; if you paint around what is kept, all is well"
        yield case.finding("warning", "likely inverted", f"{_percent(share)} is hole, {suspicion}", advice)
    elif share > LARGE:
        seen = f"{_percent(share)} of the picture is hole: the fill is mostly guessed"
        advice = f"make the hole smaller if you can; {other} if it is the other part"
        yield case.finding("warning", "large hole", seen, advice)


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
    return f"and {_percent(border)} of the border; what is kept lies inside" if mostly_hole else ""


def _flatness(image: Picture, where: np.ndarray) -> float:
    """Share of the pixels in `where` (H, W) bool that have its median colour, nearly."""
    colours = image.rgb()[where]
    return float((np.abs(colours - np.median(colours, axis=0)) <= FLAT).all(axis=1).mean())


def borders(case: Case) -> Iterator[Finding]:
    """A hole that reaches the picture's sides is known from fewer sides."""
    reached = sides_reached(case.hole)
    if reached:
        sides = ", ".join(f"{_percent(share)} of the {side}" for side, share in reached.items())
        seen = f"the hole reaches the border ({sides}), so it is filled from fewer sides there"
        yield case.finding("note", "hole at the border", seen, "nothing, if the object is cut off by the border")


def specks(case: Case) -> Iterator[Finding]:
    """Many tiny holes, or tiny islands in holes, are noise more often than intent."""
    counts = count_specks(case.hole)
    if counts.holes >= MANY_SPECKS:
        seen = f"{counts.holes} of its {counts.all_holes} holes have at most {SPECK} pixels"
        advice = "remove them if they are noise (of a JPEG, or of a threshold); scratches and dust may stay"
        yield case.finding("warning", "specks", seen, advice)
    if counts.islands >= MANY_PINHOLES:
        seen = f"{counts.islands} islands of at most {SPECK} pixels are kept inside its holes"
        yield case.finding("warning", "pinholes", seen, "close them if they are noise: they stay as they are")


def transparency(case: Case) -> Iterator[Finding]:
    """A fill that cannot be seen."""
    alpha = case.image.alpha() if case.fits else None
    if alpha is None or case.image.palette_alpha is not None:
        return
    share = float((alpha[case.hole] == 0).mean())
    if share > 0:
        seen = f"the picture {case.image.name} is transparent in {_percent(share)} of the hole and stays so"
        advice = "make the picture opaque there, or the fill is in the file but cannot be seen"
        yield case.finding("warning", "transparent in the hole", seen, advice)


def _percent(share: float) -> str:
    """A share in percent; a little is not nothing."""
    percent = 100 * float(share)
    return f"{percent:.1f} %" if percent >= 0.1 or percent == 0 else f"{percent:.2g} %"


def _shades(levels: np.ndarray) -> str:
    """The two commonest shades, of 255."""
    counts = np.bincount(np.rint(255 * levels).astype(np.int64).ravel(), minlength=256)
    return " and ".join(map(str, sorted(np.argsort(counts)[-2:].tolist())))


Check = Callable[[Case], Iterator[Finding]]
FIRST: tuple[Check, ...] = (sizes, photographs)
OF_HOLES: tuple[Check, ...] = (extent, borders, specks, transparency)
