"""How holes pass a model: in windows, in batches, at the model's own scale, and with texture at full scale.

What the networks see. A window around every hole (`windows`); windows of one size, of any pictures, together.
Where the model paints texture, a window larger than `OWN_SIDE` passes the networks scaled down: they say what goes
where, which they have learnt for holes of their own size, and the texture is copied at full scale. Without texture a
window passes as it is, up to `LARGEST` pixels.

Texture of large windows. A window of more than `PAINTED` pixels is painted at a smaller scale first, scaled up, and
painted again tile by tile, each with its surroundings; what is finished is known to the tiles that follow, so that
their textures go on where the last one ended.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from latentinpaint.inference.crops import Window
from latentinpaint.inference.feature_refinement import sample_refined
from latentinpaint.inference.options import FillOptions
from latentinpaint.inference.pyramid import Scale
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.inference.tiling import paint_tiles
from latentinpaint.pipeline import InpaintPipeline, composite, mask_out

OWN_SIDE = 384  # longer side in pixels that the networks of a model with texture see
LARGEST = 4_000_000  # pixels of a window that the networks see at once, about 1.7 GB
PAINTED = 1_000_000  # pixels that are painted at once, about 0.6 GB
GROWTH = 1.5  # times that a hole may grow when it is scaled down to what the networks see


@dataclass(frozen=True)
class _Part:
    """A window of the picture number `row`, the size that the networks see it at, and the seed of its answers."""

    row: int
    window: Window
    seen: tuple[int, int]
    seed: int


def fill_holes(
    pipeline: InpaintPipeline,
    images: Sequence[Tensor],
    holes: Sequence[Tensor],
    asked: FillOptions,
    texture: PatchTexture | None = None,
    device: torch.device | None = None,
) -> list[Tensor]:
    """Answers (num_samples, 3, H, W) in [0, 1] for every picture, known pixels exact.

    Args:
        pipeline: in evaluation mode, on `device`.
        images: (3, H, W) each, float32 in [0, 1] in the processor's memory, of any sizes.
        holes: (1, H, W) bool each.
        asked: what for; its widening is left to the caller.
        texture: the model's own, see `FillOptions.texture`.
        device: of the pipeline; None is the processor.
    """
    stride = pipeline.autoencoder.stride
    texture = asked.chosen_texture(texture)
    answers = [image[None].expand(asked.num_samples, -1, -1, -1) for image in images]
    copied = set()  # rows that may be written to; the others are the caller's
    for parts in _grouped(_parts(holes, asked, stride, texture is not None)):
        image = torch.stack([images[part.row][part.window.inside] for part in parts])
        hole = torch.stack([holes[part.row][part.window.inside] for part in parts])
        filled = _fill(pipeline, texture, image, hole, asked, parts, device)
        for part, answer in zip(parts, filled, strict=True):
            if part.window == Window(0, 0, *images[part.row].shape[-2:]):
                answers[part.row] = answer
            else:
                if part.row not in copied:
                    answers[part.row] = answers[part.row].clone(memory_format=torch.contiguous_format)
                    copied.add(part.row)
                answers[part.row][part.window.inside] = answer
    return answers


def _parts(holes: Sequence[Tensor], asked: FillOptions, stride: int, textured: bool) -> Iterator[_Part]:
    """The parts that pass the networks; pictures without a hole have none."""
    for row, hole in enumerate(holes):
        found = asked.windows(hole[0].numpy(), stride) if hole.any() else []
        for number, window in enumerate(found):
            inside = hole[window.inside]
            seen = tuple(inside.shape[-2:]) if asked.refine else _size_seen(inside, textured)
            # Equal noise in all windows would make equal fills of like surroundings.
            seed = asked.seed if number == 0 else (asked.seed + 1) * 1_000_003 + number
            yield _Part(row, window, seen, seed)


def _grouped(parts: Iterator[_Part]) -> Iterator[list[_Part]]:
    """Parts of one size, and seen at one size, together, at most `LARGEST` pixels."""
    groups: dict[tuple[int, ...], list[_Part]] = {}
    for part in parts:
        size = part.window.bottom - part.window.top, part.window.right - part.window.left
        groups.setdefault((*size, *part.seen), []).append(part)
    for (height, width, *_), members in groups.items():
        together = max(1, LARGEST // (height * width))
        for first in range(0, len(members), together):
            yield members[first : first + together]


def _fill(
    pipeline: InpaintPipeline,
    texture: PatchTexture | None,
    image: Tensor,
    hole: Tensor,
    asked: FillOptions,
    parts: list[_Part],
    device: torch.device | None,
) -> Tensor:
    """(B, num_samples, 3, h, w) in the processor's memory, for windows (B, 3, h, w) and holes (B, 1, h, w) bool."""
    size = tuple(image.shape[-2:])
    mask = hole.float()
    seen, seeds = Scale.of(mask_out(image, mask), mask, parts[0].seen), [part.seed for part in parts]
    inputs = seen.image.to(device), seen.hole.to(device)
    if asked.refinement is not None:
        filled = sample_refined(pipeline, *inputs, asked.num_samples, seeds, asked.steps, asked.refinement)
    else:
        filled = pipeline.sample(*inputs, asked.num_samples, seeds, asked.steps)
    filled = filled.float().cpu()
    distinct = asked.num_samples if pipeline.refiner.stochastic else 1
    samples = [_textured(texture, image, _scaled(sample, size), mask) for sample in filled[:, :distinct].unbind(1)]
    answers = torch.stack(samples, 1)
    return answers.expand(-1, asked.num_samples, -1, -1, -1)


def _size_seen(hole: Tensor, textured: bool) -> tuple[int, int]:
    """The size at which the networks see a window, by its hole (1, h, w) bool alone: other windows do not count."""
    height, width = hole.shape[-2:]
    mask = hole[None].float()
    largest = min(1.0, math.sqrt(LARGEST / (height * width)))
    shrink = min(largest, OWN_SIDE / max(height, width)) if textured else largest
    while True:
        size = max(1, round(height * shrink)), max(1, round(width * shrink))
        # Lines of a few pixels would grow together.
        if shrink == largest or Scale.of(mask, mask, size).hole.mean() <= GROWTH * mask.mean():
            return size
        shrink = min(largest, 2 * shrink)


def _scaled(x: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(x.shape[-2:]) == size:
        return x
    return F.interpolate(x, size=size, mode="bicubic", align_corners=False).clamp(0, 1)


def _textured(texture: PatchTexture | None, image: Tensor, fill: Tensor, mask: Tensor) -> Tensor:
    """Windows (B, 3, h, w) with their fill, painted anew if there is a texture."""
    if texture is None:
        return composite(image, fill, mask)
    if image.shape[-2] * image.shape[-1] <= PAINTED:
        return texture(image, fill, mask)
    shrink = math.sqrt(PAINTED / (image.shape[-2] * image.shape[-1]))
    size = tuple(max(1, int(side * shrink)) for side in image.shape[-2:])
    small = Scale.of(mask_out(image, mask), mask, size)
    painted = texture(small.image, _scaled(fill, size), small.hole)
    rows = zip(image.split(1), _scaled(painted, image.shape[-2:]).split(1), mask.split(1), strict=True)
    return torch.cat([paint_tiles(texture, *row) for row in rows])
