"""A picture and its mask at several sizes."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


def pyramid_sizes(height: int, width: int, smallest_side: int) -> list[tuple[int, int]]:
    """Sizes (h, w) of a pyramid from small to large, evenly spaced, none more than twice the one below.

    The first one's shorter side is `smallest_side`, the last one is (height, width).
    """
    ratio = min(height, width) / smallest_side
    sizes = []
    if ratio > 1:
        count = math.ceil(math.log2(ratio) - 1e-9)
        for number in range(count, 0, -1):
            factor = ratio ** -(number / count)
            sizes.append((round(height * factor), round(width * factor)))
    return [*sizes, (height, width)]


@dataclass(frozen=True)
class PyramidLevel:
    """One level of the pyramid: picture (B, 3, h, w) with zeros in the hole, and mask (B, 1, h, w), 0 or 1."""

    image: Tensor
    mask: Tensor

    @classmethod
    def of(cls, image: Tensor, mask: Tensor, size: tuple[int, int]) -> "PyramidLevel":
        """A masked picture and its mask scaled down; a pixel that any of the hole went into is hole."""
        if tuple(image.shape[-2:]) == size:
            return cls(image, mask)
        return cls(scale_down(image, size), (scale_down(mask, size) > 0).to(mask))


def scale_down(x: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, C, H, W) blurred by a triangle as wide as two of the new pixels, and scaled down to `size`."""
    return F.interpolate(x, size=size, mode="bilinear", antialias=True, align_corners=False)


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, C, H, W) in [0, 1] scaled up to `size` by cubic splines, cut off at 0 and 1."""
    if tuple(x.shape[-2:]) == size:
        return x
    return F.interpolate(x, size=size, mode="bicubic", align_corners=False).clamp_(0, 1)


def erode(mask: Tensor, pixels: int) -> Tensor:
    """The hole of a mask (B, 1, h, w) without `pixels` along its border; all of it where nothing would be left."""
    if not pixels:
        return mask
    inner = 1 - F.max_pool2d(1 - mask, 2 * pixels + 1, stride=1, padding=pixels)
    return torch.where(inner.amax(dim=(1, 2, 3), keepdim=True) > 0, inner, mask)
