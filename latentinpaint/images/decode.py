"""Decoding: what an image file or a Pillow image holds, as the fields of a `Picture`.

Conventions
- Samples are the file's own, turned upright by its EXIF orientation.
- Full scale is 255 for 8 bits and 65535 for 16. Mode I: 255 if no sample is above it, else 65535, else
  2^31 - 1. Mode F: 1 if no sample is above 1, else 255; other ranges, negative and non-finite samples are refused.
- Whatever a decoder raises on a bad file becomes an `InputError` of one sentence that names the file.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from latentinpaint.errors import InputError
from latentinpaint.images import metadata
from latentinpaint.images.high_depth import DEEP, deep_samples
from latentinpaint.images.palette import palette_of

# Pillow's names of what is opened. The list is short on purpose: each was checked to lose no depth, and the
# rarer decoders (EPS starts Ghostscript) have no business with files from strangers.
_READABLE = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
_TURNS = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a[::-1].swapaxes(0, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a[:, ::-1].swapaxes(0, 1),
}
_EIGHT_BIT = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")


def decoded_file(data: bytes, name: str) -> dict[str, Any]:
    """The fields of the `Picture` in the bytes of a file; `name` is what messages call it.

    Raises:
        InputError: for whatever cannot be read whole and without loss.
    """
    with _plain_errors(name), Image.open(io.BytesIO(data), formats=_READABLE) as image:
        return _fields(image, name, data)


def decoded_image(image: Image.Image, name: str) -> dict[str, Any]:
    """The fields of the `Picture` in a Pillow image, which stays as it is.

    Raises:
        InputError: as `Picture.from_pil`.
    """
    with _plain_errors(name):
        return _fields(image, name)


def sentence_of(error: Exception) -> str:
    """What an exception says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def _plain_errors(name: str) -> Iterator[None]:
    """Turn whatever a decoder raises on a bad file into one sentence that names the file."""
    tolerant, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        yield
    except InputError as error:
        if name in str(error):
            raise
        raise InputError(f"cannot use {name}: {error}") from error
    except UnidentifiedImageError as error:
        kinds = "PNG, JPEG, WebP, BMP, TIFF or GIF"
        raise InputError(f"{name} is not a picture that can be read ({kinds}), or is damaged") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise InputError(f"{name} is larger than the limit of {limit} pixels") from error
    except Exception as error:  # decoders meet hostile bytes: any exception there means an unusable file
        raise InputError(f"cannot read {name}: it is damaged or cut short ({sentence_of(error)})") from error
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = tolerant


def _fields(image: Image.Image, name: str, data: bytes = b"") -> dict[str, Any]:
    """What is decoded; `data` are the bytes of the file, where known, for what Pillow does not tell."""
    exif = image.getexif()
    orientation = stored_orientation = exif.get(metadata.ORIENTATION, 1)
    jpeg, frames = metadata.jpeg_options_of(image), getattr(image, "n_frames", 1)
    bits = _source_bits(image, data) if data else None
    deep = deep_samples(image, data) if data else None
    image.load()  # also where `deep` was decoded elsewhere: only Pillow notices every truncation
    if image.format == "TIFF" and deep is None:
        orientation = image.getexif().get(metadata.ORIENTATION, 1)  # Pillow turns TIFFs while loading

    samples, mode = deep or (np.asarray(image), image.mode)
    if mode in ("I;16L", "I;16N"):
        mode = "I;16"
    if mode not in _EIGHT_BIT + DEEP + ("I", "F"):
        raise InputError(f"{name} has the colour mode {mode}, which is not supported: convert it to RGB")
    if not samples.size:
        raise InputError(f"{name} has no pixels")
    negative = image.format == "TIFF" and image.tag_v2.get(262) == 0
    samples = _upright_and_positive(samples, mode, orientation, negative, bits or 16)
    palette, palette_alpha = palette_of(image) if mode in ("P", "PA") else (None, None)
    exif_bytes, lost = metadata.upright_exif(exif, image.format == "TIFF", name)
    lost += metadata.unkept(image, name)
    return dict(
        samples=samples,
        mode=mode,
        full_scale=full_scale(samples, mode, bits, name),
        bits=bits,
        palette=palette,
        palette_alpha=palette_alpha if mode == "P" else None,
        transparent_colour=_transparent_colour(image, mode),
        icc_profile=image.info.get("icc_profile") or None,
        exif=exif_bytes,
        dpi=metadata.dpi_of(image, stored_orientation),
        comment=metadata.comment_of(image),
        jpeg_options=jpeg,
        png_chunks=metadata.kept_chunks(data),
        orientation=stored_orientation if stored_orientation in _TURNS else 1,
        frames=frames,
        lost=tuple(lost),
        name=name,
    )


def _source_bits(image: Image.Image, data: bytes) -> int | None:
    """Bits per sample in the file that `image` was opened from; None where the format does not vary.

    Raises:
        InputError: where Pillow would silently round (64-bit TIFF) or wrap (signed bytes).
    """
    if data.startswith(metadata.PNG_SIGNATURE):
        return data[24]
    if image.format != "TIFF":
        return None
    bits = image.tag_v2.get(258, (1,))[0]
    if bits > 32:
        raise InputError(f"{bits}-bit samples are not supported, use 16-bit or 32-bit ones")
    if bits == 8 and image.tag_v2.get(339, (1,))[0] == 2:
        raise InputError("signed 8-bit samples are not supported, use unsigned ones")
    return bits


def _upright_and_positive(samples: np.ndarray, mode: str, orientation: int, negative: bool, bits: int) -> np.ndarray:
    """Samples turned upright, in the machine's byte order; of a negative, where 0 is white, the positive.

    Raises:
        InputError: for negatives whose white is not known.
    """
    samples = np.array(_TURNS.get(orientation, lambda a: a)(samples), samples.dtype.newbyteorder("="), order="C")
    if not negative or mode not in ("I;16", "I;16B", "I", "F"):  # of the others Pillow makes positives
        return samples
    if mode in ("I", "F"):
        raise InputError("32-bit samples of which 0 is white are not supported, save it so that 0 is black")
    return samples.dtype.type(2**bits - 1) - samples


def _transparent_colour(image: Image.Image, mode: str) -> int | tuple[int, ...] | None:
    given = image.info.get("transparency")
    if mode in ("1", "L", "I;16") and isinstance(given, int):
        return given
    return tuple(given) if mode in ("RGB", "RGB;16") and isinstance(given, tuple) else None


def full_scale(samples: np.ndarray, mode: str, bits: int | None, name: str) -> float:
    """The sample value that is white; of modes I and F it is judged by the samples."""
    if mode == "1":
        return 1.0
    if mode in _EIGHT_BIT:
        return 255.0
    if mode in DEEP:
        return float(2 ** (bits or 16) - 1)
    low, high = float(samples.min()), float(samples.max())
    if mode == "I" and low >= 0:
        return 255.0 if high <= 255 else 65535.0 if high <= 65535 else 2.0**31 - 1
    if mode == "F" and low >= 0 and high <= 255:
        return 1.0 if high <= 1 else 255.0
    wanted = "at least 0" if mode == "I" else "within 0 to 1 or 0 to 255"
    raise InputError(f"{name} has samples from {low:g} to {high:g}, in mode {mode} they must be {wanted}")
