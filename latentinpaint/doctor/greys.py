"""What the grey pixels of a mask come from: soft edges, a lossy format, flat paint, labels, or a photograph.

Levels are (H, W) float32 in [0, 1], as `mask_levels` answers them. A shade is a level of 256.
"""

from enum import Enum, auto

import numpy as np

from latentinpaint.doctor.shapes import edge_of, widened
from latentinpaint.images.picture import Picture

MIDDLE = (0.1, 0.9)  # what no ringing around an edge of black and white reaches far from it
SOFT = 2  # pixels on either side of an edge that anti-aliasing may touch
RINGING = 8  # pixels: a JPEG's blocks
FEW_SHADES = 32
ROUGH = 1 / 255


class GreyKind(Enum):
    """Where a mask's greys come from."""

    NONE = auto()
    SOFT_EDGES = auto()
    PAINT = auto()
    LABELS = auto()
    FADING = auto()
    JPEG = auto()
    NOISE = auto()
    PHOTOGRAPH = auto()


def grey_kind(mask: Picture, levels: np.ndarray) -> GreyKind:
    """Judge where the greys of a mask come from.

    A photograph has more than `FEW_SHADES` shades; over 0.4 of it is grey, and rough, which a blurred mask is
    not; or over a tenth, where it has colours. Labels and fading masks have greys further from the edge than a JPEG's
    ringing, on 1 % of the area; labels have few shades.
    """
    grey = (levels > 0) & (levels < 1)
    if not grey.any():
        return GreyKind.NONE
    middle = (levels > MIDDLE[0]) & (levels < MIDDLE[1])
    shades = np.count_nonzero(_shades(levels))
    if shades > FEW_SHADES and _is_photograph(mask, levels, float(middle.mean())):
        return GreyKind.PHOTOGRAPH
    if shades <= 2:
        return GreyKind.PAINT
    edge = edge_of(levels > 0.5)
    if mask.jpeg_options is None and not (grey & ~widened(edge, SOFT)).any():
        return GreyKind.SOFT_EDGES
    # Labels are often numbers, so that a mask of them is nearly black all over.
    if ((grey if levels.max() <= 0.5 else middle) & ~widened(edge, RINGING)).mean() > 0.01:
        return GreyKind.LABELS if shades <= FEW_SHADES and mask.jpeg_options is None else GreyKind.FADING
    return GreyKind.NOISE if mask.jpeg_options is None else GreyKind.JPEG


def is_two_tone(levels: np.ndarray) -> bool:
    """Whether (nearly) all of a picture is black or white, also after a JPEG's losses."""
    return float(((levels > MIDDLE[0]) & (levels < MIDDLE[1])).mean()) < 0.05


def _shades(levels: np.ndarray) -> np.ndarray:
    """How many pixels have each of 256 shades."""
    return np.bincount(np.rint(255 * levels).astype(np.int64).ravel(), minlength=256)


def _is_photograph(mask: Picture, levels: np.ndarray, middle: float) -> bool:
    if middle <= 0.4:
        return middle > 0.1 and _is_colourful(mask)
    # What differs from a straight line through both neighbours: a ramp, however steep, has none of it.
    bends = levels[:, 1:-1] - (levels[:, 2:] + levels[:, :-2]) / 2 if levels.shape[1] > 2 else levels
    return float(np.abs(bends).mean()) > ROUGH or _is_colourful(mask)


def _is_colourful(mask: Picture) -> bool:
    """Whether a tenth of the pixels has a colour that is no grey."""
    red, green, blue = np.moveaxis(mask.rgb8().astype(np.int16), 2, 0)
    return float((np.maximum(abs(red - green), abs(green - blue)) > 25).mean()) > 0.1
