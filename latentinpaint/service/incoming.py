"""Reading what visitors send: photos and masks within the limits.

A photo is read from the bytes of its file, at its own size and depth; no path of this machine is involved. Messages
name files as their owner does.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from fastapi import UploadFile
from PIL import Image

from latentinpaint.errors import InputError, check_same_size, printable
from latentinpaint.images.decoder_warnings import caught_warnings
from latentinpaint.images.image_files import binary_mask, decode_picture
from latentinpaint.images.image_format import FORMATS_BY_SUFFIX, JPEG, PNG, ImageFormat
from latentinpaint.images.opening import open_image
from latentinpaint.images.picture import Picture
from latentinpaint.inference.crops import Box
from latentinpaint.service.refused import Refused
from latentinpaint.service.settings import ServiceLimits

_LONGEST_NAME = 120  # characters of a file's name that are kept
# By Pillow's names; an MPO is a JPEG with further pictures behind it, and what cannot be written becomes a PNG.
_FORMATS = {entry.name.upper(): entry for entry in FORMATS_BY_SUFFIX.values()} | {"MPO": JPEG}


@dataclass(frozen=True)
class IncomingPhoto:
    """A photo as it was sent.

    Attributes:
        picture: the decoded file; its name is the file's.
        file_format: of the file.
    """

    picture: Picture
    file_format: ImageFormat


def sent_photo(file: UploadFile, limits: ServiceLimits) -> IncomingPhoto:
    """`read_photo` of a part of a form."""
    return read_photo(file.file.read(), file_name(file.filename, "photo"), limits)


def sent_mask(file: UploadFile, limits: ServiceLimits) -> Picture:
    """`read_mask` of a part of a form."""
    return read_mask(file.file.read(), file_name(file.filename, "mask"), limits)


def file_name(sent: str | None, otherwise: str) -> str:
    """The name of a file without the folders of whoever sent it; `otherwise` where it has none."""
    last = PurePosixPath((sent or "").replace("\\", "/")).name
    return printable(last)[-_LONGEST_NAME:].strip() or otherwise


def read_photo(content: bytes, name: str, limits: ServiceLimits) -> IncomingPhoto:
    """Decode a photo; its size is checked before.

    Raises:
        Refused: if it is too large, or no picture that can be read.
    """
    file_format = _checked_format(content, name, limits)
    return IncomingPhoto(_decoded(content, name), file_format)


def read_mask(content: bytes, name: str, limits: ServiceLimits) -> Picture:
    """Decode a mask; its size is checked before.

    Raises:
        Refused: as `read_photo`.
    """
    _checked_format(content, name, limits)
    return _decoded(content, name)


def full_hole(mask: Picture, photo: Picture, invert: bool) -> np.ndarray:
    """The hole (H, W) bool of a photo that a mask of its size paints.

    Raises:
        InputError: if the mask has another size.
    """
    hole = binary_mask(mask, invert)
    check_same_size(hole.shape, (photo.height, photo.width), f"the mask {mask.name}", f"the photo {photo.name}")
    return hole


def painted_hole(mask: Picture, box: Box, size: tuple[int, int]) -> np.ndarray:
    """The hole (H, W) bool that a mask paints on a part of a photo.

    Args:
        mask: of any size up to that of the box, to which it is scaled by nearest neighbour.
        box: the part that it covers.
        size: height and width of the photo.

    Raises:
        InputError: if the box is not inside the photo, or the mask larger than the box.
    """
    height, width = size
    if not box.is_inside(size):
        raise InputError(f"the box of the mask is not inside the photo, which has {width}x{height} pixels")
    painted = binary_mask(mask)
    box_height, box_width = box.size
    if painted.shape[0] > box_height or painted.shape[1] > box_width:
        raise InputError(
            f"the mask has {mask.width}x{mask.height} pixels, the part of the photo that it covers only "
            f"{box_width}x{box_height}: send a mask that is no larger"
        )
    hole = np.zeros(size, bool)
    hole[box.index] = _resize_nearest(painted, box_height, box_width)
    return hole


def check_hole(hole: np.ndarray) -> None:
    """Raise an `InputError` if a hole has no pixel, or all."""
    if not hole.any():
        raise InputError("nothing is painted yet: paint over what is to be filled")
    if hole.all():
        raise InputError("all of the photo is painted, so nothing of it is known: leave unpainted what is to be kept")


def _checked_format(content: bytes, name: str, limits: ServiceLimits) -> ImageFormat:
    """The format of a file of which only the header is read."""
    if len(content) > limits.upload_bytes:
        raise Refused(413, f"{name} is larger than {limits.upload:g} MB, the limit here")
    try:
        # The limit below is the one that counts.
        with caught_warnings(Image.DecompressionBombWarning), open_image(content) as image:
            file_format = _FORMATS.get(image.format or "", PNG)
            width, height = image.size
    except Image.DecompressionBombError as error:
        raise Refused(413, f"{name} has more than {limits.megapixels:g} megapixels, the limit here") from error
    except Exception:  # decoding says what is wrong with it
        return PNG
    if width * height > limits.megapixels * 1e6:
        raise Refused(
            413, f"{name} has {width}x{height} pixels, more than {limits.megapixels:g} megapixels, the limit here"
        )
    return file_format


def _decoded(content: bytes, name: str) -> Picture:
    if not content:
        raise Refused(415, f"{name} is empty (0 bytes)")
    try:
        return decode_picture(content, name)
    except InputError as error:
        raise Refused(415, error) from error


def _resize_nearest(hole: np.ndarray, height: int, width: int) -> np.ndarray:
    """Every pixel takes the value at its centre, in whole-number arithmetic."""
    rows = (2 * np.arange(height) + 1) * hole.shape[0] // (2 * height)
    columns = (2 * np.arange(width) + 1) * hole.shape[1] // (2 * width)
    return hole[np.ix_(rows, columns)]
