"""PNG chunks: those that may go from one file into another, and those made of metadata.

A chunk is (chunk_type, content), as laid out in section 5 of https://www.w3.org/TR/png-3/.
"""

import struct
import zlib
from collections.abc import Iterator

Chunk = tuple[bytes, bytes]
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Colour and text chunks that hold for any picture of the same colours.
_PORTABLE_CHUNKS = (b"cHRM", b"cICP", b"gAMA", b"sRGB", b"tEXt", b"zTXt", b"iTXt")
# Chunks that are written anew, or hold for the very file alone: its time, frequencies of colours, places in it.
_OTHER_CHUNKS = (
    *(b"tRNS", b"pHYs", b"eXIf", b"iCCP", b"acTL", b"fcTL", b"fdAT"),
    *(b"tIME", b"hIST", b"sBIT", b"bKGD", b"iDOT"),
)
# Texts that may repeat an EXIF orientation that no longer holds.
_STALE_TEXTS = (b"XML:com.adobe.xmp", b"Raw profile type")


def portable_chunks(data: bytes) -> tuple[Chunk, ...]:
    """Colour and text chunks of a PNG that may be written into another PNG of the same colours.

    Left out are XMP, which `xmp.py` cleans, and "Raw profile" texts, which may repeat an orientation that is gone.
    """
    chunks = []
    for chunk_type, content in _chunks(data):
        if chunk_type in _PORTABLE_CHUNKS and not content.startswith(_STALE_TEXTS):
            chunks.append((chunk_type, content))
    return tuple(chunks)


def unkept_chunks(data: bytes) -> list[str]:
    """Names of the chunks of a PNG that are not kept and may be missed, such as those of HDR displays."""
    names: dict[str, None] = {}
    for chunk_type, _ in _chunks(data):
        is_ancillary = bool(chunk_type[0] & 0x20)
        if is_ancillary and chunk_type not in (*_PORTABLE_CHUNKS, *_OTHER_CHUNKS):
            names[chunk_type.decode("latin-1")] = None
    return list(names)


def xmp_chunk(packet: bytes) -> Chunk:
    """An XMP packet as international text, neither compressed nor of a language."""
    return b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet


def png_end(data: bytes) -> int:
    """Where the last chunk of a PNG ends; the file's length if it has none."""
    position = len(PNG_SIGNATURE)
    for chunk_type, content in _chunks(data):
        position += 12 + len(content)
        if chunk_type == b"IEND":
            return position
    return len(data)


def metadata_chunks(
    icc: bytes | None,
    exif: bytes | None,
    dpi: tuple[float, float] | None,
    transparent_colour: tuple[int, ...] | None,
) -> list[Chunk]:
    """PNG chunks for an ICC profile, EXIF, resolution, and the colour that counts as transparent."""
    chunks: list[Chunk] = []
    if icc:
        chunks.append((b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc)))
    if transparent_colour:
        samples = struct.pack(f">{len(transparent_colour)}H", *transparent_colour)
        chunks.append((b"tRNS", samples))
    if dpi:
        x, y = dpi
        per_metre = struct.pack(">IIB", round(x / 0.0254), round(y / 0.0254), 1)
        chunks.append((b"pHYs", per_metre))
    if exif:
        chunks.append((b"eXIf", exif.removeprefix(b"Exif\0\0")))
    return chunks


def _chunks(data: bytes) -> Iterator[Chunk]:
    """Yield (chunk_type, content) of the chunks of a PNG file, and nothing for other files."""
    if not data.startswith(PNG_SIGNATURE):
        return
    position = len(PNG_SIGNATURE)
    while position + 12 <= len(data):
        length, chunk_type = struct.unpack_from(">I4s", data, position)
        yield chunk_type, data[position + 8 : position + 8 + length]
        if chunk_type == b"IEND":  # whatever follows is no part of the picture
            return
        position += 12 + length
