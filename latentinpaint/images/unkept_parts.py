"""Sentences on the parts of a file that are not kept and that Pillow says nothing of.

Provenance (C2PA) is left out on purpose: it vouches for the picture before it was filled.
"""

from collections.abc import Callable, Iterator

from latentinpaint.images.file_parts import (
    COMMENT,
    END_OF_JPEG,
    GIF_TRAILER,
    bmp_colours,
    gif_blocks,
    jpeg_segments,
    webp_chunks,
)
from latentinpaint.images.png_chunks import PNG_SIGNATURE, png_end, unkept_chunks

_CREDENTIALS = "the content credentials (C2PA) of {name} are not kept, they hold for the picture before it was filled"
# What other modules keep or report: JFIF, EXIF, XMP, profiles, further pictures, gain maps, Photoshop, Adobe.
_KNOWN_SEGMENTS = (
    *(b"JFIF\0", b"JFXX\0", b"Exif\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0", b"MPF\0"),
    *(b"urn:iso:std:iso:ts:21496:-1", b"Photoshop 3.0\0", b"Adobe", b"Ducky"),
)
_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_KNOWN_WEBP_CHUNKS = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP ")
_GIF_PLAIN_TEXT = 0x01
_GIF_APPLICATION = 0xFF
_GIF_LOOPING = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_BMP_COLOURS = {
    b"calibrated": "the colour calibration of {name} is not kept",
    b"linked": "the ICC profile that {name} names in another file is not kept",
    b"damaged": "the ICC profile of {name} is damaged and not kept",
}


def unkept_parts(data: bytes, name: str, has_further_pictures: bool) -> list[str]:
    """A sentence for each kind of part of a file that is not kept and may be missed.

    Args:
        data: the file.
        name: what sentences call it.
        has_further_pictures: whether further pictures in the file are reported already.
    """
    for start, sentences_of in _FORMATS.items():
        if data.startswith(start):
            sentences = list(sentences_of(data, has_further_pictures))
            return [sentence.replace("{name}", name) for sentence in sentences]
    return []


def _of_png(data: bytes, has_further_pictures: bool) -> Iterator[str]:
    names = unkept_chunks(data)
    if names:
        yield f"these chunks of {{name}} are not kept: {', '.join(names)}"
    yield from _behind(data, png_end(data))


def _of_jpeg(data: bytes, has_further_pictures: bool) -> Iterator[str]:
    comments = 0
    others: dict[str, None] = {}
    end = len(data)
    for segment in jpeg_segments(data):
        if segment.kind == COMMENT:
            comments += 1
        elif segment.kind == END_OF_JPEG:
            end = segment.end
        elif isinstance(segment.kind, int) and 0xE0 <= segment.kind < 0xF0:
            if not segment.content.startswith(_KNOWN_SEGMENTS):
                others[_segment_sentence(segment.kind, segment.content)] = None
    if comments > 1:
        yield f"{{name}} has {comments} comments, of which the last is kept"
    yield from others
    yield from _behind(data, end, has_further_pictures)


def _segment_sentence(marker: int, content: bytes) -> str:
    if marker == 0xEB and content.startswith(b"JP"):
        return _CREDENTIALS
    if content.startswith(_EXTENDED_XMP):
        return "the extended XMP metadata of {name} are not kept"
    return f"the data of another program in {{name}} are not kept: APP{marker & 15}"


def _of_webp(data: bytes, has_further_pictures: bool) -> Iterator[str]:
    end = 8 + int.from_bytes(data[4:8], "little")
    others: dict[str, None] = {}
    for chunk in webp_chunks(data[:end]):
        if chunk.kind == b"C2PA":
            others[_CREDENTIALS] = None
        elif isinstance(chunk.kind, bytes) and chunk.kind not in _KNOWN_WEBP_CHUNKS:
            others[f"a chunk of {{name}} is not kept: {_printable(chunk.kind)}"] = None
    yield from others
    yield from _behind(data, end)


def _of_gif(data: bytes, has_further_pictures: bool) -> Iterator[str]:
    applications: dict[str, None] = {}
    has_text = False
    end = len(data)
    for block in gif_blocks(data):
        if block.kind == GIF_TRAILER:
            end = block.end
        elif block.kind == _GIF_PLAIN_TEXT:
            has_text = True
        elif block.kind == _GIF_APPLICATION and block.content not in _GIF_LOOPING:
            applications[_printable(block.content.strip(b"\0 "))] = None
    if applications:
        yield f"the application data of {{name}} are not kept: {', '.join(applications)}"
    if has_text:
        yield "the plain text that {name} shows over its picture is not kept"
    yield from _behind(data, end)


def _of_bmp(data: bytes, has_further_pictures: bool) -> Iterator[str]:
    kind, _ = bmp_colours(data)
    if kind in _BMP_COLOURS:
        yield _BMP_COLOURS[kind]


def _printable(name: bytes) -> str:
    """A name in a file, which may hold anything, on one line."""
    return name.decode("latin-1").encode("unicode_escape").decode("ascii")


def _behind(data: bytes, end: int, is_reported: bool = False) -> Iterator[str]:
    """On what follows the end of the picture; a camera's padding is nothing."""
    behind = data[end:]
    if b"ftyp" in behind:
        yield "the video behind the picture {name} (a motion photo) is not kept"
    elif behind.strip(b"\0\xff") and not is_reported:
        yield "the data behind the end of the picture {name} are not kept"


_FORMATS: dict[bytes, Callable[[bytes, bool], Iterator[str]]] = {
    PNG_SIGNATURE: _of_png,
    b"\xff\xd8": _of_jpeg,
    b"RIFF": _of_webp,
    b"GIF8": _of_gif,
    b"BM": _of_bmp,
}
