"""Reading what a browser uploads: photos and masks within the limits of the page.

A photo is read from the file as it was uploaded, at its own size and depth. Messages name files as their owner does,
never by their paths on this machine.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from latentinpaint.doctor.findings import ArgumentNames
from latentinpaint.doctor.refusal import check_pair
from latentinpaint.errors import InputError, check_same_size
from latentinpaint.images.image_files import Picture, binary_mask, read_picture
from latentinpaint.images.image_format import FORMATS_BY_SUFFIX, JPEG

# Pillow's names of the formats, and the first suffix of each that keeps pixels exactly.
_SUFFIXES = {entry.name.upper(): suffix for suffix, entry in reversed(FORMATS_BY_SUFFIX.items())}
_FORMATS = sorted(_SUFFIXES)
del _SUFFIXES[JPEG.name.upper()]


@dataclass(frozen=True)
class PageNames:
    """What messages call the caller's arguments, by the names of `server.ServerConfig` and of `Limits`."""

    host: str = "host"
    port: str = "port"
    upload: str = "upload"
    megapixels: str = "megapixels"


@dataclass(frozen=True)
class Limits:
    """What a browser may send.

    Attributes:
        upload: megabytes (2^20 bytes) of a file.
        megapixels: of a photo.
        samples, steps: of a fill.
        names: what messages call the caller's arguments.
    """

    upload: float = 100.0
    megapixels: float = 50.0
    samples: int = 8
    steps: int = 50
    names: PageNames = PageNames()

    def __post_init__(self) -> None:
        for name, value in ((self.names.upload, self.upload), (self.names.megapixels, self.megapixels)):
            if not value > 0:
                raise InputError(f"{name} is a number above 0, not {value:g}")

    @property
    def upload_bytes(self) -> int:
        """The largest file."""
        return int(self.upload * 2**20)


@dataclass(frozen=True)
class Photo:
    """An uploaded photo.

    Attributes:
        picture: the decoded file.
        stem: the file's name without suffix.
        suffix: of a file that can hold the picture exactly: that of its own format, .png in place of JPEG.
    """

    picture: Picture
    stem: str
    suffix: str

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.picture.height, self.picture.width

    def __str__(self) -> str:
        height, width = self.size
        return f"{self.picture.name}, {width}×{height} pixels"


def read_photo(path: str | Path, limits: Limits) -> Photo:
    """Read an uploaded photo; its size is checked before it is decoded.

    Raises:
        InputError: if it is gone, too large, or cannot be read.
    """
    path = Path(path)
    with _own_name(path):
        file_format = _checked_format(path, limits)
        picture = replace(read_picture(path), name=path.name)
    return Photo(picture, path.stem, _SUFFIXES.get(file_format, ".png"))


def read_hole(path: str | Path, photo: Photo, limits: Limits, invert: bool = False) -> np.ndarray:
    """Read an uploaded mask of a photo.

    Returns:
        (H, W) bool, True = hole.

    Raises:
        InputError: as `read_photo`, and if the mask has another size than the photo.
    """
    path = Path(path)
    with _own_name(path):
        _checked_format(path, limits)
        mask = replace(read_picture(path), name=path.name)
    hole = binary_mask(mask, invert)
    check_same_size(hole.shape, photo.size, f"the mask {path.name}", "the photo")
    check_pair(photo.picture, mask, invert, ArgumentNames("the box 'Black is filled'", ignore_problems=""))
    return hole


def _checked_format(path: Path, limits: Limits) -> str:
    """Pillow's name of an uploaded file's format, "" if it is unknown; only the file's header is read."""
    if not path.is_file():
        raise InputError(f"{path.name} is no longer on the server: choose the file again")
    if path.stat().st_size > limits.upload_bytes:
        raise InputError(
            f"{path.name} is larger than {limits.upload:g} MB, the limit of a file here ({limits.names.upload})"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is the one that counts
            with Image.open(path, formats=_FORMATS) as image:
                file_format = image.format or ""
                width, height = image.size
    except Image.DecompressionBombError as error:
        raise InputError(_too_large(path, limits)) from error
    except Exception:  # `read_picture` says what is wrong with it
        return ""
    if width * height > limits.megapixels * 1e6:
        raise InputError(_too_large(path, limits, f" {width}×{height} pixels,"))
    return file_format


def _too_large(path: Path, limits: Limits, size: str = "") -> str:
    limit = f"{limits.megapixels:g} megapixels, the limit of a photo here ({limits.names.megapixels})"
    return f"{path.name} has{size} more than {limit}"


@contextmanager
def _own_name(path: Path) -> Iterator[None]:
    """Errors in the `with` block name a file alone, not its path."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error).replace(str(path), path.name)) from error
