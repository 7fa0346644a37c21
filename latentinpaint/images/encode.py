"""File formats: what each can hold, fitting a picture to one, and saving it.

Conventions
- A mode is Pillow's name, or one of the 16-bit colour modes of `deep.py`.
- What a format cannot hold becomes the next best that it can, and one sentence that says so.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from latentinpaint.errors import InputError
from latentinpaint.images.high_depth import DEEP, DEEP_COLOUR, deep_png, deep_tiff
from latentinpaint.images.metadata import Chunk, comment_text, metadata_chunks, tiff_exif
from latentinpaint.images.picture import Picture


@dataclass(frozen=True)
class ImageFormat:
    """What a file format can hold: modes that it returns unchanged, and metadata."""

    name: str
    modes: frozenset[str]
    icc: bool = False
    exif: bool = False
    dpi: bool = False
    comment: bool = False


PNG = ImageFormat(
    "PNG", frozenset("1 L LA P RGB RGBA I;16 LA;16 RGB;16 RGBA;16".split()), True, True, True, comment=True
)
JPEG = ImageFormat("JPEG", frozenset("L RGB CMYK".split()), icc=True, exif=True, dpi=True, comment=True)
WEBP = ImageFormat("WebP", frozenset("RGB RGBA".split()), icc=True, exif=True)
BMP = ImageFormat("BMP", frozenset("1 L P RGB".split()), dpi=True)
GIF = ImageFormat("GIF", frozenset("L P".split()), comment=True)
TIFF = ImageFormat(
    "TIFF", frozenset("1 L LA P PA RGB RGBA CMYK I;16 I;16B I F RGB;16 RGBA;16".split()), True, True, True
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

LOSSY = "JPEG is lossy: known pixels change slightly, write PNG to keep them exactly"

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


def format_of(path: str | Path) -> ImageFormat:
    """The format that the suffix of `path` names (any case).

    Raises:
        InputError: for any other suffix; the message lists those supported.
    """
    found = FORMATS_BY_SUFFIX.get(Path(path).suffix.lower())
    if found is None:
        raise InputError(f"cannot write {path}: give it one of the suffixes {', '.join(FORMATS_BY_SUFFIX)}")
    return found


def fitted(picture: Picture, target: ImageFormat) -> tuple[Picture, list[str]]:
    """The picture as `target` can hold it, and a sentence for each thing that it cannot."""
    notes, kind, alpha = list(picture.lost), target.name, picture.alpha()
    if picture.frames > 1:
        notes.append(f"{picture.name} has {picture.frames} frames: only the first is written")
    mode = _fitting_mode(picture, target)
    out = picture
    if mode != picture.mode:
        out = picture.converted(mode)
        if (picture.mode, mode) != ("I;16B", "I;16"):  # the byte order alone is no loss
            notes.append(f"{kind} cannot hold it as {_spoken(picture.mode)}: written as {_spoken(mode)}")
    elif alpha is not None and not _keeps_transparency(picture, target):
        out = replace(out, palette_alpha=None, transparent_colour=None)
    if alpha is not None and out.alpha() is None and alpha.min() < 1:
        notes.append(f"{kind} keeps no transparency of this kind: it is lost")
    if target is WEBP and mode == "RGBA" and alpha is not None and alpha.min() == 1:
        notes.append("WebP stores no alpha channel that is opaque everywhere: it will open as RGB")
    if target is JPEG:
        notes.append(LOSSY)
    written = _written_bits(out, target)
    if out.bits and out.bits != written:
        notes.append(f"{out.bits}-bit samples are written as {written}-bit")
    out, more = _metadata_fitted(out, target, out.mode != picture.mode)
    return out, notes + more


def _metadata_fitted(picture: Picture, target: ImageFormat, mode_is_new: bool) -> tuple[Picture, list[str]]:
    """`fitted` for what is beside the pixels, of a picture whose mode already fits."""
    out, notes, kind = picture, [], target.name
    space = (out.icc_profile or b"")[16:20]
    if out.icc_profile and not target.icc:
        out = replace(out, icc_profile=None)
        notes.append(f"{kind} keeps no ICC profile: it is lost")
    elif mode_is_new and (space == b"CMYK" or space == b"GRAY" and out.mode.startswith("RGB")):
        out = replace(out, icc_profile=None)
        notes.append("the ICC profile does not fit the new colour mode: it is lost")
    if out.exif and not target.exif:
        out = replace(out, exif=None)
        notes.append(f"{kind} keeps no EXIF data: they are lost")
    elif target is TIFF and out.mode in DEEP_COLOUR and tiff_exif(out.exif)[1] is not None:
        notes.append("TIFF of 16-bit colour keeps only the plain texts of the EXIF data")
    if out.dpi and not target.dpi:
        out = replace(out, dpi=None)
        notes.append(f"{kind} keeps no resolution (dpi): it is lost")
    if out.comment and not target.comment:
        out = replace(out, comment=None)
        notes.append(f"{kind} keeps no comment: it is lost")
    chunks = {name for name, _ in out.png_chunks}
    if b"sRGB" in chunks:  # what an untagged file means anyway, and gAMA and cHRM then repeat it
        chunks -= {b"sRGB", b"gAMA", b"cHRM"}
    if target is not PNG and chunks:
        notes.append(f"{kind} keeps no text or colour chunks of a PNG: they are lost")
    return out, notes


def _keeps_transparency(picture: Picture, target: ImageFormat) -> bool:
    """Whether a transparent colour or palette entries stay what they are: all in PNG, one entry in GIF."""
    if picture.palette_alpha is None and picture.transparent_colour is None:
        return True
    entries = picture.palette_alpha
    one_entry = entries is not None and (entries == 0).sum() == 1 and (entries == 255).sum() == len(entries) - 1
    return target is PNG or (target is GIF and (one_entry or picture.mode == "L"))


def _fitting_mode(picture: Picture, target: ImageFormat) -> str:
    choices = (picture.mode, *FALLBACKS[picture.mode])
    if not _keeps_transparency(picture, target):
        choices = (*(("RGBA;16",) if picture.mode in DEEP else ()), "RGBA", *choices)
    return next(mode for mode in choices if mode in target.modes)


def _written_bits(picture: Picture, target: ImageFormat) -> int:
    if target is PNG and picture.mode in ("L", "P") and picture.bits:
        return picture.bits
    return {"1": 1, "I": 32, "F": 32}.get(picture.mode, 16 if picture.mode in DEEP else 8)


def _spoken(mode: str) -> str:
    names = {
        "1": "1-bit mode",
        "L": "8-bit grey",
        "LA": "grey with alpha",
        "P": "palette",
        "PA": "palette with alpha",
        "RGB": "8-bit RGB",
        "RGBA": "8-bit RGBA",
        "I;16": "16-bit grey",
        "I;16B": "16-bit grey",
        "I": "32-bit integers",
        "F": "floating point",
        "LA;16": "16-bit grey with alpha",
    }
    return names.get(mode, f"16-bit {mode[:-3]}" if mode.endswith(";16") else mode)


def save(picture: Picture, path: Path, target: ImageFormat) -> None:
    """Write a picture that `fitted` made for `target`."""
    if picture.mode in DEEP_COLOUR:
        if target is TIFF:
            texts, _ = tiff_exif(picture.exif)
            deep_tiff(path, picture.samples, picture.icc_profile, picture.dpi, texts)
        else:
            colour, text = _split(picture)
            chunks = metadata_chunks(picture.icc_profile, picture.exif, picture.dpi, picture.transparent_colour)
            path.write_bytes(deep_png(picture.samples, colour + chunks + text))
        return
    options = {"icc_profile": picture.icc_profile, "exif": picture.exif, "dpi": picture.dpi}
    options = {key: value for key, value in options.items() if value is not None}
    image = picture.to_pil()
    options |= _OPTIONS[target](picture, image)
    image.save(path, format=target.name.upper(), **options)


def _split(picture: Picture) -> tuple[list[Chunk], list[Chunk]]:
    """Colour chunks and text chunks; an ICC profile and sRGB exclude each other."""
    chunks = [chunk for chunk in picture.png_chunks if not (picture.icc_profile and chunk[0] == b"sRGB")]
    colour = [chunk for chunk in chunks if not chunk[0].endswith(b"Xt")]
    return colour, [chunk for chunk in chunks if chunk[0].endswith(b"Xt")]


def _png_options(picture: Picture, image: Image.Image) -> dict[str, Any]:
    info = PngImagePlugin.PngInfo()
    for kind, content in picture.png_chunks:
        info.add(kind, content)
    if picture.comment:
        info.add_text("Comment", comment_text(picture.comment))  # as international text where Latin-1 ends
    bits = _written_bits(picture, PNG)
    if picture.mode == "P":
        # Pillow takes the fewest bits that number the palette; unused black entries keep the depth.
        least = (1 << bits // 2) + 1 if bits > 1 else 1
        colours = np.pad(picture.palette, ((0, max(0, least - len(picture.palette))), (0, 0)))
        image.putpalette(colours.tobytes())
    return {"pnginfo": info} | ({"bits": bits} if picture.mode in ("L", "P") else {})


def _jpeg_options(picture: Picture, image: Image.Image) -> dict[str, Any]:
    options = picture.jpeg_options or {"quality": 95, "subsampling": 0}
    return options | ({"comment": picture.comment} if picture.comment else {})


def _webp_options(picture: Picture, image: Image.Image) -> dict[str, Any]:
    return {"lossless": True, "exact": True}


def _tiff_options(picture: Picture, image: Image.Image) -> dict[str, Any]:
    texts, more = tiff_exif(picture.exif)
    # Through libtiff Pillow writes ASCII texts only, and in the machine's byte order; its own writer, which
    # does not compress, keeps EXIF and GPS folders and big-endian samples.
    plain = picture.mode == "I;16B" or more is not None
    options: dict[str, Any] = {} if plain else {"compression": "tiff_adobe_deflate"}
    return options | {"exif": b"", "tiffinfo": texts} if more is None else options | {"exif": more}


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
