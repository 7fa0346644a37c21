"""What a picture file holds beside its pixels: EXIF, resolution, JPEG settings, PNG chunks.

Conventions
- EXIF is raw bytes with orientation 1, because pictures are kept upright.
- Resolution is (x, y) dots per inch of the upright picture.
- PNG chunks are (chunk_type, content), as laid out in section 5 of https://www.w3.org/TR/png-3/.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from PIL import Image, JpegImagePlugin, TiffImagePlugin

from latentinpaint.images.orientation import ORIENTATION

Chunk = tuple[bytes, bytes]
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_IPTC_TAG = 33723  # of a TIFF's first folder
_IPTC_BLOCK = 0x0404  # of the Photoshop segment of a JPEG
_BITS = 258
_SAMPLES = 277
_EXTRA_SAMPLES = 338
_SAMPLE_FORMAT = 339
_EXIF_FOLDER = 34665
_GPS_FOLDER = 34853
# IFD0 of a TIFF also describes how its pixels are laid out; only these entries belong to the picture:
# description, make, model, software, date, artist, copyright, and the EXIF and GPS folders.
_TIFF_EXIF = (270, 271, 272, 305, 306, 315, 33432, _EXIF_FOLDER, _GPS_FOLDER)
_SIZE = (0x0100, 0x0101)  # ImageWidth, ImageLength
_EXIF_SIZE = (0xA002, 0xA003)  # PixelXDimension, PixelYDimension
# Colour and text chunks that hold for any picture of the same colours.
_PORTABLE_CHUNKS = (b"cHRM", b"cICP", b"gAMA", b"sRGB", b"tEXt", b"zTXt", b"iTXt")
# Texts that may repeat an EXIF orientation that no longer holds.
_STALE_TEXTS = (b"XML:com.adobe.xmp", b"Raw profile type")


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
        if not len(kept):
            return None, []
        return kept.tobytes(), []
    except Exception:  # a damaged EXIF is no reason to refuse a sound picture
        return None, [f"the EXIF data of {name} are damaged and not kept"]


def resized_exif(exif: bytes | None, width: int, height: int) -> bytes | None:
    """The same EXIF, with the new size wherever it states one."""
    if not exif:
        return exif
    resized = Image.Exif()
    resized.load(exif)
    _replace_size(resized, _SIZE, width, height)
    _replace_size(resized.get_ifd(_EXIF_FOLDER), _EXIF_SIZE, width, height)
    return resized.tobytes()


def turned_exif(exif: bytes | None, orientation: int) -> bytes:
    """The same EXIF with another orientation."""
    turned = Image.Exif()
    if exif:
        turned.load(exif)
    turned[ORIENTATION] = orientation
    return turned.tobytes()


def _replace_size(entries: MutableMapping[int, Any], tags: tuple[int, int], width: int, height: int) -> None:
    """Write a new width and height where `entries` has the two `tags`."""
    for tag, pixels in zip(tags, (width, height), strict=True):
        if tag in entries:
            entries[tag] = pixels


def tiff_exif(exif: bytes | None) -> tuple[dict[int, str], bytes | None]:
    """What of an EXIF may go into the first folder of a TIFF.

    Returns its plain ASCII texts by tag, and all of it as bytes; None if the texts are all there is.
    """
    whole = Image.Exif()
    if exif:
        whole.load(exif)
    kept = _descriptive(whole)
    texts = {}
    for tag, value in kept.items():
        if isinstance(value, str) and value.isascii():
            texts[tag] = value
    if len(texts) == len(kept):
        return texts, None
    return texts, kept.tobytes()


def _descriptive(exif: Image.Exif) -> Image.Exif:
    """The entries that describe a picture, not how its pixels are laid out."""
    kept = Image.Exif()
    for tag in _TIFF_EXIF:
        if tag not in exif:
            continue
        if tag in (_EXIF_FOLDER, _GPS_FOLDER):
            kept[tag] = exif.get_ifd(tag)
        else:
            kept[tag] = exif[tag]
    return kept


def dpi_of(image: Image.Image, orientation: int) -> tuple[float, float] | None:
    """Dots per inch along the upright (x, y); None where unknown or absurd."""
    try:
        x, y = map(float, image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not (0 < x < 1e6 and 0 < y < 1e6):
        return None
    if orientation >= 5:
        return y, x
    return x, y


def jpeg_options_of(image: Image.Image) -> dict[str, Any] | None:
    """Options that make Pillow write a JPEG with the quantisation and sampling of this one."""
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return None
    return {
        "qtables": {index: list(table) for index, table in image.quantization.items()},
        # -1 stands for grey and for rare samplings that Pillow cannot write; full chroma loses least there.
        "subsampling": max(0, JpegImagePlugin.get_sampling(image)),
        "progressive": bool(image.info.get("progressive")),
    }


def comment_of(image: Image.Image) -> bytes | None:
    """The one comment of a JPEG or GIF, in whatever encoding it was written."""
    if image.format not in ("JPEG", "GIF"):
        return None
    comment = image.info.get("comment")
    if not isinstance(comment, bytes) or not comment:
        return None
    return comment


def comment_text(comment: bytes) -> str:
    """A comment as text: UTF-8 if it is that, Latin-1 if not, without a closing zero."""
    plain = comment.rstrip(b"\0")
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError:
        return plain.decode("latin-1")


def unsupported_metadata(image: Image.Image, name: str) -> list[str]:
    """A sentence for each thing in a file that a `Picture` has no field for."""
    info = image.info
    sentences = []
    if "xmp" in info or "XML:com.adobe.xmp" in info:
        sentences.append(f"the XMP metadata of {name} are not kept")
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        sentences += _changes_of_tiff(image.tag_v2, len(image.getbands()), name)
    if _has_iptc(image):
        sentences.append(f"the IPTC data of {name} are not kept")
    if any(str(key).startswith("Raw profile type") for key in info):
        sentences.append(f"the raw profile texts of {name} are not kept")
    if _is_oblong(info):
        sentences.append(f"the pixels of {name} are meant to be oblong: that is not kept")
    return sentences


def _changes_of_tiff(tags: Mapping[int, Any], bands: int, name: str) -> list[str]:
    """What Pillow leaves out, or changes, of a TIFF's samples."""
    sentences = []
    if tags.get(_SAMPLES, 1) > bands:
        sentences.append(f"{name} has {tags[_SAMPLES]} channels, of which {bands} are kept")
    if tags.get(_EXTRA_SAMPLES, ())[:1] == (1,):
        sentences.append(f"the premultiplied alpha of {name} becomes straight alpha, colours under it are rounded")
    if tags.get(_BITS, (1,))[0] == 32 and tags.get(_SAMPLE_FORMAT, (1,))[0] == 1:
        sentences.append(f"the unsigned 32-bit integers of {name} are written as signed ones")
    return sentences


def _has_iptc(image: Image.Image) -> bool:
    """Whether there are IPTC data, in a TIFF's tags or in the Photoshop segment of a JPEG."""
    if isinstance(image, TiffImagePlugin.TiffImageFile) and _IPTC_TAG in image.tag_v2:
        return True
    return _IPTC_BLOCK in (image.info.get("photoshop") or {})


def _is_oblong(info: Mapping[Any, Any]) -> bool:
    """Whether resolutions without a unit say that pixels are wider than high, or higher than wide."""
    if "dpi" in info:
        return False
    densities = info.get("aspect") or info.get("resolution")
    if not densities and info.get("jfif_unit") == 0:
        densities = info.get("jfif_density")
    if not densities:
        return False
    return bool(densities[0] != densities[1])


def portable_chunks(data: bytes) -> tuple[Chunk, ...]:
    """Colour and text chunks of a PNG that may be written into another PNG of the same colours.

    Left out are XMP and "Raw profile" texts: they may repeat an EXIF orientation that no longer holds.
    """
    chunks = []
    for chunk_type, content in _chunks(data):
        if chunk_type in _PORTABLE_CHUNKS and not content.startswith(_STALE_TEXTS):
            chunks.append((chunk_type, content))
    return tuple(chunks)


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
        position += 12 + length
