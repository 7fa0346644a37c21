"""Texture of large pictures: what lies around the hole, at once where it fits, else tile by tile."""

import itertools
import math
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from latentinpaint.hole import is_hole
from latentinpaint.inference.crops import Box
from latentinpaint.inference.pyramid import PyramidLevel, resize
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.pipeline import composite, mask_out
from latentinpaint.runtime.progress import parts, report

SMALL_PIXELS = 1_000_000  # of a picture that is never cut
MAX_PIXELS_AT_ONCE = 4_200_000  # that are synthesised at once, about 0.5 GB
SURROUNDINGS_AREA = 2.0  # times the area of a hole's box that a picture is cut to
TILE = 1408  # pixels, side of a tile
SURROUNDINGS = 320  # pixels around a tile that its texture can be copied from


def add_texture(
    texture: PatchTexture, image: Tensor, fill: Tensor, mask: Tensor, error: Tensor | None = None
) -> Tensor:
    """One picture (1, 3, H, W) with its fill synthesised anew from what lies around the hole.

    The fill's expected error (1, 1, h, w), of any size, is that of `PatchTexture`; None is the same everywhere.
    A picture of more than `SMALL_PIXELS` is cut to the box of its hole and equal surroundings on all sides, that many
    pixels or `SURROUNDINGS_AREA` times the box. If that is more than `MAX_PIXELS_AT_ONCE`, it is synthesised at this
    scale, scaled up, and synthesised again tile by tile.
    """
    report()
    outer = _around_hole(is_hole(mask)[0, 0])
    if error is not None:
        error = interpolated(error, image.shape[-2:])[outer.index]
    textured = _synthesise(texture, image[outer.index], fill[outer.index], mask[outer.index], error)
    if outer.area == image.shape[-2] * image.shape[-1]:
        return textured
    output = image.clone()
    output[outer.index] = textured
    return output


def _synthesise(texture: PatchTexture, image: Tensor, fill: Tensor, mask: Tensor, error: Tensor | None) -> Tensor:
    """The picture (1, 3, H, W), or what is around its hole, with its fill synthesised anew."""
    height, width = image.shape[-2:]
    if height * width <= MAX_PIXELS_AT_ONCE:
        return texture(image, fill, mask, error)
    scale = math.sqrt(MAX_PIXELS_AT_ONCE / (height * width))
    small_size = max(1, int(height * scale)), max(1, int(width * scale))
    report()
    level = PyramidLevel.of(mask_out(image, mask), mask, small_size)
    if error is not None:
        error = interpolated(error, small_size)
    at_once, by_tiles = parts((small_size[0] * small_size[1], height * width))
    with at_once:
        coarse = texture(level.image, resize(fill, small_size), level.mask, error)
    coarse = resize(coarse, (height, width))
    with by_tiles:
        return paint_tiles(texture, image, coarse, mask)


def paint_tiles(texture: PatchTexture, image: Tensor, fill: Tensor, mask: Tensor) -> Tensor:
    """One picture (1, 3, H, W) with texture tile by tile, each knowing those before it; memory is that of one tile.

    The tile of whose surroundings most is known is always the next: a tile without known pixels around it waits.
    """
    output = composite(image, fill, mask)
    remaining = is_hole(mask).clone()
    height, width = image.shape[-2:]
    tiles = []
    for top, left in itertools.product(range(0, height, TILE), range(0, width, TILE)):
        tile = Box(top, left, min(top + TILE, height), min(left + TILE, width))
        if remaining[tile.index].any():
            tiles.append(tile)

    def unknown_fraction(tile: Box) -> float:
        return remaining[tile.extended(SURROUNDINGS, (height, width)).index].float().mean().item()

    for part in parts([1] * len(tiles)):
        tile = min(tiles, key=unknown_fraction)
        tiles.remove(tile)
        outer = tile.extended(SURROUNDINGS, (height, width))
        surroundings = output[outer.index]
        with part:
            textured = texture(surroundings, surroundings, remaining[outer.index].float())
        inner = Box(tile.top - outer.top, tile.left - outer.left, tile.bottom - outer.top, tile.right - outer.left)
        output[tile.index] = textured[inner.index]
        remaining[tile.index] = False
    return output


def interpolated(error: Tensor, size: Sequence[int]) -> Tensor:
    """Expected errors (1, 1, h, w) at another size; not by splines, which could fall below 0."""
    return F.interpolate(error, size=tuple(size), mode="bilinear", align_corners=False)


def _around_hole(hole: Tensor) -> Box:
    """The part of a picture with the hole (H, W) bool that its texture is taken from."""
    height, width = hole.shape
    box = Box.around(hole.cpu().numpy())
    if height * width <= SMALL_PIXELS or box is None:
        return Box(0, 0, height, width)
    # (a + 2 m) (b + 2 m) = area, for the margin m
    area = max(SMALL_PIXELS, SURROUNDINGS_AREA * box.area)
    half = sum(box.size) / 2
    margin = (math.sqrt(half**2 + area - box.area) - half) / 2
    return box.extended(int(margin), (height, width))
