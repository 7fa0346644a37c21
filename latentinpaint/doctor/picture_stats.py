"""What is kept of a picture while a whole folder is examined: a few numbers, not its pixels."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from latentinpaint.doctor.findings import Finding
from latentinpaint.doctor.near_duplicates import Print, print_of
from latentinpaint.doctor.reading import read
from latentinpaint.images.picture import Picture

CHROMA = 10  # of 255: what JPEG leaves of a greyscale picture's colours
FLAT = 2  # of 255: the deviation below which a picture shows nothing
_SAMPLE = 256  # pixels a side that colours are judged on


@dataclass(frozen=True, eq=False)
class Facts:
    """A picture's path and size, a checksum of its 8-bit colours, its print, and what it looks like.

    is_grey: (nearly) no pixel has a colour. is_flat: it shows nothing. has_alpha: some of it is transparent.
    """

    path: Path
    width: int
    height: int
    checksum: bytes
    print: Print
    is_grey: bool
    is_flat: bool
    has_alpha: bool

    @property
    def size(self) -> str:
        return f"{self.width}x{self.height}"


def facts_of(path: Path) -> Facts | Finding:
    """Read a picture; a finding if it cannot be read."""
    picture = read(path, "delete it or copy it again: training leaves it out")
    return picture if isinstance(picture, Finding) else _facts(path, picture)


def _facts(path: Path, picture: Picture) -> Facts:
    colours, alpha = np.ascontiguousarray(picture.rgb8()), picture.alpha()
    checksum = hashlib.blake2b(str(colours.shape).encode(), digest_size=16)
    checksum.update(colours.data)
    grey = cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY)
    # Single pixels, not averages: colour noise averages out to grey.
    sample = colours[:: max(1, picture.height // _SAMPLE), :: max(1, picture.width // _SAMPLE)].astype(np.int16)
    red, green, blue = np.moveaxis(sample, 2, 0)
    chroma = np.maximum(np.maximum(abs(red - green), abs(green - blue)), abs(blue - red))
    return Facts(
        path=path,
        width=picture.width,
        height=picture.height,
        checksum=checksum.digest(),
        print=print_of(grey),
        is_grey=float((chroma > CHROMA).mean()) < 0.01,
        is_flat=float(cv2.meanStdDev(colours)[1].max()) < FLAT,
        has_alpha=alpha is not None and float(alpha.min()) < 1,
    )
