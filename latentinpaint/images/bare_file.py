"""Image files without their metadata: what is left is the picture.

Decoders refuse a file for a malformed profile or text although its picture is sound. Removed are parts that do not
decide a sample: ancillary PNG chunks but tRNS, JPEG segments but those of Adobe and JFIF that tell the colours, the
profile, EXIF and XMP of WebP, and entries of a TIFF's first folder that do not say where and what its samples are.

PNG: https://www.w3.org/TR/png-3/, section 5. JPEG: ITU-T T.81, annex B. WebP: RFC 9649. TIFF: TIFF 6.0, section 2.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from latentinpaint.images.file_parts import START_OF_SCAN, jpeg_segments, webp_chunks
from latentinpaint.images.png_chunks import PNG_SIGNATURE

_WEBP_METADATA = (b"ICCP", b"EXIF", b"XMP ")
_WEBP_METADATA_FLAGS = 0b00101100  # of VP8X: profile, EXIF, XMP
_JPEG_METADATA = (*range(0xE0, 0xF0), 0xFE)
TIFF_STRUCTURE = frozenset(
    [*range(254, 260), 262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 284, 292, 293, 317, 320]
    + [322, 323, 324, 325, 332, 334, 338, 339, 340, 341, 347, 512, 519, 520, 521, 529, 530, 531, 532]
)
_PART_NAMES = {
    "iCCP": "ICC profile",
    "eXIf": "EXIF data",
    "tEXt": "texts",
    "zTXt": "texts",
    "iTXt": "texts",
    "pHYs": "resolution",
    "E0": "JFIF header",
    "E1": "EXIF or XMP data",
    "E2": "ICC profile",
    "ED": "Photoshop data",
    "FE": "comment",
}


@dataclass(frozen=True)
class _Part:
    """Metadata in a file: where, of which kind, and whether its checksum is right."""

    start: int
    end: int
    kind: str
    is_sound: bool = True


def without_metadata(data: bytes) -> bytes | None:
    """The file without any metadata; None where it has none, or is of a format that is not taken apart."""
    if data[:4] in (b"II*\0", b"MM\0*"):
        return _bare_tiff(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _bare_webp(data)
    parts = list(_parts(data))
    if not parts:
        return None
    return _cut(data, parts)


def with_less_metadata(data: bytes) -> Iterator[tuple[bytes, str]]:
    """The file without what has a wrong checksum, then without one kind of metadata, and what that is called."""
    damaged: list[_Part] = []
    by_kind: dict[str, list[_Part]] = {}
    for part in _parts(data):
        by_kind.setdefault(part.kind, []).append(part)
        if not part.is_sound:
            damaged.append(part)
    if damaged:
        yield _cut(data, damaged), _names(damaged)
    for same in by_kind.values():
        yield _cut(data, same), _names(same)


def _names(parts: list[_Part]) -> str:
    """What a person calls the kinds of some parts."""
    names: dict[str, None] = {}
    for part in parts:
        names[_PART_NAMES.get(part.kind, f"{part.kind} data")] = None
    return ", ".join(names)


def _parts(data: bytes) -> Iterator[_Part]:
    if data.startswith(PNG_SIGNATURE):
        yield from _png_parts(data)
    elif data.startswith(b"\xff\xd8"):
        yield from _jpeg_parts(data)


def _cut(data: bytes, parts: list[_Part]) -> bytes:
    kept = b""
    position = 0
    for part in parts:
        kept += data[position : part.start]
        position = part.end
    return kept + data[position:]


def _png_parts(data: bytes) -> Iterator[_Part]:
    position = len(PNG_SIGNATURE)
    while position + 12 <= len(data):
        length, chunk_type = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            return
        is_ancillary = bool(chunk_type[0] & 0x20)
        if is_ancillary and chunk_type != b"tRNS":
            checksum = int.from_bytes(data[end - 4 : end], "big")
            is_sound = checksum == zlib.crc32(data[position + 4 : end - 4])
            yield _Part(position, end, chunk_type.decode("latin-1"), is_sound)
        position = end


def _jpeg_parts(data: bytes) -> Iterator[_Part]:
    for segment in jpeg_segments(data):
        if segment.kind == START_OF_SCAN:
            return
        tells_colours = segment.content.startswith((b"Adobe", b"JFIF\0")) and len(segment.content) >= 12
        if segment.kind in _JPEG_METADATA and not tells_colours:
            yield _Part(segment.start, segment.end, f"{int(segment.kind):02X}")


def _bare_webp(data: bytes) -> bytes:
    kept = b"WEBP"
    for part in webp_chunks(data):
        chunk = data[part.start : part.end]
        if part.kind == b"VP8X" and part.content:
            flags = chunk[8] & ~_WEBP_METADATA_FLAGS
            chunk = chunk[:8] + bytes([flags]) + chunk[9:]
        if part.kind not in _WEBP_METADATA:
            kept += chunk
    return b"RIFF" + struct.pack("<I", len(kept)) + kept


def _bare_tiff(data: bytes) -> bytes | None:
    """The file with structure alone in its first folder, which stays in its place; None for one that is cut short.

    The file grows by nothing: pixels that are cut off stay cut off.
    """
    order = "<"
    if data.startswith(b"MM"):
        order = ">"
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        (following,) = struct.unpack_from(f"{order}I", data, start + 2 + 12 * count)
    except struct.error:
        return None
    entries = []
    for index in range(count):
        entry = data[start + 2 + 12 * index :][:12]
        tag, kind, values = struct.unpack(f"{order}HHI", entry[:8])
        is_orientation = (tag, kind, values) == (274, 3, 1)
        if tag in TIFF_STRUCTURE or is_orientation:
            entries.append(entry)
    folder = struct.pack(f"{order}H", len(entries)) + b"".join(entries) + struct.pack(f"{order}I", following)
    return data[:start] + folder + data[start + len(folder) :]
