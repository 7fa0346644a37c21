"""Fitting a picture to a file format: what the format cannot hold becomes the next best that it can.

One sentence says so for each such thing.
"""

from dataclasses import replace
from typing import Any

from latentinpaint.errors import InputError
from latentinpaint.images.exif import tiff_exif
from latentinpaint.images.high_depth import SIXTEEN_BIT_COLOUR_MODES, SIXTEEN_BIT_MODES
from latentinpaint.images.image_format import GIF, JPEG, PNG, TIFF, WEBP, ImageFormat
from latentinpaint.images.picture import Picture

LOSSY = "JPEG is lossy: known pixels change slightly, write PNG to keep them exactly"

# What a format may lack, by its flag in `ImageFormat`, and how the sentence goes on.
_LOST = {
    "exif": "EXIF data: they are lost",
    "xmp": "XMP metadata: those of {name} are lost",
    "iptc": "IPTC data: those of {name} are lost",
    "dpi": "resolution (dpi): it is lost",
    "comment": "comment: it is lost",
}

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


def fit_to_format(picture: Picture, target: ImageFormat) -> tuple[Picture, list[str]]:
    """The picture as `target` can hold it, and a sentence for each thing that it cannot."""
    notes = list(picture.lost)
    if picture.frames > 1:
        notes.append(f"{picture.name} has {picture.frames} frames: only the first is written")
    fitted, pixel_notes = _fit_pixels(picture, target)
    notes += pixel_notes
    if target is JPEG:
        notes.append(LOSSY)
    written = written_bits(fitted, target)
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
    changes: dict[str, Any] = {}
    for field, loss in _LOST.items():
        if getattr(picture, field) and not getattr(target, field):
            changes[field] = None
            notes.append(f"{target.name} keeps no {loss.format(name=picture.name)}")
    fitted = replace(picture, **changes)
    if target is TIFF and fitted.mode in SIXTEEN_BIT_COLOUR_MODES and tiff_exif(fitted.exif)[1] is not None:
        notes.append("TIFF of 16-bit colour keeps only the plain texts of the EXIF data")
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


def written_bits(picture: Picture, target: ImageFormat) -> int:
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
