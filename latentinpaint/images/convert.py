"""Pictures and masks as a caller has them: Pillow, NumPy or tensors."""

from typing import TypeVar

import numpy as np
from PIL import Image
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.images.image_files import Picture, mask_from_pil

AnyPicture = TypeVar("AnyPicture", Image.Image, np.ndarray, Tensor)


def hole_of_mask(mask: object, batched: bool = False) -> np.ndarray:
    """Any mask as bool: (H, W), or (B, 1, H, W) if `batched`."""
    if isinstance(mask, Image.Image):
        hole = mask_from_pil(mask)
    elif isinstance(mask, np.ndarray | Tensor):
        values = mask
        if isinstance(mask, Tensor):
            values = (mask.float() if mask.is_floating_point() else mask).detach().cpu().numpy()
        if isinstance(mask, np.ndarray) and values.ndim == 3 and values.shape[-1] == 1:
            values = values[..., 0]
        integer = np.issubdtype(values.dtype, np.integer)
        full_scale = 255 if integer and values.size and values.max() > 1 else 1
        hole = values > full_scale / 2 if values.dtype != bool else values
    else:
        raise InputError(f"a mask is a Pillow image, an array or a tensor, not {type(mask).__name__}")
    if batched:
        hole = hole if hole.ndim == 4 else hole.reshape(-1, 1, *hole.shape[-2:])
    elif hole.ndim > 2 and hole.size == hole.shape[-1] * hole.shape[-2]:
        hole = hole.reshape(hole.shape[-2:])
    if hole.ndim != (4 if batched else 2) or (batched and hole.shape[1] != 1):
        raise InputError(f"a mask has one channel, not the shape {tuple(hole.shape)}")
    return np.ascontiguousarray(hole)


def taken(image: object) -> Picture:
    """A Pillow picture or an array as a `Picture`."""
    if isinstance(image, np.ndarray):
        return Picture.from_pil(_array_to_pil(image))
    if isinstance(image, Image.Image):
        return Picture.from_pil(image)
    raise InputError(f"a picture is a Pillow image, an array or a tensor, not {type(image).__name__}")


def as_given(filled: Picture, image: Image.Image | np.ndarray) -> Image.Image | np.ndarray:
    """A picture as what `image` is."""
    if isinstance(image, Image.Image):
        return filled.to_pil()
    return np.asarray(filled.to_pil()).reshape(filled.height, filled.width, *image.shape[2:])


def _array_to_pil(array: np.ndarray) -> Image.Image:
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[-1] in (1, 3, 4))):
        raise InputError(f"an array is (H, W), (H, W, 3) or (H, W, 4) of uint8, not {array.shape} of {array.dtype}")
    return Image.fromarray(array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array)


def check_size(mask: tuple[int, ...], picture: tuple[int, ...]) -> None:
    if tuple(mask) != tuple(picture):
        raise InputError(
            f"the mask is {mask[1]}x{mask[0]} pixels, the picture {picture[1]}x{picture[0]}: they have to be equal"
        )
