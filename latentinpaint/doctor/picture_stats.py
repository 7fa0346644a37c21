"""What is kept of a picture while a whole folder is examined: a few numbers, not its pixels."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from latentinpaint.doctor.findings import Finding, FindingCode, problem
from latentinpaint.doctor.near_duplicates import Fingerprint, fingerprint_of
from latentinpaint.doctor.reading import read_or_finding
from latentinpaint.errors import InputError
from latentinpaint.images.picture import Picture

MAX_GREY_CHROMA = 10  # of 255: what JPEG leaves of a greyscale picture's colours
MAX_FLAT_STD = 2  # of 255: the standard deviation below which a picture shows nothing
_CHROMA_SAMPLES = 256  # pixels a side that colours are judged on


@dataclass(frozen=True, eq=False)
class PictureStats:
    """What is known of a picture without its pixels.

    Attributes:
        path: its file.
        width, height: its size in pixels.
        checksum: of its size and its 8-bit colours.
        fingerprint: what pictures like it are found by.
        is_grey: whether (nearly) no pixel has a colour.
        is_flat: whether it shows nothing.
        has_alpha: whether some of it is transparent.
    """

    path: Path
    width: int
    height: int
    checksum: bytes
    fingerprint: Fingerprint
    is_grey: bool
    is_flat: bool
    has_alpha: bool

    @property
    def size(self) -> str:
        """Width and height as a person reads them."""
        return f"{self.width}x{self.height}"

    @property
    def shorter_side(self) -> int:
        return min(self.width, self.height)


def read_stats(path: Path) -> PictureStats | Finding:
    """Read a picture; a finding if it cannot be read."""
    picture = read_or_finding(path, "delete it or copy it again: training leaves it out")
    if isinstance(picture, Finding):
        return picture
    try:
        return stats_of(path, picture)
    except InputError as error:
        return problem(FindingCode.UNREADABLE, path, str(error), "training leaves it out")


def stats_of(path: Path, picture: Picture) -> PictureStats:
    """The statistics of a picture that was read from `path`."""
    colours = np.ascontiguousarray(picture.rgb8())
    alpha = picture.alpha()
    checksum = hashlib.blake2b(str(colours.shape).encode(), digest_size=16)
    checksum.update(colours.data)
    return PictureStats(
        path=path,
        width=picture.width,
        height=picture.height,
        checksum=checksum.digest(),
        fingerprint=fingerprint_of(cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY)),
        is_grey=float((_chroma(colours) > MAX_GREY_CHROMA).mean()) < 0.01,
        is_flat=float(cv2.meanStdDev(colours)[1].max()) < MAX_FLAT_STD,
        has_alpha=alpha is not None and float(alpha.min()) < 1,
    )


def _chroma(colours: np.ndarray) -> np.ndarray:
    """The largest difference of two channels, of a sample of (H, W, 3) uint8 pixels.

    They are single pixels, not averages: colour noise averages out to grey.
    """
    height, width = colours.shape[:2]
    rows = max(1, height // _CHROMA_SAMPLES)
    columns = max(1, width // _CHROMA_SAMPLES)
    red, green, blue = np.moveaxis(colours[::rows, ::columns].astype(np.int16), 2, 0)
    return np.maximum(np.maximum(abs(red - green), abs(green - blue)), abs(blue - red))
