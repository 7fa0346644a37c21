"""File formats: what each can hold, fitting a picture to one, and encoding it.

Conventions
- A mode is Pillow's name, or one of the 16-bit colour modes of `high_depth.py`.
- What a format cannot hold becomes the next best that it can, and one sentence that says so.
- Files are made in memory: given a file of its own to write to, Pillow's JPEG encoder says nothing of a full disk.
"""

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from latentinpaint.errors import InputError
from latentinpaint.images.exif import tiff_exif
from latentinpaint.images.high_depth import SIXTEEN_BIT_COLOUR_MODES, SIXTEEN_BIT_MODES, encode_png, encode_tiff
from latentinpaint.images.iptc import IPTC_TAG, iptc_segment
from latentinpaint.images.metadata import comment_text
from latentinpaint.images.picture import Picture
from latentinpaint.images.png_chunks import metadata_chunks, xmp_chunk


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

_XMP_TAG = 700  # of a TIFF
LOSSY = "JPEG is lossy: known pixels change slightly, write PNG to keep them exactly"

# What a JPEG keeps in one segment: the most bytes beside its header, and what it is called.
_JPEG_SEGMENTS = {
    "exif": (65_533, "the EXIF data are"),
    "xmp": (65_504, "the XMP metadata are"),
    "iptc": (65_506, "the IPTC data are"),
    "comment": (65_533, "the comment is"),
}

# Where a format lacks a mode, the next best in order: first what keeps most.
FALLBACKS = {
    "1": ("L", "RGB"),
    "L": ("RGB",),
    "LA": ("RGBA", "L", "RGB"),
    "P": ("RGB",),
    "PA": ("RGBA", "RGB", "P"),
    "RGB": ("P",),
    "RGBA": ("RGB", "P"),
    "CMYK": ("RGB", "P"),
    "YCbCr": ("RGB", "P"),
    "I;16": ("L", "RGB"),
    "I;16B": ("I;16", "L", "RGB"),
    "I": ("I;16", "L", "RGB"),
    "F": ("I;16", "L", "RGB"),
    "LA;16": ("RGBA;16", "RGBA", "L", "RGB"),
    "RGB;16": ("RGB", "P"),
    "RGBA;16": ("RGBA", "RGB", "P"),
}


MODE_NAMES = {
    "1": "1-bit mode",
    "L": "8-bit grey",
    "LA": "grey with alpha",
    "P": "palette",
    "PA": "palette with alpha",
    "RGB": "8-bit RGB",
    "RGBA": "8-bit RGBA",
    "CMYK": "CMYK",
    "YCbCr": "YCbCr",
    "I;16": "16-bit grey",
    "I;16B": "16-bit grey",
    "I": "32-bit integers",
    "F": "floating point",
    "LA;16": "16-bit grey with alpha",
    "RGB;16": "16-bit RGB",
    "RGBA;16": "16-bit RGBA",
}


def format_of(path: str | Path) -> ImageFormat:
    """The format that the suffix of `path` names (any case).

    Raises:
        InputError: for any other suffix; the message lists those supported.
    """
    found = FORMATS_BY_SUFFIX.get(Path(path).suffix.lower())
    if found is None:
        raise InputError(f"cannot write {path}: give it one of the suffixes {', '.join(FORMATS_BY_SUFFIX)}")
    return found


def fit_to_format(picture: Picture, target: ImageFormat) -> tuple[Picture, list[str]]:
    """The picture as `target` can hold it, and a sentence for each thing that it cannot."""
    notes = list(picture.lost)
    if picture.frames > 1:
        notes.append(f"{picture.name} has {picture.frames} frames: only the first is written")
    fitted, pixel_notes = _fit_pixels(picture, target)
    notes += pixel_notes
    if target is JPEG:
        notes.append(LOSSY)
    written = _written_bits(fitted, target)
    if fitted.bits and fitted.bits != written:
        notes.append(f"{fitted.bits}-bit samples are written as {written}-bit")
    fitted, profile_notes = _fit_profile(fitted, target, mode_is_new=fitted.mode != picture.mode)
    fitted, metadata_notes = _fit_metadata(fitted, target)
    return fitted, notes + profile_notes + metadata_notes


def _fit_pixels(picture: Picture, target: ImageFormat) -> tuple[Picture, list[str]]:
    """`fit_to_format` for the mode and the transparency."""
    notes = []
    fitted = picture
    alpha = picture.alpha()
    mode = _fitting_mode(picture, target)
    if mode != picture.mode:
        fitted = picture.converted(mode)
        if (picture.mode, mode) != ("I;16B", "I;16"):  # the byte order alone is no loss
            was = MODE_NAMES[picture.mode]
            notes.append(f"{target.name} cannot hold it as {was}: written as {MODE_NAMES[mode]}")
    elif alpha is not None and not _keeps_transparency(picture, target):
        fitted = replace(fitted, palette_alpha=None, transparent_colour=None)
    if alpha is None:
        return fitted, notes
    if fitted.alpha() is None and alpha.min() < 1:
        notes.append(f"{target.name} keeps no transparency of this kind: it is lost")
    if target is WEBP and mode == "RGBA" and alpha.min() == 1:
        notes.append("WebP stores no alpha channel that is opaque everywhere: it will open as RGB")
    return fitted, notes


def _fit_profile(picture: Picture, target: ImageFormat, mode_is_new: bool) -> tuple[Picture, list[str]]:
    """`fit_to_format` for the colour profile, of a picture whose mode already fits."""
    if not picture.icc_profile:
        return picture, []
    if not target.icc:
        return replace(picture, icc_profile=None), [f"{target.name} keeps no ICC profile: it is lost"]
    if mode_is_new:
        space = picture.icc_profile[16:20]
        if space == b"CMYK" or (space == b"GRAY" and picture.mode.startswith("RGB")):
            note = "the ICC profile does not fit the new colour mode: it is lost"
            return replace(picture, icc_profile=None), [note]
    return picture, []


def _fit_metadata(picture: Picture, target: ImageFormat) -> tuple[Picture, list[str]]:
    """`fit_to_format` for EXIF, resolution, comment and chunks."""
    notes = []
    fitted = picture
    if fitted.exif and not target.exif:
        fitted = replace(fitted, exif=None)
        notes.append(f"{target.name} keeps no EXIF data: they are lost")
    elif target is TIFF and fitted.mode in SIXTEEN_BIT_COLOUR_MODES and tiff_exif(fitted.exif)[1] is not None:
        notes.append("TIFF of 16-bit colour keeps only the plain texts of the EXIF data")
    if fitted.xmp and not target.xmp:
        fitted = replace(fitted, xmp=None)
        notes.append(f"{target.name} keeps no XMP metadata: those of {fitted.name} are lost")
    if fitted.iptc and not target.iptc:
        fitted = replace(fitted, iptc=None)
        notes.append(f"{target.name} keeps no IPTC data: those of {fitted.name} are lost")
    if fitted.dpi and not target.dpi:
        fitted = replace(fitted, dpi=None)
        notes.append(f"{target.name} keeps no resolution (dpi): it is lost")
    if fitted.comment and not target.comment:
        fitted = replace(fitted, comment=None)
        notes.append(f"{target.name} keeps no comment: it is lost")
    if target is JPEG:
        fitted, segment_notes = _fit_segments(fitted)
        notes += segment_notes
    if target is not PNG and _has_chunks_to_lose(fitted):
        notes.append(f"{target.name} keeps no text or colour chunks of a PNG: they are lost")
    return fitted, notes


def _fit_segments(picture: Picture) -> tuple[Picture, list[str]]:
    """`fit_to_format` for what a JPEG keeps in one segment."""
    notes = []
    changes: dict[str, Any] = {}
    for field, (most, called) in _JPEG_SEGMENTS.items():
        if len(getattr(picture, field) or b"") > most:
            changes[field] = None
            notes.append(f"{called} longer than the 64 KB that a JPEG can hold, and not kept")
    return replace(picture, **changes), notes


def _has_chunks_to_lose(picture: Picture) -> bool:
    """Whether PNG chunks say more than that the colours are sRGB, which an untagged file means anyway."""
    chunk_types = {chunk_type for chunk_type, _ in picture.png_chunks}
    if b"sRGB" in chunk_types:  # gAMA and cHRM then repeat it
        chunk_types -= {b"sRGB", b"gAMA", b"cHRM"}
    return bool(chunk_types)


def _keeps_transparency(picture: Picture, target: ImageFormat) -> bool:
    """Whether a transparent colour or palette entries stay what they are: all in PNG, one entry in GIF."""
    alpha = picture.palette_alpha
    if alpha is None and picture.transparent_colour is None:
        return True
    if target is PNG:
        return True
    if target is not GIF:
        return False
    if picture.mode == "L":
        return True
    return alpha is not None and bool((alpha == 0).sum() == 1 and (alpha == 255).sum() == len(alpha) - 1)


def _fitting_mode(picture: Picture, target: ImageFormat) -> str:
    """The mode closest to the picture's that `target` holds."""
    candidates = [picture.mode, *FALLBACKS[picture.mode]]
    if not _keeps_transparency(picture, target):
        candidates.insert(0, "RGBA")
        if picture.mode in SIXTEEN_BIT_MODES:
            candidates.insert(0, "RGBA;16")
    for mode in candidates:
        if mode in target.modes:
            return mode
    raise InputError(f"{target.name} holds nothing like the mode {picture.mode}")


def _written_bits(picture: Picture, target: ImageFormat) -> int:
    """Bits a sample in the file."""
    if target is PNG and picture.mode in ("L", "P") and picture.bits:
        return picture.bits
    if picture.mode == "1":
        return 1
    if picture.mode in ("I", "F"):
        return 32
    if picture.mode in SIXTEEN_BIT_MODES:
        return 16
    return 8


def encode(picture: Picture, target: ImageFormat) -> bytes:
    """The file of a picture that `fit_to_format` made for `target`."""
    if picture.mode in SIXTEEN_BIT_COLOUR_MODES:
        return _encode_sixteen_bit(picture, target)
    image = picture.to_pil()
    options: dict[str, Any] = {}
    if picture.icc_profile is not None:
        options["icc_profile"] = picture.icc_profile
    if picture.exif is not None:
        options["exif"] = picture.exif
    if picture.dpi is not None:
        options["dpi"] = picture.dpi
    options |= _OPTIONS[target](picture, image)
    return encode_image(image, target, **options)


def encode_image(image: Image.Image, target: ImageFormat, **options: Any) -> bytes:
    """The file of a Pillow image that `target` holds; `options` are those of Pillow's encoder."""
    encoded = io.BytesIO()
    image.save(encoded, format=target.name.upper(), **options)
    return encoded.getvalue()


def _encode_sixteen_bit(picture: Picture, target: ImageFormat) -> bytes:
    """16-bit colour, as a TIFF or else as a PNG."""
    if target is TIFF:
        texts, _ = tiff_exif(picture.exif)
        return encode_tiff(picture.samples, picture.icc_profile, picture.dpi, texts | _tiff_packets(picture))
    colour_chunks = []
    text_chunks = []
    for chunk_type, content in picture.png_chunks:
        if chunk_type.endswith(b"Xt"):
            text_chunks.append((chunk_type, content))
        elif chunk_type != b"sRGB" or not picture.icc_profile:  # a profile and sRGB exclude each other
            colour_chunks.append((chunk_type, content))
    if picture.xmp:
        text_chunks.append(xmp_chunk(picture.xmp))
    transparent = picture.transparent_colour
    if isinstance(transparent, int):
        transparent = (transparent,)
    chunks = metadata_chunks(picture.icc_profile, picture.exif, picture.dpi, transparent)
    return encode_png(picture.samples, colour_chunks + chunks + text_chunks)


def _png_options(picture: Picture, image: Image.Image) -> dict[str, Any]:
    info = PngImagePlugin.PngInfo()
    for chunk_type, content in picture.png_chunks:
        info.add(chunk_type, content)
    if picture.comment:
        info.add_text("Comment", comment_text(picture.comment))  # as international text where Latin-1 ends
    if picture.xmp:
        info.add(*xmp_chunk(picture.xmp))
    bits = _written_bits(picture, PNG)
    if picture.mode == "P" and picture.palette is not None:
        image.putpalette(_padded_palette(picture.palette, bits).tobytes())
    if picture.mode in ("L", "P"):
        return {"pnginfo": info, "bits": bits}
    return {"pnginfo": info}


def _padded_palette(palette: np.ndarray, bits: int) -> np.ndarray:
    """The palette (N, 3) with as many unused black entries as make Pillow write `bits` bits a sample.

    Pillow takes the fewest bits that number the palette.
    """
    least = 1
    if bits > 1:
        least += 1 << bits // 2
    return np.pad(palette, ((0, max(0, least - len(palette))), (0, 0)))


def _jpeg_options(picture: Picture, image: Image.Image) -> dict[str, Any]:
    options = dict(picture.jpeg_options or {"quality": 95, "subsampling": 0})
    if picture.comment:
        options["comment"] = picture.comment
    if picture.xmp:
        options["xmp"] = picture.xmp
    if picture.iptc:
        options["extra"] = iptc_segment(picture.iptc)
    return options


def _webp_options(picture: Picture, image: Image.Image) -> dict[str, Any]:
    options: dict[str, Any] = {"lossless": True, "exact": True}
    if picture.xmp:
        options["xmp"] = picture.xmp
    return options


def _tiff_options(picture: Picture, image: Image.Image) -> dict[str, Any]:
    options: dict[str, Any] = {}
    texts, exif = tiff_exif(picture.exif)
    # Through libtiff Pillow writes ASCII texts only, and in the machine's byte order; its own writer, which
    # does not compress, keeps EXIF and GPS folders and big-endian samples.
    if picture.mode != "I;16B" and exif is None:
        options["compression"] = "tiff_adobe_deflate"
    if exif is None:
        return options | {"exif": b"", "tiffinfo": texts | _tiff_packets(picture)}
    entries = Image.Exif()
    entries.load(exif)
    for tag, content in _tiff_packets(picture).items():
        entries[tag] = content
    return options | {"tiffinfo": entries}


def _tiff_packets(picture: Picture) -> dict[int, bytes]:
    """XMP and IPTC as entries of a TIFF."""
    packets = {}
    if picture.xmp:
        packets[_XMP_TAG] = picture.xmp
    if picture.iptc:
        packets[IPTC_TAG] = picture.iptc
    return packets


def _gif_options(picture: Picture, image: Image.Image) -> dict[str, Any]:
    options: dict[str, Any] = {"optimize": False}  # optimising renumbers the palette
    image.info.pop("transparency", None)
    if picture.comment:
        options["comment"] = picture.comment
    if picture.palette_alpha is not None:
        options["transparency"] = int(picture.palette_alpha.argmin())
    elif picture.transparent_colour is not None:
        options["transparency"] = picture.transparent_colour
    return options


def _bmp_options(picture: Picture, image: Image.Image) -> dict[str, Any]:
    return {}


_OPTIONS = {
    PNG: _png_options,
    JPEG: _jpeg_options,
    WEBP: _webp_options,
    BMP: _bmp_options,
    TIFF: _tiff_options,
    GIF: _gif_options,
}
