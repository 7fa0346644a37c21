"""Parts of a picture that are measured by themselves, and classes of holes.

Conventions. Masks are `(B,1,H,W)`, 1 = hole. The distance of a pixel to the hole's border is Euclidean, in pixels,
from its centre to the nearest pixel centre on the other side, so the pixels along the border have distance 1.

    hole     the hole's own pixels
    band     the seam: pixels on either side whose distance to the border is at most 1/32 of the shorter side (8 of
             256), at least 1. What a model leaves there is what an eye finds first.
    width    of a hole: twice the largest distance inside it, the diameter of its widest place

What lies beyond the picture's edge is neither hole nor known: a hole that runs off the picture has no border there.
"""

import cv2
import numpy as np
import torch
from torch import Tensor

from latentinpaint.hole import check_unit_mask, is_hole

BAND = 1 / 32

# Widths relative to the shorter side, from and below; a hole below 16 of 256 pixels is a scratch, from 64 an object.
WIDTHS: dict[str, tuple[float, float]] = {
    "scratch": (0.0, 1 / 16),
    "narrow": (1 / 16, 1 / 8),
    "medium": (1 / 8, 1 / 4),
    "wide": (1 / 4, float("inf")),
}
DECILES = 10


def border_distance(mask: Tensor) -> Tensor:
    """The distance of each pixel to the nearest one that is hole if it is not, or known: (B,1,H,W), inf without."""
    check_unit_mask(mask)
    holes = is_hole(mask[:, 0]).cpu().numpy()
    return torch.from_numpy(np.stack([_distance(hole) for hole in holes]))[:, None]


def band(mask: Tensor, width: int | None = None) -> Tensor:
    """The seam of each hole (B,1,H,W) as 0 and 1, `width` pixels deep on either side; None is `BAND` of the side."""
    if width is None:
        width = max(1, round(BAND * min(mask.shape[-2:])))
    return (border_distance(mask) <= width).to(mask)


def hole_width(mask: Tensor) -> list[float]:
    """The diameter of each hole's widest place, in pixels; 0 without a hole, inf where nothing is known."""
    inside = torch.where(is_hole(mask.cpu()), border_distance(mask), 0)
    return (2 * inside.amax(dim=(1, 2, 3))).tolist()


def width_class(width: float, side: int) -> str:
    """The class, a key of `WIDTHS`, of a hole so many pixels wide in a picture whose shorter side is `side`."""
    relative = width / side
    for name, (low, high) in WIDTHS.items():
        if low <= relative < high:
            return name
    return "wide"


def decile(fraction: float) -> int:
    """Which tenth of the picture's area a hole covers: 0 for up to 10 %, 9 for above 90 % (LaMa's classes)."""
    return min(DECILES - 1, max(0, int(np.ceil(round(fraction * DECILES, 6))) - 1))


def _distance(hole: np.ndarray) -> np.ndarray:
    """(H, W) float32, for bool (H, W)."""
    if hole.all() or not hole.any():
        return np.full(hole.shape, np.inf, np.float32)
    inside = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outside = cv2.distanceTransform((~hole).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # Squares of these distances are whole numbers. OpenCV's last digit depends on where in memory the picture lies,
    # and a pixel must not be in the band on one day and out of it on the next. (Exact up to about 1000 pixels.)
    return np.sqrt(np.rint(np.square(np.where(hole, inside, outside), dtype=np.float64))).astype(np.float32)
