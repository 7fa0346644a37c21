"""Whether a picture's file is whole, found out without decoding it where its last bytes tell.

Where each format ends: a PNG with its chunk IEND (PNG specification, 5.6), a JPEG with the marker EOI (ITU-T T.81,
B.2.1), a GIF with its trailer (GIF89a, 27); WebP (RFC 9649) and BMP state their length in the header. A TIFF may have
its parts in any order, and any file may be followed by something else: those are decoded.
"""

from collections.abc import Callable
from pathlib import Path

from latentinpaint.errors import InputError
from latentinpaint.images.decode import upright_size
from latentinpaint.images.image_files import read_picture
from latentinpaint.images.opening import open_image

_HEAD = 16
_TAIL = 12  # bytes


def picture_size(path: Path) -> tuple[int, int] | None:
    """Height and width of a picture, upright, from its file's header; None if it is no picture that can be read."""
    _, size = _header_of(path)
    return size


def is_complete(path: Path, size: tuple[int, int]) -> bool:
    """Whether a file is a picture of that height and width, with all its bytes."""
    format_name, found_size = _header_of(path)
    if found_size != size:
        return False
    ends_well = _ENDS.get(format_name)
    if ends_well is not None:
        head, tail, length = _ends_of(path)
        if ends_well(head, tail, length):
            return True
        if not any(tail):  # as a power cut leaves files; decoders take the zeros for pixels
            return False
    try:
        read_picture(path)
    except InputError:
        return False
    return True


def _header_of(path: Path) -> tuple[str, tuple[int, int] | None]:
    """Pillow's name of a file's format, and the picture's height and width, upright; None if it cannot be read."""
    try:
        with open_image(path) as image:
            return image.format or "", upright_size(image)
    except Exception:  # decoders meet hostile bytes
        return "", None


def _ends_of(path: Path) -> tuple[bytes, bytes, int]:
    """The first and the last bytes of a file, and its length."""
    length = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD)
        file.seek(max(0, length - _TAIL))
        return head, file.read(), length


def _png(head: bytes, tail: bytes, length: int) -> bool:
    return tail == b"\0\0\0\0IEND\xae\x42\x60\x82"


def _jpeg(head: bytes, tail: bytes, length: int) -> bool:
    return tail.endswith(b"\xff\xd9")


def _gif(head: bytes, tail: bytes, length: int) -> bool:
    return tail.endswith(b"\0;")  # the last block's end, and the trailer


def _webp(head: bytes, tail: bytes, length: int) -> bool:
    return int.from_bytes(head[4:8], "little") + 8 == length


def _bmp(head: bytes, tail: bytes, length: int) -> bool:
    return int.from_bytes(head[2:6], "little") == length


# By Pillow's names.
_ENDS: dict[str, Callable[[bytes, bytes, int], bool]] = {
    "PNG": _png,
    "JPEG": _jpeg,
    "GIF": _gif,
    "WEBP": _webp,
    "BMP": _bmp,
}
