"""Pictures with new margins, and pictures turned: samples, EXIF and resolution together."""

from dataclasses import replace

import numpy as np

from latentinpaint.images.exif import expanded_exif, turned_exif
from latentinpaint.images.modes import ALPHA_MODES
from latentinpaint.images.orientation import turn_as_stored
from latentinpaint.images.picture import Picture


def with_margins(picture: Picture, left: int, top: int, right: int, bottom: int) -> Picture:
    """The picture with opaque new pixels around it; what they show, and their alpha, is left to `fill_picture`."""
    margins = ((top, bottom), (left, right), (0, 0))
    samples = np.pad(picture.samples, margins[: picture.samples.ndim])
    if picture.mode in ALPHA_MODES:
        samples[..., -1] = samples.dtype.type(picture.full_scale)
        samples[top : top + picture.height, left : left + picture.width] = picture.samples
    exif = expanded_exif(picture.exif, left, top, samples.shape[1], samples.shape[0])
    return replace(picture, samples=samples, exif=exif)


def as_stored(picture: Picture, orientation: int) -> Picture:
    """The same picture with upright samples turned to an EXIF orientation, which its EXIF then states."""
    if orientation == 1:
        return picture
    samples = np.ascontiguousarray(turn_as_stored(picture.samples, orientation))
    dpi = picture.dpi
    if dpi is not None and orientation >= 5:
        dpi = dpi[::-1]
    exif = turned_exif(picture.exif, orientation, samples.shape[1], samples.shape[0])
    return replace(picture, samples=samples, exif=exif, dpi=dpi)
