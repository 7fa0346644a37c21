"""Pictures and masks in, pictures out: the one door through which image files pass.

Conventions
- Masks: (H, W) bool, True = hole; a hole is what is lighter than half of full scale.
- What cannot be used raises `InputError` with a sentence that names the file or folder.

Behind the door: `picture.py` says what a picture is, `decode.py` reads one, `encode.py` writes one;
`high_depth.py`, `palette.py` and `metadata.py` are their tools.
"""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from latentinpaint.errors import InputError
from latentinpaint.files import user_path, write_bytes
from latentinpaint.hole import is_hole, mask_scale
from latentinpaint.images import encode
from latentinpaint.images.decode import decode_file, error_text
from latentinpaint.images.format_fitting import fit_to_format
from latentinpaint.images.image_format import ImageFormat, format_of
from latentinpaint.images.picture import Picture
from latentinpaint.runtime.addresses import address, is_address, read_address


def read_picture(path: str | Path) -> Picture:
    """Read a PNG, JPEG, WebP, BMP, TIFF, GIF, HEIC or AVIF file at its own depth, upright; the first frame of it.

    The path may be an address, such as s3://bucket/photo.png.

    Raises:
        InputError: for whatever cannot be read whole and without loss; the message names the file.
    """
    return decode_picture(read_bytes(path), address(path))


def decode_picture(content: bytes, name: str) -> Picture:
    """As `read_picture`, of a file's bytes; `name` is what messages call it."""
    return Picture(**decode_file(content, name))


def write_picture(picture: Picture, path: str | Path) -> list[str]:
    """Write a picture in the format that the suffix names; an existing file is replaced only by a whole one.

    Returns one sentence for each thing that could not be kept; empty if the file holds everything exactly.

    Raises:
        InputError: for an unknown suffix, a path that cannot be written to, a size the format cannot hold.
    """
    content, notes = encode_picture(picture, format_of(path), str(path))
    write_bytes(path, content)
    return notes


def encode_picture(picture: Picture, target: ImageFormat, name: str) -> tuple[bytes, list[str]]:
    """The bytes of a picture's file, and one sentence for each thing that could not be kept.

    Args:
        picture: what is in the file.
        target: the file's format.
        name: what a message calls the file.

    Raises:
        InputError: for a size the format cannot hold.
    """
    picture, notes = fit_to_format(picture, target)
    try:
        return encode.encode(picture, target), notes
    except Exception as error:  # encoders report a size or value beyond the format in many ways
        raise InputError(f"cannot write {name} as {target.name}: {error_text(error)}") from error


def write_image(image: Image.Image, path: str | Path, **options: Any) -> None:
    """Write a Pillow image as it is, such as a sheet or a plot, in the format that the suffix names.

    Args:
        image: of a mode that the format holds.
        path: an existing file is replaced only by a whole one.
        options: of Pillow's encoder.

    Raises:
        InputError: for an unknown suffix, and a path that cannot be written to.
    """
    write_bytes(path, encode.encode_image(image, format_of(path), **options))


def read_mask(path: str | Path, invert: bool = False) -> np.ndarray:
    """Read a mask file: (H, W) bool, True = hole, upright. See `binary_mask` for how it is thresholded.

    Raises:
        InputError: as `read_picture`.
    """
    return binary_mask(read_picture(path), invert)


def mask_values(mask: Picture) -> np.ndarray:
    """How white a mask is in the numbers of its file, (H, W); see `binary_mask` for alpha."""
    values = mask.grey_samples()
    alpha = mask.alpha()
    if alpha is not None and alpha.min() != alpha.max():
        values = values * alpha
    return values


def mask_levels(mask: Picture) -> np.ndarray:
    """How white a mask is before it is thresholded, (H, W) float32 in [0, 1], by the scale of `hole.mask_scale`.

    Raises:
        InputError: if values are negative or not finite.
    """
    values = mask_values(mask)
    return (values / mask_scale(values, mask.name)).astype(np.float32)


def binary_mask(mask: Picture, invert: bool = False) -> np.ndarray:
    """Threshold a mask: (H, W) bool, True (hole) where its luminance is above half of full scale.

    White is the smallest of 1, 255 and 65535 that nothing exceeds: masks of segmentation programs hold 0 and 1.
    Where opacity varies, the mask is seen over black: transparent pixels are known, so white strokes on a
    transparent layer are holes. An alpha channel that is the same everywhere says nothing and is ignored.
    `invert` is applied last.
    """
    return is_hole(mask_levels(mask)) != invert


def read_bytes(path: str | Path) -> bytes:
    """The bytes of a regular file, or of one at an address (see `runtime.addresses`), that is not empty.

    Raises:
        InputError: if there are none; the message names the file.
    """
    if is_address(path):
        data = read_address(path)
    else:
        data = _read_file(user_path(path))
    if not data:
        raise InputError(f"{address(path)} is empty (0 bytes)")
    return data


def _read_file(path: Path) -> bytes:
    if path.is_dir():
        raise InputError(f"{path} is a folder, give a picture file")
    if not path.exists():
        raise InputError(f"there is no file {path}")
    if not path.is_file():
        raise InputError(f"{path} is not a regular file")
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
