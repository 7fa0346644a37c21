"""File formats: what each can hold, and which suffix names it.

A mode is Pillow's name, or one of the 16-bit colour modes of `high_depth`.
"""

from dataclasses import dataclass
from pathlib import Path

from latentinpaint.errors import InputError


@dataclass(frozen=True)
class ImageFormat:
    """What a file format can hold: modes that it returns unchanged, and metadata."""

    name: str
    modes: frozenset[str]
    icc: bool = False
    exif: bool = False
    xmp: bool = False
    iptc: bool = False
    dpi: bool = False
    comment: bool = False


PNG = ImageFormat(
    "PNG",
    frozenset(["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "LA;16", "RGB;16", "RGBA;16"]),
    icc=True,
    exif=True,
    xmp=True,
    dpi=True,
    comment=True,
)
JPEG = ImageFormat(
    "JPEG", frozenset(["L", "RGB", "CMYK"]), icc=True, exif=True, xmp=True, iptc=True, dpi=True, comment=True
)
WEBP = ImageFormat("WebP", frozenset(["RGB", "RGBA"]), icc=True, exif=True, xmp=True)
BMP = ImageFormat("BMP", frozenset(["1", "L", "P", "RGB"]), dpi=True)
GIF = ImageFormat("GIF", frozenset(["L", "P"]), comment=True)
TIFF = ImageFormat(
    "TIFF",
    frozenset(
        ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "I;16", "I;16B", "I", "F", "RGB;16", "RGBA;16"],
    ),
    icc=True,
    exif=True,
    xmp=True,
    iptc=True,
    dpi=True,
)
FORMATS_BY_SUFFIX = {
    ".png": PNG,
    ".jpg": JPEG,
    ".jpeg": JPEG,
    ".jpe": JPEG,
    ".jfif": JPEG,
    ".webp": WEBP,
    ".bmp": BMP,
    ".tif": TIFF,
    ".tiff": TIFF,
    ".gif": GIF,
}
READ_ONLY_SUFFIXES = (".heic", ".heif", ".avif")  # what is made of them is written as PNG


def format_of(path: str | Path) -> ImageFormat:
    """The format that the suffix of `path` names (any case).

    Raises:
        InputError: for any other suffix; the message lists those supported.
    """
    found = FORMATS_BY_SUFFIX.get(Path(path).suffix.lower())
    if found is None:
        raise InputError(f"cannot write {path}: give it one of the suffixes {', '.join(FORMATS_BY_SUFFIX)}")
    return found
