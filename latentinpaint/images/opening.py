"""Picture files as Pillow opens them; HEIC and HEIF, which it does not know, by pi-heif, an optional package.

The list of formats is short on purpose: each was checked to lose no depth that is not reported, and the rarer
decoders (EPS starts Ghostscript) have no business with files from strangers.
"""

import io
from pathlib import Path

from PIL import Image, features

from latentinpaint.errors import MissingPackageError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
_HEAD = 2**16  # bytes, among which a file of ISO's base format says how deep its picture is


def open_image(source: bytes | Path) -> Image.Image:
    """A picture file, of which no pixel is decoded yet; to be closed.

    Raises:
        MissingPackageError: for HEIC, if pi-heif is not installed.
        Exception: whatever else decoders raise on a file that they cannot open.
    """
    if not _is_heif(_head_of(source)):
        return Image.open(_file_of(source), formats=pillow_formats())
    try:
        from pi_heif.as_plugin import HeifImageFile
    except ImportError as error:
        raise MissingPackageError(
            "it is a HEIC file, which pi-heif reads: pip install 'latentinpaint[heif]', or convert it to PNG"
        ) from error
    return HeifImageFile(_file_of(source))


def _head_of(source: bytes | Path) -> bytes:
    if isinstance(source, bytes):
        return source[:12]
    with source.open("rb") as file:
        return file.read(12)


def _file_of(source: bytes | Path) -> io.BytesIO | str:
    """What Pillow opens; a file that it opens by its name it closes too."""
    return io.BytesIO(source) if isinstance(source, bytes) else str(source)


def _is_heif(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS


def pillow_formats() -> tuple[str, ...]:
    """Pillow's names of what it opens here; AVIF from its release 11.3 on."""
    if features.check("avif"):
        return (*FORMATS, "AVIF")
    return FORMATS


def lost_depth(data: bytes, name: str) -> list[str]:
    """A sentence if the picture in a HEIC or AVIF file has more than the 8 bits a sample that its decoders give."""
    start = data.find(b"pixi", 0, _HEAD)  # size, "pixi", version and flags, number of channels, their bits
    if data[4:8] != b"ftyp" or start < 0:
        return []
    channels = sum(data[start + 8 : start + 9])
    bits = max(data[start + 9 : start + 9 + channels], default=8)
    if bits <= 8:
        return []
    return [f"{name} has {bits} bits a sample, of which 8 are read"]
