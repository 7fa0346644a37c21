"""What a picture file says beside its pixels: EXIF, resolution, JPEG settings, PNG chunks.

Conventions
- EXIF is raw bytes with orientation 1, because pictures are kept upright.
- Resolution is (x, y) dots per inch of the upright picture.
- PNG chunks are (kind, content), as laid out in section 5 of https://www.w3.org/TR/png-3/.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Any

from PIL import Image, JpegImagePlugin

Chunk = tuple[bytes, bytes]
ORIENTATION = 0x0112
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# IFD0 of a TIFF also describes how its pixels are laid out; only these entries belong to the picture:
# description, make, model, software, date, artist, copyright, and the EXIF and GPS folders.
_TIFF_EXIF = (270, 271, 272, 305, 306, 315, 33432, 34665, 34853)
_EXIF_FOLDER = 34665
_SIZE, _EXIF_SIZE = (0x0100, 0x0101), (0xA002, 0xA003)  # ImageWidth, ImageLength; PixelXDimension, PixelYDimension


def upright_exif(exif: Image.Exif, is_tiff: bool, name: str) -> tuple[bytes | None, list[str]]:
    """The EXIF with orientation 1. Pillow leaves out the thumbnail: it would show what was inpainted."""
    try:
        kept = Image.Exif()
        if is_tiff:
            kept = _descriptive(exif)
        elif len(exif):
            kept.load(exif.tobytes())
        if ORIENTATION in kept:
            kept[ORIENTATION] = 1
        return (kept.tobytes() if len(kept) else None), []
    except Exception:  # a damaged EXIF is no reason to refuse a sound picture
        return None, [f"the EXIF data of {name} are damaged and not kept"]


def resized_exif(exif: bytes | None, width: int, height: int) -> bytes | None:
    """The same EXIF, with the new size wherever it states one."""
    if not exif:
        return exif
    whole = Image.Exif()
    whole.load(exif)
    folder = whole.get_ifd(_EXIF_FOLDER)
    for place, tags in ((whole, _SIZE), (folder, _EXIF_SIZE)):
        for tag, pixels in zip(tags, (width, height), strict=True):
            if tag in place:
                place[tag] = pixels
    return whole.tobytes()


def tiff_exif(exif: bytes | None) -> tuple[dict[int, str], bytes | None]:
    """What of an EXIF may go into the first folder of a TIFF.

    Returns its plain ASCII texts by tag, and all of it as bytes; None if the texts are all there is.
    """
    whole = Image.Exif()
    if exif:
        whole.load(exif)
    kept = _descriptive(whole)
    texts = {tag: value for tag, value in kept.items() if isinstance(value, str) and value.isascii()}
    return texts, None if len(texts) == len(kept) else kept.tobytes()


def _descriptive(exif: Image.Exif) -> Image.Exif:
    kept = Image.Exif()
    for tag in _TIFF_EXIF:
        if tag in exif:
            kept[tag] = exif.get_ifd(tag) if tag in (34665, 34853) else exif[tag]
    return kept


def dpi_of(image: Image.Image, orientation: int) -> tuple[float, float] | None:
    """Dots per inch along the upright (x, y); None where unknown or absurd."""
    try:
        x, y = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not (0 < x < 1e6 and 0 < y < 1e6):
        return None
    return (y, x) if orientation >= 5 else (x, y)


def jpeg_options_of(image: Image.Image) -> dict[str, Any] | None:
    """Options that make Pillow write a JPEG with the quantisation and sampling of this one."""
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return None
    options: dict[str, Any] = {"qtables": {index: list(table) for index, table in image.quantization.items()}}
    # -1 stands for grey and for rare samplings that Pillow cannot write; full chroma loses least there.
    options["subsampling"] = max(0, JpegImagePlugin.get_sampling(image))
    options["progressive"] = bool(image.info.get("progressive"))
    return options | ({"comment": image.info["comment"]} if image.info.get("comment") else {})


def kept_chunks(data: bytes) -> tuple[Chunk, ...]:
    """Colour and text chunks of a PNG that hold for any picture of the same colours.

    Left out are XMP and "Raw profile" texts: they may repeat an EXIF orientation that no longer holds.
    """
    kinds = (b"cHRM", b"cICP", b"gAMA", b"sRGB", b"tEXt", b"zTXt", b"iTXt")
    stale = (b"XML:com.adobe.xmp", b"Raw profile type")
    return tuple((kind, text) for kind, text in _chunks(data) if kind in kinds and not text.startswith(stale))


def metadata_chunks(
    icc: bytes | None, exif: bytes | None, dpi: tuple[float, float] | None, key: tuple[int, ...] | None
) -> list[Chunk]:
    """PNG chunks for an ICC profile, EXIF, resolution, and the transparent colour `key`."""
    chunks: list[Chunk] = []
    if icc:
        chunks.append((b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc)))
    if key:
        chunks.append((b"tRNS", struct.pack(f">{len(key)}H", *key)))
    if dpi:
        chunks.append((b"pHYs", struct.pack(">IIB", *(round(value / 0.0254) for value in dpi), 1)))
    if exif:
        chunks.append((b"eXIf", exif.removeprefix(b"Exif\0\0")))
    return chunks


def _chunks(data: bytes) -> Iterator[Chunk]:
    """Yield (kind, content) of the chunks of a PNG file, and nothing for other files."""
    position = len(PNG_SIGNATURE)
    while data.startswith(PNG_SIGNATURE) and position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        yield kind, data[position + 8 : position + 8 + length]
        position += 12 + length
