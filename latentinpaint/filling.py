"""How holes pass a model: in windows, in batches, at the model's own scale, and with texture at full scale.

What the networks see. A window around every hole (`windows`); windows of one size, of any pictures, together.
Where the model paints texture, a window larger than `OWN_SIDE` passes the networks scaled down: they say what goes
where, which they have learnt for holes of their own size, and the texture is copied at full scale. Without texture a
window passes as it is, up to `LARGEST` pixels.

Texture of large windows. A window of more than `PAINTED` pixels is painted at a smaller scale first, scaled up, and
painted again tile by tile, each with its surroundings; what is finished is known to the tiles that follow, so that
their textures go on where the last one ended.
"""

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.exemplars import Exemplars
from latentinpaint.holes import Widening
from latentinpaint.pipeline import InpaintPipeline, composite, hide
from latentinpaint.pyramid import Scale
from latentinpaint.refinement import Refinement, sample_refined
from latentinpaint.windows import Crop, Window

OWN_SIDE = 384  # longer side in pixels that the networks of a model with texture see
LARGEST = 4_000_000  # pixels of a window that the networks see at once, about 1.7 GB
PAINTED = 1_000_000  # pixels that are painted at once, about 0.6 GB
GROWTH = 1.5  # times that a hole may grow when it is scaled down to what the networks see
TILE, SURROUNDINGS = 640, 160  # pixels: sides of a tile, and what is seen around it


@dataclass(frozen=True)
class Asked:
    """How a hole is to be filled, see `Inpainter.__call__`."""

    num_samples: int = 1
    seed: int = 0
    steps: int | None = None
    refine: bool | Refinement = False
    crop: str | int | None = "auto"
    dilate: int = 0
    feather: int = 0
    texture: bool | None = None

    def __post_init__(self) -> None:
        if self.num_samples < 1:
            raise InputError(f"the number of samples starts at 1, not {self.num_samples}")
        if self.steps is not None and self.steps < 1:
            raise InputError(f"the number of steps starts at 1, not {self.steps}")
        whole = isinstance(self.crop, int | np.integer) and not isinstance(self.crop, bool) and self.crop >= 0
        if not (whole or self.crop in (None, "auto")):
            raise InputError(f"crop is 'auto', None or the pixels of context around a hole, not {self.crop!r}")
        if not isinstance(self.refine, bool | Refinement):
            raise InputError(f"refine is True, False or a Refinement, not {self.refine!r}")
        if not (self.texture is None or isinstance(self.texture, bool)):
            raise InputError(f"texture is True, False or None (as the model has it), not {self.texture!r}")
        _ = self.widening

    @property
    def widening(self) -> Widening:
        """How the hole is widened before it is filled."""
        return Widening(self.dilate, self.feather)

    def windows(self, hole: np.ndarray, stride: int) -> list[Window]:
        """The parts of a picture that are filled, for a hole (H, W) bool."""
        if self.crop is None:
            return [Window(0, 0, *hole.shape)]
        if self.crop == "auto":
            return Crop().windows(hole, stride)
        return Crop(int(self.crop), fraction=0.0, least_side=2 * stride, share=1.0).windows(hole, stride)

    def texture_of(self, pipeline: InpaintPipeline) -> Exemplars | None:
        """The texture that this model's fills get."""
        if self.texture is None:
            return pipeline.texture
        return (pipeline.texture or Exemplars()) if self.texture else None


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
    asked: Asked,
    device: torch.device | None = None,
) -> list[Tensor]:
    """Answers (num_samples, 3, H, W) in [0, 1] for every picture, known pixels exact.

    Args:
        pipeline: in evaluation mode, on `device`.
        images: (3, H, W) each, float32 in [0, 1] in the processor's memory, of any sizes.
        holes: (1, H, W) bool each.
        asked: what for; its widening is left to the caller.
        device: of the pipeline; None is the processor.
    """
    stride = pipeline.autoencoder.stride
    texture = asked.texture_of(pipeline)
    untextured = copy.copy(pipeline)  # the same modules
    untextured.texture = None
    answers = [image[None].expand(asked.num_samples, -1, -1, -1) for image in images]
    copied = set()  # rows that may be written to; the others are the caller's
    for parts in _grouped(_parts(holes, asked, stride, texture is not None)):
        image = torch.stack([images[part.row][part.window.inside] for part in parts])
        hole = torch.stack([holes[part.row][part.window.inside] for part in parts])
        filled = _fill(untextured, texture, image, hole, asked, parts, device)
        for part, answer in zip(parts, filled, strict=True):
            if part.window == Window(0, 0, *images[part.row].shape[-2:]):
                answers[part.row] = answer
            else:
                if part.row not in copied:
                    answers[part.row] = answers[part.row].clone(memory_format=torch.contiguous_format)
                    copied.add(part.row)
                answers[part.row][part.window.inside] = answer
    return answers


def _parts(holes: Sequence[Tensor], asked: Asked, stride: int, textured: bool) -> Iterator[_Part]:
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
    texture: Exemplars | None,
    image: Tensor,
    hole: Tensor,
    asked: Asked,
    parts: list[_Part],
    device: torch.device | None,
) -> Tensor:
    """(B, num_samples, 3, h, w) in the processor's memory, for windows (B, 3, h, w) and holes (B, 1, h, w) bool."""
    size = tuple(image.shape[-2:])
    mask = hole.float()
    seen, seeds = Scale.of(hide(image, mask), mask, parts[0].seen), [part.seed for part in parts]
    inputs = seen.image.to(device), seen.hole.to(device)
    if asked.refine:
        how = asked.refine if isinstance(asked.refine, Refinement) else Refinement()
        filled = sample_refined(pipeline, *inputs, asked.num_samples, seeds, asked.steps, how)
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


def _textured(texture: Exemplars | None, image: Tensor, fill: Tensor, mask: Tensor) -> Tensor:
    """Windows (B, 3, h, w) with their fill, painted anew if there is a texture."""
    if texture is None:
        return composite(image, fill, mask)
    if image.shape[-2] * image.shape[-1] <= PAINTED:
        return texture(image, fill, mask)
    shrink = math.sqrt(PAINTED / (image.shape[-2] * image.shape[-1]))
    size = tuple(max(1, int(side * shrink)) for side in image.shape[-2:])
    small = Scale.of(hide(image, mask), mask, size)
    painted = texture(small.image, _scaled(fill, size), small.hole)
    rows = zip(image.split(1), _scaled(painted, image.shape[-2:]).split(1), mask.split(1), strict=True)
    return torch.cat([paint_tiles(texture, *row) for row in rows])


def paint_tiles(texture: Exemplars, image: Tensor, fill: Tensor, mask: Tensor) -> Tensor:
    """One picture (1, 3, H, W) painted tile by tile, each knowing those before it; memory is that of one tile.

    The tile of whose surroundings most is known is always the next: what nothing is known around waits.
    """
    answer = composite(image, fill, mask)
    left_over = mask > 0.5
    height, width = image.shape[-2:]
    corners = [(top, left) for top in range(0, height, TILE) for left in range(0, width, TILE)]
    tiles = [Window(top, left, min(top + TILE, height), min(left + TILE, width)) for top, left in corners]
    tiles = [tile for tile in tiles if left_over[tile.inside].any()]
    while tiles:
        tile = min(tiles, key=lambda tile: left_over[_around(tile, height, width).inside].float().mean().item())
        tiles.remove(tile)
        seen = _around(tile, height, width)
        part = answer[seen.inside]
        painted = texture(part, part, left_over[seen.inside].float())
        inner = Window(tile.top - seen.top, tile.left - seen.left, tile.bottom - seen.top, tile.right - seen.left)
        answer[tile.inside] = painted[inner.inside]
        left_over[tile.inside] = False
    return answer


def _around(tile: Window, height: int, width: int) -> Window:
    """A tile with its surroundings."""
    top, left = max(0, tile.top - SURROUNDINGS), max(0, tile.left - SURROUNDINGS)
    return Window(top, left, min(height, tile.bottom + SURROUNDINGS), min(width, tile.right + SURROUNDINGS))
