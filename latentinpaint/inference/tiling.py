"""Texture of large pictures, tile by tile."""

import itertools

from torch import Tensor

from latentinpaint.hole import is_hole
from latentinpaint.inference.crops import Box
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.pipeline import composite

TILE = 640  # pixels, side of a tile
SURROUNDINGS = 160  # pixels around a tile that its texture can be copied from


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
        return remaining[_with_surroundings(tile, height, width).index].float().mean().item()

    while tiles:
        tile = min(tiles, key=unknown_fraction)
        tiles.remove(tile)
        outer = _with_surroundings(tile, height, width)
        part = output[outer.index]
        textured = texture(part, part, remaining[outer.index].float())
        inner = Box(tile.top - outer.top, tile.left - outer.left, tile.bottom - outer.top, tile.right - outer.left)
        output[tile.index] = textured[inner.index]
        remaining[tile.index] = False
    return output


def _with_surroundings(tile: Box, height: int, width: int) -> Box:
    return Box(
        max(0, tile.top - SURROUNDINGS),
        max(0, tile.left - SURROUNDINGS),
        min(height, tile.bottom + SURROUNDINGS),
        min(width, tile.right + SURROUNDINGS),
    )
