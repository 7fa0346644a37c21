"""The EXIF orientation: how the samples of a file have to be turned to be upright.

Conventions
- An orientation is a number from 1 to 8 as in EXIF 2.32: 1 is upright, 3 upside down, of 5 to 8 the stored rows are
  columns of what is shown.
- The stored frame is that of the samples in the file, as `numpy.asarray` has them of a Pillow image; the upright
  frame is what viewers show.
"""

import numpy as np
from PIL import Image

from latentinpaint.images.decoder_warnings import caught_warnings

ORIENTATION = 0x0112
# What makes stored samples upright: whether rows are reversed, whether columns are, and whether both are exchanged.
_UPRIGHT = {
    1: (False, False, False),
    2: (False, True, False),
    3: (True, True, False),
    4: (True, False, False),
    5: (False, False, True),
    6: (True, False, True),
    7: (True, True, True),
    8: (False, True, True),
}
_INVERSE = {6: 8, 8: 6}  # every other orientation undoes itself


def read_exif(image: Image.Image) -> tuple[Image.Exif, bool]:
    """The EXIF of an image, and whether it can be read; an empty one where it cannot."""
    with caught_warnings():  # Pillow warns of damaged entries, which it leaves out
        try:
            exif = image.getexif()
        except Exception:  # its parser reports damage in many ways
            return Image.Exif(), False
    content = image.info.get("exif")
    if len(exif) or not isinstance(content, bytes):
        return exif, True
    # Of a JPEG Pillow has tried before and remembers an empty one.
    content = content.removeprefix(b"Exif\0\0")
    return exif, not content or content.startswith((b"II*\0", b"MM\0*"))


def orientation_of(image: Image.Image) -> int:
    """The orientation that the samples of a Pillow image have, 1 to 8; 1 where its EXIF states none of these."""
    exif, _ = read_exif(image)
    return known_orientation(exif)


def known_orientation(exif: Image.Exif) -> int:
    """The orientation in an EXIF, 1 to 8; 1 where that is missing or no such number."""
    try:
        stated = exif.get(ORIENTATION, 1)
    except Exception:  # entries are decoded when they are asked for
        return 1
    for orientation in _UPRIGHT:
        if stated == orientation:
            return orientation
    return 1


def turn_upright(samples: np.ndarray, orientation: int) -> np.ndarray:
    """A view of stored samples (H, W, …) that is upright."""
    reverse_rows, reverse_columns, exchange = _UPRIGHT[orientation]
    if reverse_rows:
        samples = samples[::-1]
    if reverse_columns:
        samples = samples[:, ::-1]
    if exchange:
        samples = samples.swapaxes(0, 1)
    return samples


def turn_as_stored(samples: np.ndarray, orientation: int) -> np.ndarray:
    """A view of upright samples (H, W, …) in the stored frame: the inverse of `turn_upright`."""
    return turn_upright(samples, _INVERSE.get(orientation, orientation))
