"""What passes a model for a caller's picture and mask, and how samples become what came in."""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latentinpaint.doctor.findings import ArgumentNames
from latentinpaint.doctor.refusal import check_pair
from latentinpaint.errors import InputError, check_same_size, count_of
from latentinpaint.images.any_picture import (
    as_mask,
    as_upright_mask,
    check_unit_colours,
    like_input,
    mask_pictures,
    to_picture,
)
from latentinpaint.images.geometry import with_margins
from latentinpaint.images.orientation import turn_upright
from latentinpaint.images.picture import Picture
from latentinpaint.images.picture_filling import fill_picture
from latentinpaint.inference.layers import PictureLayers
from latentinpaint.inference.options import FillOptions
from latentinpaint.inference.outpainting import Padding, Side
from latentinpaint.runtime.progress import report

_NAMES = ArgumentNames(invert_mask="the mask inverted", ignore_problems="ignore_problems=True")


@dataclass(frozen=True)
class FillInput:
    """A picture or a batch of them: what passes the model, and how samples become what came in.

    Attributes:
        images: (B, 3, H, W) float32 in the processor's memory.
        masks: (B, 1, H, W) bool.
        to_output: takes one sample (B, 3, H, W).
        hidden: (B, 1, H, W) bool, where colours mean nothing.
        count: how many of the caller's pictures they are: 1, or B for a batch of tensors.
    """

    images: Tensor
    masks: Tensor
    to_output: Callable[[Tensor], Any]
    hidden: Tensor
    count: int = 1


def fill_input(image: Any, mask: object, options: FillOptions) -> FillInput:  # noqa: ANN401  see `Inpainter`
    """A picture or tensor and its mask, as `Inpainter.__call__` takes them."""
    if isinstance(image, Tensor):
        hole = as_mask(mask, batched=True)
        _check_masks(None, mask, options, 1)
        return _tensor_input(image, hole, options)
    picture = to_picture(image)
    hole, frame = as_upright_mask(mask, image)
    _check_masks(picture, mask, options, frame)
    check_same_size(hole.shape, (picture.height, picture.width))
    check_unit_colours(image, hole)
    return picture_input(picture, hole, options, lambda filled, wide: like_input(filled, image, wide, frame))


def expanded_input(
    image: Any,  # noqa: ANN401  see `Inpainter`
    sides: Side | Sequence[Side],
    mask: object,
    options: FillOptions,
) -> FillInput:
    """The same with new margins, which are part of the hole; arguments as of `Inpainter.expand`."""
    if isinstance(image, Tensor):
        return _expanded_tensor(image, sides, mask, options)
    picture = to_picture(image)
    size = (picture.height, picture.width)
    old_mask = np.zeros(size, bool)
    frame = 1
    if mask is not None:
        old_mask, frame = as_upright_mask(mask, image)
        check_same_size(old_mask.shape, size)
        _check_masks(picture, mask, options, frame)
    check_unit_colours(image, old_mask)
    padding = Padding.of(sides, *size)
    new_mask = padding.pad_mask(old_mask)
    expanded = with_margins(picture, *astuple(padding))
    original = image
    if isinstance(image, np.ndarray):
        original = padding.pad_array(image)
    return picture_input(expanded, new_mask, options, lambda filled, wide: like_input(filled, original, wide, frame))


def _expanded_tensor(image: Tensor, sides: Side | Sequence[Side], mask: object, options: FillOptions) -> FillInput:
    height, width = _as_batch(image).shape[-2:]
    if mask is None:
        mask = np.zeros((height, width), bool)
    old_mask = as_mask(mask, batched=True)
    _check_masks(None, mask, options, 1)
    check_same_size(old_mask.shape[-2:], (height, width))
    padding = Padding.of(sides, height, width)
    left, top, right, bottom = astuple(padding)
    expanded = F.pad(image, (left, right, top, bottom))
    return _tensor_input(expanded, padding.pad_mask(old_mask), options)


def _check_masks(picture: Picture | None, mask: object, options: FillOptions, frame: int) -> None:
    """Raise an `InputError` if the doctor finds a problem that is not to be ignored.

    Args:
        picture: upright; None looks at the mask alone.
        mask: as it came, in the frame of the EXIF orientation `frame`.
    """
    if options.ignore_problems:
        return
    for one_mask in mask_pictures(mask):
        report()
        upright = np.ascontiguousarray(turn_upright(one_mask.samples, frame))
        check_pair(picture, replace(one_mask, samples=upright), names=_NAMES)


def picture_input(
    picture: Picture, mask: np.ndarray, options: FillOptions, to_output: Callable[[Picture, np.ndarray], Any]
) -> FillInput:
    """A picture and its mask (H, W) bool; `to_output` turns the filled one and its whole hole into what came in."""
    check_same_size(mask.shape, (picture.height, picture.width))
    soft = options.dilation.apply(mask[None, None])
    hole = soft.mask[0, 0].numpy()
    # What a hole holds must not even decide what is black and white; what is blended is seen.
    unseen = hole
    if options.feather:
        unseen = mask
    report()
    picture = picture.with_range_of(~unseen)
    report()
    layers = PictureLayers.of(picture, soft)

    def finish(sample: Tensor) -> Any:  # noqa: ANN401 - whatever `to_output` makes
        fill, alpha = layers.blended(sample)
        report()
        return to_output(fill_picture(picture, fill, hole, alpha), hole)

    return FillInput(layers.images, layers.masks, finish, layers.hidden)


def _tensor_input(image: Tensor, mask: np.ndarray, options: FillOptions) -> FillInput:
    """A tensor (3, H, W) or (B, 3, H, W) and its mask (1 or B, 1, H, W) bool."""
    batch = _as_batch(image)
    check_same_size(mask.shape[-2:], batch.shape[-2:])
    if mask.shape[0] not in (1, len(batch)):
        raise InputError(f"{count_of(mask.shape[0], 'mask')} for {count_of(len(batch), 'picture')}")
    soft = options.dilation.apply(mask)
    hole = soft.mask.to(batch.device).expand(len(batch), -1, -1, -1)
    unseen = hole
    if options.feather:  # what is blended is seen
        unseen = torch.as_tensor(mask, device=batch.device)
    _check_range(batch, unseen)
    original = batch.detach().cpu().float()

    def finish(sample: Tensor) -> Tensor:
        # Composited once more on the caller's own numbers: known pixels keep their dtype and bits.
        return torch.where(hole, soft.blend(sample, original).to(batch), batch).reshape(image.shape)

    return FillInput(original, hole.cpu(), finish, torch.zeros_like(hole.cpu()), len(batch))


def _as_batch(image: Tensor) -> Tensor:
    """A tensor (3, H, W) or (B, 3, H, W) as (B, 3, H, W); an `InputError` for any other."""
    batch = image if image.ndim == 4 else image[None]
    if batch.ndim != 4 or batch.shape[1] != 3 or not batch.numel() or not image.is_floating_point():
        raise InputError(f"a tensor is (3, H, W) or (B, 3, H, W) of floats in [0, 1], not {tuple(image.shape)}")
    return batch


def _check_range(batch: Tensor, unseen: Tensor) -> None:
    """Raise an `InputError` unless the values that are seen are in [0, 1], or nearly so."""
    if unseen.all():
        return
    # Filled, not indexed: an index of every value takes many times the picture's memory.
    low = batch.masked_fill(unseen, torch.inf).min()
    high = batch.masked_fill(unseen, -torch.inf).max()
    if not (low >= -0.01 and high <= 1.01):  # also where one is NaN
        raise InputError(f"a tensor holds values in [0, 1], not {low:g} to {high:g}")
