"""What the grey pixels of a mask come from: soft edges, a lossy format, flat paint, labels, or a photograph.

Levels are (H, W) float32 in [0, 1], as `mask_levels` returns them. A shade is a level of 256.
"""

from enum import Enum, auto

import numpy as np

from latentinpaint.doctor.hole_shapes import dilate, edge_pixels
from latentinpaint.hole import is_hole
from latentinpaint.images.picture import Picture

DARKEST_GREY = 0.1  # no ringing around an edge of black and white reaches from 0 up to here, far from the edge,
LIGHTEST_GREY = 0.9  # or from 1 down to here
SOFT_EDGE = 2  # pixels on either side of an edge that anti-aliasing may touch
RINGING = 8  # pixels: a JPEG's blocks
FEW_SHADES = 32
ROUGH = 1 / 255


class GreySource(Enum):
    """Where a mask's greys come from."""

    NONE = auto()
    SOFT_EDGES = auto()
    PAINT = auto()
    LABELS = auto()
    FADING = auto()
    JPEG = auto()
    NOISE = auto()
    PHOTOGRAPH = auto()


def classify_greys(mask: Picture, levels: np.ndarray) -> GreySource:
    """Judge where the greys of a mask come from.

    A photograph has more than `FEW_SHADES` shades; over 0.4 of it is grey, and rough, which a blurred mask is
    not; or over a tenth, where it has colours. Labels and fading masks have greys further from the edge than a JPEG's
    ringing, on 1 % of the area; labels have few shades.
    """
    grey = (levels > 0) & (levels < 1)
    if not grey.any():
        return GreySource.NONE
    mid_grey = is_mid_grey(levels)
    shades = np.count_nonzero(shade_counts(levels))
    if shades > FEW_SHADES and _is_photograph(mask, levels, float(mid_grey.mean())):
        return GreySource.PHOTOGRAPH
    if shades <= 2:
        return GreySource.PAINT
    is_jpeg = mask.jpeg_options is not None
    edge = edge_pixels(is_hole(levels))
    if not is_jpeg and not (grey & ~dilate(edge, SOFT_EDGE)).any():
        return GreySource.SOFT_EDGES
    if levels.max() <= 0.5:  # labels are often numbers, so that a mask of them is nearly black all over
        mid_grey = grey
    if (mid_grey & ~dilate(edge, RINGING)).mean() > 0.01:
        if shades <= FEW_SHADES and not is_jpeg:
            return GreySource.LABELS
        return GreySource.FADING
    if is_jpeg:
        return GreySource.JPEG
    return GreySource.NOISE


def is_two_tone(levels: np.ndarray) -> bool:
    """Whether (nearly) all of a picture is black or white, also after a JPEG's losses."""
    return float(is_mid_grey(levels).mean()) < 0.05


def is_mid_grey(levels: np.ndarray) -> np.ndarray:
    """Which pixels, (H, W) bool, are neither (nearly) black nor (nearly) white."""
    return (levels > DARKEST_GREY) & (levels < LIGHTEST_GREY)


def shade_counts(levels: np.ndarray) -> np.ndarray:
    """How many pixels have each of 256 shades."""
    return np.bincount(np.rint(255 * levels).astype(np.int64).ravel(), minlength=256)


def _is_photograph(mask: Picture, levels: np.ndarray, mid_grey: float) -> bool:
    """Whether a mask of many shades, of which a fraction is mid grey, is a photograph."""
    if mid_grey <= 0.4:
        return mid_grey > 0.1 and _is_colourful(mask)
    bends = levels
    if levels.shape[1] > 2:
        # What differs from a straight line through both neighbours: a ramp, however steep, has none of it.
        bends = levels[:, 1:-1] - (levels[:, 2:] + levels[:, :-2]) / 2
    return float(np.abs(bends).mean()) > ROUGH or _is_colourful(mask)


def _is_colourful(mask: Picture) -> bool:
    """Whether a tenth of the pixels has a colour that is no grey."""
    red, green, blue = np.moveaxis(mask.rgb8().astype(np.int16), 2, 0)
    return float((np.maximum(abs(red - green), abs(green - blue)) > 25).mean()) > 0.1
