"""What a picture file says beside its pixels: EXIF, resolution, JPEG settings, PNG chunks.

Conventions
- EXIF is raw bytes with orientation 1, because pictures are kept upright.
- Resolution is (x, y) dots per inch of the upright picture.
- PNG chunks are (kind, content), as laid out in section 5 of https://www.w3.org/TR/png-3/.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from PIL import Image, JpegImagePlugin, TiffImagePlugin

Chunk = tuple[bytes, bytes]
ORIENTATION = 0x0112
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_IPTC_TAG, _IPTC_BLOCK = 33723, 0x0404  # of a TIFF's first folder, and of the Photoshop segment of a JPEG
_BITS, _SAMPLES, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 258, 277, 338, 339
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
    return options


def comment_of(image: Image.Image) -> bytes | None:
    """The one comment of a JPEG or GIF, in whatever encoding it was written."""
    comment = image.info.get("comment") if image.format in ("JPEG", "GIF") else None
    return comment if isinstance(comment, bytes) and comment else None


def comment_text(comment: bytes) -> str:
    """A comment as text: UTF-8 if it is that, Latin-1 if not, without a closing zero."""
    plain = comment.rstrip(b"\0")
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError:
        return plain.decode("latin-1")


def unkept(image: Image.Image, name: str) -> list[str]:
    """A sentence for each thing in a file that a `Picture` has no place for."""
    info, sentences = image.info, []
    if "xmp" in info or "XML:com.adobe.xmp" in info:
        sentences.append(f"the XMP metadata of {name} are not kept")
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    sentences += _unkept_of_tiff(tags, len(image.getbands()), name)
    if _IPTC_TAG in tags or _IPTC_BLOCK in (info.get("photoshop") or {}):
        sentences.append(f"the IPTC data of {name} are not kept")
    if any(str(key).startswith("Raw profile type") for key in info):
        sentences.append(f"the raw profile texts of {name} are not kept")
    if _is_oblong(info):
        sentences.append(f"the pixels of {name} are meant to be oblong: that is not kept")
    return sentences


def _unkept_of_tiff(tags: Mapping[int, Any], bands: int, name: str) -> list[str]:
    """What Pillow leaves out, or changes, of a TIFF's samples; nothing for no tags."""
    sentences = []
    if tags.get(_SAMPLES, 1) > bands:
        sentences.append(f"{name} has {tags[_SAMPLES]} channels, of which {bands} are kept")
    if tags.get(_EXTRA_SAMPLES, ())[:1] == (1,):
        sentences.append(f"the premultiplied alpha of {name} becomes straight alpha, colours under it are rounded")
    if tags.get(_BITS, (1,))[0] == 32 and tags.get(_SAMPLE_FORMAT, (1,))[0] == 1:
        sentences.append(f"the unsigned 32-bit integers of {name} are written as signed ones")
    return sentences


def _is_oblong(info: dict[str, Any]) -> bool:
    """Whether resolutions without a unit say that pixels are wider than high, or higher than wide."""
    if "dpi" in info:
        return False
    given = info.get("aspect") or info.get("resolution")
    if not given and info.get("jfif_unit") == 0:
        given = info.get("jfif_density")
    return bool(given) and given[0] != given[1]


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
