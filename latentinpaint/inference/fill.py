"""How holes pass a model: in crops, in batches, at the network's own scale, and with texture at full scale.

What the networks see. A crop around every hole (`crops`); crops of one size, of any pictures, together. Where the
model paints texture, a crop larger than `NETWORK_SIDE` passes the networks scaled down: they say what goes where,
which they have learnt for holes of their own size, and the texture is copied at full scale. Without texture a crop
passes as it is, up to `MAX_PIXELS`.

Texture of large crops (`tiling`). It is taken from what lies around the hole; where that is too much to be
synthesised at once, at a smaller scale first, scaled up, and synthesised again tile by tile, each with its
surroundings; what is finished is known to the tiles that follow, so that their textures go on where the last one
ended.
"""

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latentinpaint.inference.crops import Box
from latentinpaint.inference.feature_refinement import sample_refined
from latentinpaint.inference.options import FillOptions
from latentinpaint.inference.pyramid import PyramidLevel, resize
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.inference.tiling import add_texture, interpolated
from latentinpaint.pipeline import InpaintPipeline, composite, mask_out
from latentinpaint.runtime.progress import parts, report
from latentinpaint.runtime.randomness import seed_for

LOG = logging.getLogger(__name__)

NETWORK_SIDE = 384  # longer side in pixels that the networks of a model with texture see
MAX_PIXELS = 4_000_000  # of a crop that the networks see at once, about 1.7 GB
NETWORK_SECONDS = 1e-5  # for each pixel on one core, for the progress that is reported
TEXTURE_SECONDS = 4e-5  # likewise for each pixel of the hole
MAX_MASK_GROWTH = 1.5  # times that a hole may grow when it is scaled down to what the networks see


@dataclass(frozen=True)
class _Crop:
    """A part of a picture that passes the networks.

    Attributes:
        picture: index of the picture.
        box: where it lies there.
        network_size: height and width at which the networks see it.
        seed: of its samples.
    """

    picture: int
    box: Box
    network_size: tuple[int, int]
    seed: int


def fill_holes(
    pipeline: InpaintPipeline,
    images: Sequence[Tensor],
    masks: Sequence[Tensor],
    options: FillOptions,
    texture: PatchTexture | None = None,
    device: torch.device | None = None,
    hidden: Sequence[Tensor] | None = None,
) -> list[Tensor]:
    """Filled samples (num_samples, 3, H, W) in [0, 1] of every picture, known pixels exact.

    Args:
        pipeline: in evaluation mode, on `device`.
        images: (3, H, W) each, float32 in [0, 1] in the processor's memory, of any sizes.
        masks: (1, H, W) bool each, True = hole.
        options: how to fill; the dilation is left to the caller.
        texture: the model's own, see `FillOptions.texture`.
        device: of the pipeline; None is the processor.
        hidden: (1, H, W) bool each, True where a picture's colours mean nothing. They are as unknown as the hole, but
            need no fill: what samples hold there means nothing either. None if there are none.
    """
    unknown = list(masks)
    if hidden is not None:
        unknown = list(map(torch.logical_or, masks, hidden))
    texture = options.choose_texture(texture)
    crops = _crops(masks, unknown, options, pipeline.autoencoder.stride, texture is not None)
    batches = list(_batches(crops, apart=texture is not None))
    outputs = [image[None].expand(options.num_samples, -1, -1, -1) for image in images]
    writable: set[int] = set()  # pictures whose outputs are copies; the others are the caller's tensors
    for batch, part in zip(batches, parts(map(_area, batches)), strict=True):
        image = _stack_crops(images, batch)
        mask = _stack_crops(unknown, batch)
        with part:
            filled = _fill(pipeline, texture, image, mask.float(), options, batch, device)
        for crop, samples in zip(batch, filled, strict=True):
            if crop.box.size == tuple(images[crop.picture].shape[-2:]):
                outputs[crop.picture] = samples
                continue
            if crop.picture not in writable:
                outputs[crop.picture] = outputs[crop.picture].clone(memory_format=torch.contiguous_format)
                writable.add(crop.picture)
            outputs[crop.picture][crop.box.index] = samples
    return outputs


def expected_error(
    pipeline: InpaintPipeline,
    image: Tensor,
    mask: Tensor,
    options: FillOptions,
    texture: PatchTexture | None = None,
    device: torch.device | None = None,
    hidden: Tensor | None = None,
) -> Tensor | None:
    """How wrong the networks expect the fill of a picture to be, (1, H, W), 0 outside the hole.

    Arguments are those of `fill_holes`, of one picture.

    Returns:
        The mean absolute error of the latent around each pixel; None for a refiner that does not predict it.
    """
    unknown = mask
    if hidden is not None:
        unknown = mask | hidden
    has_texture = options.choose_texture(texture) is not None
    output = torch.zeros(mask.shape)
    crops = list(_crops([mask], [unknown], options, pipeline.autoencoder.stride, has_texture))
    for crop, part in zip(crops, parts([crop.box.area for crop in crops]), strict=True):
        crop_mask = unknown[crop.box.index][None].float()
        masked = mask_out(image[crop.box.index][None], crop_mask)
        level = PyramidLevel.of(masked, crop_mask, crop.network_size)
        with part:
            _, error = pipeline.sample_with_error(
                level.image.to(device), level.mask.to(device), 1, crop.seed, options.steps
            )
        if error is None:
            return None
        output[crop.box.index] = interpolated(error[0].float().cpu(), crop.box.size)[0]
    return output * mask


def _area(batch: list[_Crop]) -> int:
    """Pixels of a batch."""
    return len(batch) * batch[0].box.area


def _stack_crops(pictures: Sequence[Tensor], batch: list[_Crop]) -> Tensor:
    """The crops of a batch, (B, C, h, w); that of a single one is no copy."""
    if len(batch) == 1:
        return pictures[batch[0].picture][batch[0].box.index][None]
    return torch.stack([pictures[crop.picture][crop.box.index] for crop in batch])


def _crops(
    masks: Sequence[Tensor], unknown: Sequence[Tensor], options: FillOptions, stride: int, has_texture: bool
) -> Iterator[_Crop]:
    """The crops that pass the networks; pictures without a hole have none."""
    for picture, mask in enumerate(masks):
        if not mask.any():
            continue
        for number, box in enumerate(options.crops(mask[0].numpy(), stride)):
            report()
            network_size = box.size
            if options.refinement is None:
                network_size = _network_size(unknown[picture][box.index], has_texture)
            # Equal noise in all crops would make equal fills of like surroundings.
            seed = options.seed if number == 0 else seed_for(options.seed + 1, number)
            yield _Crop(picture, box, network_size, seed)


def _batches(crops: Iterator[_Crop], apart: bool) -> Iterator[list[_Crop]]:
    """Crops of one size, and seen at one size, together, at most `MAX_PIXELS`.

    Networks round otherwise in another batch, which a texture can turn into other patches: `apart` keeps those of
    different pictures apart.
    """
    groups: dict[tuple[Any, ...], list[_Crop]] = {}
    for crop in crops:
        key = (crop.picture if apart else None, crop.box.size, crop.network_size)
        groups.setdefault(key, []).append(crop)
    for group in groups.values():
        batch_size = max(1, MAX_PIXELS // group[0].box.area)
        for first in range(0, len(group), batch_size):
            yield group[first : first + batch_size]


def _fill(
    pipeline: InpaintPipeline,
    texture: PatchTexture | None,
    image: Tensor,
    mask: Tensor,
    options: FillOptions,
    batch: list[_Crop],
    device: torch.device | None,
) -> Tensor:
    """(B, num_samples, 3, h, w) in the processor's memory, for crops (B, 3, h, w) and masks (B, 1, h, w)."""
    LOG.debug("%d crops of %s pixels, seen at %s", len(batch), batch[0].box.size, batch[0].network_size)
    report()
    level = PyramidLevel.of(mask_out(image, mask), mask, batch[0].network_size)
    small_image = level.image.to(device)
    small_mask = level.mask.to(device)
    seeds = [crop.seed for crop in batch]
    sampling, finishing = parts(_costs(texture, small_mask, mask))
    with sampling:
        if options.refinement is None:
            filled, errors = pipeline.sample_with_error(
                small_image, small_mask, options.num_samples, seeds, options.steps
            )
        else:
            errors = None
            filled = sample_refined(
                pipeline, small_image, small_mask, options.num_samples, seeds, options.steps, options.refinement
            )
    distinct = pipeline.distinct_samples(options.num_samples)
    filled = filled[:, :distinct].float().cpu()
    if errors is not None:
        errors = errors.float().cpu()
    samples = image.new_empty(len(image), distinct, *image.shape[1:])
    with finishing:
        for number, part in enumerate(parts([1] * (len(image) * distinct))):
            item, k = divmod(number, distinct)
            error = None
            if errors is not None:
                error = errors[item, k][None]
            with part:
                fill = resize(filled[item, k][None], batch[0].box.size)
                samples[item, k] = _finished(texture, image[item, None], fill, mask[item, None], error)[0]
    return samples.expand(-1, options.num_samples, -1, -1, -1)


def _costs(texture: PatchTexture | None, small_mask: Tensor, mask: Tensor) -> tuple[float, float]:
    """Seconds, roughly, that the networks and the texture of a batch take, by its masks as each sees them."""
    if texture is None:
        return 1.0, 0.0
    return NETWORK_SECONDS * small_mask.numel(), TEXTURE_SECONDS * mask.sum().item()


def _network_size(mask: Tensor, has_texture: bool) -> tuple[int, int]:
    """The size at which the networks see a crop, by its mask (1, h, w) bool alone: other crops do not count."""
    height, width = mask.shape[-2:]
    mask = mask[None].float()
    max_scale = min(1.0, math.sqrt(MAX_PIXELS / (height * width)))
    scale = max_scale
    if has_texture:
        scale = min(max_scale, NETWORK_SIDE / max(height, width))
    while True:
        size = max(1, round(height * scale)), max(1, round(width * scale))
        # Lines of a few pixels would grow together.
        if scale == max_scale or PyramidLevel.of(mask, mask, size).mask.mean() <= MAX_MASK_GROWTH * mask.mean():
            return size
        scale = min(max_scale, 2 * scale)


def _finished(
    texture: PatchTexture | None, image: Tensor, fill: Tensor, mask: Tensor, error: Tensor | None
) -> Tensor:
    """A crop (1, 3, h, w) with its fill, with new texture if there is one; the error is of any size."""
    if texture is None:
        return composite(image, fill, mask)
    return add_texture(texture, image, fill, mask, error)
