"""Texture of large pictures, tile by tile."""

from torch import Tensor

from latentinpaint.inference.crops import Window
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.pipeline import composite, is_hole

TILE, SURROUNDINGS = 640, 160  # pixels: sides of a tile, and what is seen around it


def paint_tiles(texture: PatchTexture, image: Tensor, fill: Tensor, mask: Tensor) -> Tensor:
    """One picture (1, 3, H, W) painted tile by tile, each knowing those before it; memory is that of one tile.

    The tile of whose surroundings most is known is always the next: what nothing is known around waits.
    """
    answer = composite(image, fill, mask)
    left_over = is_hole(mask).clone()
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
