"""Pictures and masks as a caller has them: Pillow, NumPy or tensors."""

from typing import TypeVar

import numpy as np
from PIL import Image
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.hole import hole_of_values, mask_scale
from latentinpaint.images.geometry import as_stored
from latentinpaint.images.image_files import Picture, mask_values
from latentinpaint.images.orientation import orientation_of, turn_upright

# By type and number of channels of an array: the mode of its picture, and its format's white.
_ARRAY_MODES = {
    (np.dtype(np.uint8), 1): ("L", 255.0),
    (np.dtype(np.uint8), 3): ("RGB", 255.0),
    (np.dtype(np.uint8), 4): ("RGBA", 255.0),
    (np.dtype(np.uint16), 1): ("I;16", 65535.0),
    (np.dtype(np.uint16), 3): ("RGB;16", 65535.0),
    (np.dtype(np.uint16), 4): ("RGBA;16", 65535.0),
    (np.dtype(np.int32), 1): ("I", None),
    (np.dtype(np.float32), 1): ("F", None),
}

# The kind of a caller's picture, in and out.
AnyPicture = TypeVar("AnyPicture", Image.Image, np.ndarray, Tensor)
AnyMask = Image.Image | np.ndarray | Tensor


def as_mask(mask: object, batched: bool = False) -> np.ndarray:
    """Any mask as bool: (H, W), or (B, 1, H, W) if `batched`.

    Raises:
        InputError: for what is no mask, for more than one channel, and for values that leave open what is the hole,
            such as labels; see `hole`.
    """
    if isinstance(mask, Image.Image):
        hole = hole_of_values(mask_values(Picture.from_pil(mask, "the mask")))
    elif isinstance(mask, Tensor):
        hole = hole_of_values(_tensor_to_array(mask))
    elif isinstance(mask, np.ndarray):
        if mask.ndim == 3 and mask.shape[-1] == 1:
            mask = mask[..., 0]
        hole = hole_of_values(mask)
    else:
        raise InputError(f"a mask is a Pillow image, an array or a tensor, not {type(mask).__name__}")
    if batched:
        hole = _with_batch(hole)
    else:
        hole = _without_batch(hole)
    return np.ascontiguousarray(hole)


def mask_pictures(mask: object) -> list[Picture]:
    """Masks that `as_mask` takes as pictures with their greys, one for each of a batch."""
    if isinstance(mask, Image.Image):
        return [Picture.from_pil(mask, "the mask")]
    values = np.asarray(_tensor_to_array(mask) if isinstance(mask, Tensor) else mask)
    full_scale = mask_scale(values)
    greys = np.rint(np.clip(values.astype(np.float32) / full_scale, 0, 1) * 255).astype(np.uint8)
    if greys.ndim == 3 and greys.shape[-1] == 1:
        greys = greys[..., 0]
    pictures = []
    for grey in greys.reshape(-1, *greys.shape[-2:]):
        pictures.append(Picture(grey, "L", name="the mask"))
    return pictures


def as_upright_mask(mask: object, image: object) -> tuple[np.ndarray, int]:
    """The mask of a picture in the upright frame, and the orientation of the frame that it was given in.

    A Pillow photo with an EXIF orientation has two frames, see `orientation`. A mask belongs to the one that has its
    size. Where both have it, an array or tensor belongs to the stored frame, as `numpy.asarray` of the photo does,
    and a Pillow mask to the upright one, turned by its own EXIF orientation if it has one, as the files of both do.

    Args:
        mask: as for `as_mask`.
        image: the picture, as for `to_picture`.

    Returns:
        The mask (H, W) bool, and an EXIF orientation, 1 for the upright frame.

    Raises:
        InputError: as `as_mask`.
    """
    hole = as_mask(mask)
    if not isinstance(image, Image.Image):
        return hole, 1
    image.load()  # a TIFF is turned upright by this
    orientation = orientation_of(image)
    stored = (image.height, image.width)
    is_quarter_turn = orientation >= 5
    upright = stored[::-1] if is_quarter_turn else stored
    both_fit = upright == stored
    if orientation == 1 or hole.shape != stored or (both_fit and isinstance(mask, Image.Image)):
        return hole, 1
    return np.ascontiguousarray(turn_upright(hole, orientation)), orientation


def _tensor_to_array(tensor: Tensor) -> np.ndarray:
    if tensor.is_floating_point():
        tensor = tensor.float()  # NumPy has no bfloat16
    return tensor.detach().cpu().numpy()


def _with_batch(hole: np.ndarray) -> np.ndarray:
    """(H, W), (B, H, W) or (B, 1, H, W) as (B, 1, H, W)."""
    if hole.ndim in (2, 3) and hole.size:
        hole = hole.reshape(-1, 1, *hole.shape[-2:])
    if hole.ndim != 4 or hole.shape[1] != 1:
        raise _wrong_shape(hole)
    return hole


def _without_batch(hole: np.ndarray) -> np.ndarray:
    """(H, W), or that behind dimensions of size 1, as (H, W)."""
    if hole.ndim > 2 and hole.size == hole.shape[-1] * hole.shape[-2]:
        hole = hole.reshape(hole.shape[-2:])
    if hole.ndim != 2:
        raise _wrong_shape(hole)
    return hole


def _wrong_shape(mask: np.ndarray) -> InputError:
    return InputError(f"a mask has one channel, not the shape {tuple(mask.shape)}")


def to_picture(image: object) -> Picture:
    """A Pillow picture or an array as a `Picture`, which is taken too.

    Arrays are (H, W) or (H, W, 1) of uint8, uint16, int32 or floats, or (H, W, 3) or (H, W, 4) of uint8, uint16 or of
    floats in [0, 1] (clipped, see `check_unit_colours`), which become 16 bits deep.
    """
    if isinstance(image, Picture):
        return image
    if isinstance(image, np.ndarray):
        return _array_to_picture(_storable(image))
    if isinstance(image, Image.Image):
        return Picture.from_pil(image)
    raise InputError(f"a picture is a Pillow image, an array or a tensor, not {type(image).__name__}")


def like_input(
    filled: Picture, image: Image.Image | np.ndarray, hole: np.ndarray, orientation: int = 1
) -> Image.Image | np.ndarray:
    """A filled picture in the form that the caller's image has.

    Args:
        filled: upright.
        image: the caller's, of the same size as `filled` is in its frame.
        hole: (H, W) bool; outside of it floats are the caller's own.
        orientation: the EXIF orientation whose frame a Pillow picture gets, 1 for upright.
    """
    if isinstance(image, Image.Image):
        return as_stored(filled, orientation).to_pil()
    samples = filled.samples.reshape(image.shape)
    if not np.issubdtype(image.dtype, np.floating):
        return samples
    if samples.dtype == np.uint16:
        samples = samples / 65535
    output = image.copy()
    output[hole] = samples[hole]
    return output


def check_unit_colours(image: object, hole: np.ndarray) -> None:
    """Raise an `InputError` if colours of floats are outside [0, 1], or not numbers, outside the hole (H, W) bool."""
    if not isinstance(image, np.ndarray) or not _has_float_colours(image):
        return
    known = image[~hole]
    if known.size and not (known.min() >= -0.01 and known.max() <= 1.01):  # also where one is NaN
        raise InputError(f"an array of floats holds values in [0, 1], not {known.min():g} to {known.max():g}")


def _has_float_colours(array: np.ndarray) -> bool:
    return np.issubdtype(array.dtype, np.floating) and array.ndim == 3 and array.shape[-1] in (3, 4)


def _storable(array: np.ndarray) -> np.ndarray:
    """An array whose floats a picture can hold: greys as float32, colours as 16 bits; others as they are."""
    if not np.issubdtype(array.dtype, np.floating):
        return array
    if not _has_float_colours(array):
        return array.astype(np.float32, copy=False)
    unit = np.clip(np.nan_to_num(array.astype(np.float32)), 0, 1)
    return np.rint(unit * 65535).astype(np.uint16)


def _array_to_picture(array: np.ndarray) -> Picture:
    samples = array
    if array.ndim == 3 and array.shape[-1] == 1:
        samples = array[..., 0]
    channels = 1
    if samples.ndim == 3:
        channels = samples.shape[-1]
    kind = (samples.dtype.newbyteorder("="), channels)
    if samples.ndim not in (2, 3) or kind not in _ARRAY_MODES:
        raise InputError(
            "an array is (H, W), (H, W, 3) or (H, W, 4) of uint8, uint16 or floats, or (H, W) of int32, not "
            f"{array.shape} of {array.dtype}"
        )
    if not samples.size:
        raise InputError(f"the picture, an array {array.shape}, has no pixels")
    mode, white = _ARRAY_MODES[kind]
    return Picture(np.ascontiguousarray(samples, samples.dtype.newbyteorder("=")), mode, white)
