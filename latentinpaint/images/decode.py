"""Decoding: what an image file or a Pillow image holds, as the fields of a `Picture`.

Conventions
- Samples are the file's own, turned upright by its EXIF orientation.
- The format's white is 255 for 8 bits and 65535 for 16; modes I and F have none. Their samples are kept whatever
  they are, a picture may have what it likes inside its hole; see `sample_range` for what is known.
- Whatever a decoder raises on a bad file becomes an `InputError` of one sentence that names the file.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin, UnidentifiedImageError

from latentinpaint.errors import InputError
from latentinpaint.images import metadata
from latentinpaint.images.bare_file import with_less_metadata, without_metadata
from latentinpaint.images.decoder_warnings import caught_warnings, truncated_files_refused
from latentinpaint.images.exif import upright_exif
from latentinpaint.images.file_parts import bmp_colours
from latentinpaint.images.high_depth import SIXTEEN_BIT_MODES, sixteen_bit_colour
from latentinpaint.images.iptc import iptc_of
from latentinpaint.images.opening import lost_depth, open_image
from latentinpaint.images.orientation import known_orientation, orientation_of, read_exif, turn_upright
from latentinpaint.images.palette import palette_of
from latentinpaint.images.png_chunks import PNG_SIGNATURE, portable_chunks
from latentinpaint.images.unkept_parts import unkept_parts

_LARGER = "scale it down, cut it into parts, or raise PIL.Image.MAX_IMAGE_PIXELS in a program of your own"
_EIGHT_BIT_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
_MODES = (*_EIGHT_BIT_MODES, *SIXTEEN_BIT_MODES, "I", "F")


def decode_file(data: bytes, name: str) -> dict[str, Any]:
    """The fields of the `Picture` in the bytes of a file; `name` is what messages call it.

    Raises:
        InputError: for whatever cannot be read whole and without loss.
    """
    try:
        return _decode(data, name)
    except InputError as error:
        bare = without_metadata(data)
        if bare is None:
            raise
        try:
            fields = _decode(bare, name)
        except InputError:
            raise error from None  # the picture itself cannot be used
    lost = "metadata"
    for candidate, kinds in with_less_metadata(data):
        try:
            fields = _decode(candidate, name)
        except InputError:
            continue
        lost = kinds
        break
    return fields | {"lost": (*fields["lost"], f"damaged metadata of {name} are not kept: {lost}")}


def _decode(data: bytes, name: str) -> dict[str, Any]:
    """As `decode_file`, of files with sound metadata; entries that Pillow leaves out with a warning are reported."""
    with caught_warnings(UserWarning) as caught:
        with _errors_as_sentences(name), open_image(data) as image:
            fields = _fields(image, name, data)
    is_damaged = False
    for entry in caught:
        if issubclass(entry.category, UserWarning):
            is_damaged = True
        elif not issubclass(entry.category, Image.DecompressionBombWarning):  # large, but within the limit
            warnings.warn_explicit(entry.message, entry.category, entry.filename, entry.lineno)
    if not is_damaged:
        return fields
    return fields | {"lost": (*fields["lost"], f"parts of the metadata of {name} are damaged and not kept")}


def decode_image(image: Image.Image, name: str) -> dict[str, Any]:
    """The fields of the `Picture` in a Pillow image, which stays as it is.

    Raises:
        InputError: as `Picture.from_pil`.
    """
    _check_open(image, name)
    with _errors_as_sentences(name):
        return _fields(image, name)


def _check_open(image: Image.Image, name: str) -> None:
    """Raise an `InputError` where Pillow has not read an image's samples yet and its file is closed."""
    if not isinstance(image, ImageFile.ImageFile) or not image.tile:
        return
    file = image.fp
    if file is None or getattr(file, "closed", False):
        raise InputError(f"the file of {name} is closed: use it while the file is open, or call its load() before")


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Height and width that an opened image has once it is upright; no pixel is decoded."""
    width, height = image.size
    orientation = 1
    if image.format == "PNG" and "exif" not in image.info:
        # PNG's own getexif would decode the picture, to look behind its pixels.
        orientation = known_orientation(Image.Image.getexif(image))
    elif image.format != "TIFF":  # of which Pillow gives the size that it will have
        orientation = orientation_of(image)
    if orientation >= 5:  # the stored rows are columns
        return width, height
    return height, width


def error_text(error: Exception) -> str:
    """What an exception says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def _errors_as_sentences(name: str) -> Iterator[None]:
    """Turn whatever a decoder raises on a bad file into one sentence that names the file."""
    try:
        with truncated_files_refused():
            yield
    except InputError as error:
        if name in str(error):
            raise
        raise InputError(f"cannot use {name}: {error}") from error
    except UnidentifiedImageError as error:
        formats = "PNG, JPEG, WebP, BMP, TIFF, GIF, HEIC or AVIF"
        raise InputError(f"{name} is not a picture that can be read ({formats}), or is damaged") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise InputError(f"{name} is larger than the limit of {limit} pixels: {_LARGER}") from error
    except Exception as error:  # decoders meet hostile bytes: any exception there means an unusable file
        raise InputError(f"cannot read {name}: it is damaged or cut short ({error_text(error)})") from error


def _fields(image: Image.Image, name: str, data: bytes = b"") -> dict[str, Any]:
    """What is decoded; `data` are the bytes of the file, where known, for what Pillow does not report."""
    exif, exif_is_sound = read_exif(image)
    stored_orientation = known_orientation(exif)
    jpeg_options = metadata.jpeg_options_of(image)
    frames = getattr(image, "n_frames", 1)
    bits = _source_bits(image, data)
    samples, mode, orientation = _decode_samples(image, name, data)
    samples = np.array(turn_upright(samples, orientation), samples.dtype.newbyteorder("="), order="C")
    if mode == "I" and _is_unsigned(image) and samples.min() < 0:
        raise InputError("32-bit samples of 2147483648 and more are not supported, divide all by 2")
    if _is_negative(image, mode):
        samples = _positive(samples, mode, bits or 16)
    palette, palette_alpha = _palette(image, mode)
    size = (samples.shape[1], samples.shape[0])
    exif_bytes, lost = upright_exif(exif, image.format == "TIFF", stored_orientation, size, name)
    if not exif_is_sound:
        lost.append(f"the EXIF data of {name} are damaged and not kept")
    xmp, xmp_lost = metadata.xmp_of(image, name)
    iptc, iptc_lost = iptc_of(image, name)
    lost += lost_depth(data, name)
    lost += xmp_lost + iptc_lost + metadata.unsupported_metadata(image, name)
    lost += unkept_parts(data, name, frames > 1 or metadata.has_gain_map(image))
    icc_profile = image.info.get("icc_profile") or None
    if data.startswith(b"BM"):  # Pillow looks for none
        _, icc_profile = bmp_colours(data)
    if not isinstance(icc_profile, bytes | None):  # an entry of a TIFF may be of any type
        icc_profile = None
        lost.append(f"the ICC profile of {name} is damaged and not kept")
    return dict(
        samples=samples,
        mode=mode,
        format_white=_format_white(mode, bits),
        bits=bits,
        palette=palette,
        palette_alpha=palette_alpha,
        transparent_colour=_transparent_colour(image, mode),
        icc_profile=icc_profile,
        exif=exif_bytes,
        xmp=xmp,
        iptc=iptc,
        dpi=metadata.dpi_of(image, stored_orientation),
        comment=metadata.comment_of(image),
        jpeg_options=jpeg_options,
        png_chunks=portable_chunks(data),
        orientation=stored_orientation,
        frames=frames,
        lost=tuple(lost),
        name=name,
    )


def _source_bits(image: Image.Image, data: bytes) -> int | None:
    """Bits per sample in the file that `image` was opened from; None where it is unknown or does not vary.

    Raises:
        InputError: where Pillow would silently round (64-bit TIFF) or wrap (signed bytes).
    """
    if data.startswith(PNG_SIGNATURE):
        return data[24]
    if not data or not isinstance(image, TiffImagePlugin.TiffImageFile):
        return None
    bits = image.tag_v2.get(258, (1,))[0]
    if bits > 32:
        raise InputError(f"{bits}-bit samples are not supported, use 16-bit or 32-bit ones")
    if bits == 8 and image.tag_v2.get(339, (1,))[0] == 2:
        raise InputError("signed 8-bit samples are not supported, use unsigned ones")
    return bits


def _is_unsigned(image: Image.Image) -> bool:
    """Whether whole numbers of 32 bits have no sign; Pillow reads them as if they had one."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return False
    return image.tag_v2.get(258, (1,))[0] == 32 and image.tag_v2.get(339, (1,))[0] == 1


def _decode_samples(image: Image.Image, name: str, data: bytes) -> tuple[np.ndarray, str, int]:
    """Samples as stored, their mode, and the EXIF orientation that they still have.

    Raises:
        InputError: for modes that cannot be kept, and for pictures without pixels.
    """
    orientation = orientation_of(image)
    deep = sixteen_bit_colour(image, data)
    image.load()  # also where the samples were decoded elsewhere: only Pillow notices every truncation
    if deep is not None:
        samples, mode = deep
    else:
        samples = np.asarray(image)
        mode = image.mode
        if image.format == "TIFF":
            orientation = orientation_of(image)  # Pillow turns TIFFs while loading
    if mode in ("I;16L", "I;16N"):
        mode = "I;16"
    if mode not in _MODES:
        raise InputError(f"{name} has the colour mode {mode}, which is not supported: convert it to RGB")
    if not samples.size:
        raise InputError(f"{name} has no pixels")
    return samples, mode, orientation


def _is_negative(image: Image.Image, mode: str) -> bool:
    """Whether 0 is white in the samples; of the modes left out here Pillow makes positives by itself."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile) or mode not in ("I;16", "I;16B", "I", "F"):
        return False
    return image.tag_v2.get(262) == 0


def _positive(samples: np.ndarray, mode: str, bits: int) -> np.ndarray:
    """The samples of a negative, so that 0 is black.

    Raises:
        InputError: for negatives whose white is not known.
    """
    if mode in ("I", "F"):
        raise InputError("32-bit samples of which 0 is white are not supported, save it so that 0 is black")
    return samples.dtype.type(2**bits - 1) - samples


def _palette(image: Image.Image, mode: str) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Colours and alpha of the palette; None for what there is not. Of PA the alpha is in the samples."""
    if mode not in ("P", "PA"):
        return None, None
    colours, alpha = palette_of(image)
    if mode == "PA":
        return colours, None
    return colours, alpha


def _transparent_colour(image: Image.Image, mode: str) -> int | tuple[int, ...] | None:
    transparency = image.info.get("transparency")
    if mode in ("1", "L", "I;16") and isinstance(transparency, int):
        return transparency
    if mode in ("RGB", "RGB;16") and isinstance(transparency, tuple):
        return tuple(transparency)
    return None


def _format_white(mode: str, bits: int | None) -> float | None:
    """The sample value that a mode's format says is white; None for modes I and F."""
    if mode == "1":
        return 1.0
    if mode in _EIGHT_BIT_MODES:
        return 255.0
    if mode in SIXTEEN_BIT_MODES:
        return float(2 ** (bits or 16) - 1)
    return None
