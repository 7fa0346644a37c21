"""A picture and its hole at several sizes."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


def scale_sizes(height: int, width: int, smallest_side: int) -> list[tuple[int, int]]:
    """Sizes (h, w) of a pyramid from small to large, evenly spaced, none more than twice the one below.

    The first one's shorter side is `smallest_side`, the last one is (height, width).
    """
    ratio = min(height, width) / smallest_side
    if ratio <= 1:
        return [(height, width)]
    count = math.ceil(math.log2(ratio) - 1e-9)
    shrinks = (ratio ** -(number / count) for number in range(count, 0, -1))
    return [*((round(height * shrink), round(width * shrink)) for shrink in shrinks), (height, width)]


@dataclass(frozen=True)
class Scale:
    """One scale of the pyramid: picture (B, 3, h, w) with zeros in the hole, and hole (B, 1, h, w), 0 or 1."""

    image: Tensor
    hole: Tensor

    @classmethod
    def of(cls, image: Tensor, hole: Tensor, size: tuple[int, int]) -> "Scale":
        """A hidden picture and its hole scaled down; a pixel that any of the hole went into is hole."""
        if tuple(image.shape[-2:]) == size:
            return cls(image, hole)
        return cls(scaled_down(image, size), (scaled_down(hole, size) > 0).to(hole))


def scaled_down(x: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, C, H, W) blurred by a triangle as wide as two of the new pixels, and scaled down to `size`."""
    return F.interpolate(x, size=size, mode="bilinear", antialias=True, align_corners=False)


def eroded(hole: Tensor, pixels: int) -> Tensor:
    """The hole (B, 1, h, w) without `pixels` along its border; the hole itself where nothing would be left of it."""
    if not pixels:
        return hole
    inner = 1 - F.max_pool2d(1 - hole, 2 * pixels + 1, stride=1, padding=pixels)
    return torch.where(inner.amax(dim=(1, 2, 3), keepdim=True) > 0, inner, hole)
