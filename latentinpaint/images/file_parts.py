"""The parts that files of JPEG, WebP, GIF and BMP consist of, without decoding their pixels.

JPEG: ITU-T T.81, annex B. WebP: RFC 9649. GIF: GIF89a. BMP: BITMAPV5HEADER of Windows. PNG is in `png_chunks.py`.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

START_OF_SCAN = 0xDA
END_OF_JPEG = 0xD9
COMMENT = 0xFE
GIF_TRAILER = 0x3B
_GIF_EXTENSION = 0x21
_STANDALONE_MARKERS = (0x01, *range(0xD0, 0xD9))
_MARKER = re.compile(rb"\xff+[^\x00\xff]")
# In entropy-coded data 0xFF 0 is a sample's byte, and 0xD0 to 0xD7 are restart markers.
_MARKER_BEHIND_SCAN = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")


@dataclass(frozen=True)
class FilePart:
    """One part of a file: its kind as a number or name of the format, where it is, and what is in it."""

    kind: int | bytes
    start: int
    end: int
    content: bytes = b""


def jpeg_segments(data: bytes) -> Iterator[FilePart]:
    """The segments of a JPEG up to its end marker, or to where the file is no JPEG any more."""
    position = 2
    pattern_fits = _MARKER.match
    while match := pattern_fits(data, position):
        start = match.end() - 2
        marker = data[start + 1]
        pattern_fits = _MARKER.match
        position = start + 2
        if marker == END_OF_JPEG:
            yield FilePart(marker, start, position)
            return
        if marker in _STANDALONE_MARKERS:
            continue
        if position + 2 > len(data):
            return
        position += int.from_bytes(data[position : position + 2], "big")
        yield FilePart(marker, start, position, data[start + 4 : position])
        if marker == START_OF_SCAN:
            pattern_fits = _MARKER_BEHIND_SCAN.search


def webp_chunks(data: bytes) -> Iterator[FilePart]:
    """The chunks of a WebP file, padding included in their places."""
    position = 12
    while position + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, position)
        end = position + 8 + length + (length & 1)
        yield FilePart(name, position, end, data[position + 8 : position + 8 + length])
        position = end


def gif_blocks(data: bytes) -> Iterator[FilePart]:
    """Extensions of a GIF by their label, with their first sub-block as content, and its trailer."""
    position = 13 + _gif_colours(data[10:11])
    while position < len(data):
        start = position
        introducer = data[position]
        if introducer == _GIF_EXTENSION and position + 2 < len(data):
            length = data[position + 2]
            content = data[position + 3 : position + 3 + length]
            position = _behind_gif_blocks(data, position + 2)
            yield FilePart(data[start + 1], start, position, content)
        elif introducer == 0x2C:
            colours = _gif_colours(data[position + 9 : position + 10])
            position = _behind_gif_blocks(data, position + 11 + colours)
        else:
            if introducer == GIF_TRAILER:
                yield FilePart(introducer, start, start + 1)
            return


def _gif_colours(flags: bytes) -> int:
    """Bytes of the table of colours that follows a header with these flags."""
    if not flags or not flags[0] & 0x80:
        return 0
    return 3 << (flags[0] & 7) + 1


def _behind_gif_blocks(data: bytes, position: int) -> int:
    """Where sub-blocks that begin at `position` end."""
    while position < len(data) and data[position]:
        position += 1 + data[position]
    return position + 1


def bmp_colours(data: bytes) -> tuple[bytes, bytes | None]:
    """What a BMP says of its colours: the name of the kind, empty for plain ones, and a profile within the file."""
    length = int.from_bytes(data[14:18], "little")
    kind = data[70:74]
    if length < 108 or len(data) < 14 + length:
        return b"", None
    if kind == bytes(4) and any(data[74:122]):
        return b"calibrated", None
    if length >= 124 and kind == b"KNIL":
        return b"linked", None
    if length >= 124 and kind == b"DEBM":
        start, size = struct.unpack_from("<II", data, 14 + 112)
        profile = data[14 + start : 14 + start + size]
        if size and len(profile) == size:
            return b"embedded", profile
        return b"damaged", None
    return b"", None
