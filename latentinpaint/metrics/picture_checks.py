"""What metrics take: pictures `(B,3,H,W)` in [0,1] and masks `(B,1,H,W)`, checked."""

from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.hole import check_unit_mask
from latentinpaint.runtime.device import check_same_device

TOLERANCE = 0.01  # by which a picture's values may lie outside [0, 1]


def check_pictures(images: Tensor, what: str = "pictures") -> None:
    """Raise `InputError` unless pictures are a floating point tensor `(B,C,H,W)` in [0,1] with a pixel.

    `what` is how the message names them.
    """
    if not isinstance(images, Tensor):
        raise InputError(f"{what} are a tensor (B, 3, H, W) in [0, 1], not {type(images).__name__}")
    if images.ndim != 4 or not images.numel():
        raise InputError(f"{what} have the shape (B, 3, H, W), not {tuple(images.shape)}")
    if not images.is_floating_point():
        raise InputError(f"{what} are floating point in [0, 1], not {images.dtype}: divide 8 bits by 255")
    low, high = map(float, images.detach().aminmax())
    if not (low >= -TOLERANCE and high <= 1 + TOLERANCE):  # also where one is NaN
        raise InputError(f"{what} have values in [0, 1], not from {low:g} to {high:g}")


def check_pair(prediction: Tensor, target: Tensor) -> None:
    """Raise `InputError` unless two batches of pictures can be compared: of one shape, on one device, in [0,1]."""
    check_pictures(prediction, "the pictures to compare")
    check_pictures(target, "the true pictures")
    if prediction.shape != target.shape:
        raise InputError(
            f"the pictures to compare have one shape (B, 3, H, W), "
            f"but theirs are {tuple(prediction.shape)} and {tuple(target.shape)}"
        )
    check_same_device(prediction, target)


def check_mask(images: Tensor, mask: Tensor) -> None:
    """Raise `InputError` unless `mask` is `(B,1,H,W)` for images `(B,C,H,W)`, bool or in [0, 1], on their device."""
    if not isinstance(mask, Tensor):
        raise InputError(f"a mask is a tensor (B, 1, H, W), 1 = hole, not {type(mask).__name__}")
    expected = (images.shape[0], 1, *images.shape[2:])
    if images.ndim != 4 or mask.shape != expected:
        raise InputError(
            f"The mask has shape {tuple(mask.shape)}, but pictures of shape {tuple(images.shape)} "
            f"need one of shape (B, 1, H, W) with the same batch, height and width."
        )
    check_same_device(images, mask)
    check_unit_mask(mask)
