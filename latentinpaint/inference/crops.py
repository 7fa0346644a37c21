"""Crops around holes: which parts of a large picture have to pass the networks.

The crop of a hole is its bounding box, extended on all four sides by the context, and to the minimum side if that is
more, moved into the picture where it hangs over, and aligned to the stride, so that its cells are cells of the
picture. Crops that overlap become one, the box around both, until all are disjoint. Holes that lie much closer than
the context count as one hole from the start.
"""

from dataclasses import dataclass
from types import EllipsisType

import cv2
import numpy as np


@dataclass(frozen=True, order=True)
class Box:
    """Rows `top` to `bottom`, columns `left` to `right`, both ends as in slices, in pixels."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left

    @property
    def area(self) -> int:
        height, width = self.size
        return height * width

    @property
    def index(self) -> tuple[EllipsisType, slice, slice]:
        """The index of the box in a tensor (…, H, W)."""
        return (..., slice(self.top, self.bottom), slice(self.left, self.right))

    @classmethod
    def around(cls, mask: np.ndarray) -> "Box | None":
        """The smallest box with all pixels of a mask (H, W) bool; None if it has none."""
        rows = np.flatnonzero(mask.any(axis=1))
        columns = np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            return None
        return cls(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)

    def extended(self, margin: int, size: tuple[int, int]) -> "Box":
        """With so many pixels more on every side, as far as a picture of this height and width goes."""
        height, width = size
        return Box(
            max(0, self.top - margin),
            max(0, self.left - margin),
            min(height, self.bottom + margin),
            min(width, self.right + margin),
        )

    def is_inside(self, size: tuple[int, int]) -> bool:
        """Whether it has pixels, all of them in a picture of this height and width."""
        height, width = size
        return 0 <= self.top < self.bottom <= height and 0 <= self.left < self.right <= width

    def overlaps(self, other: "Box") -> bool:
        """Whether a pixel is in both."""
        rows = self.top < other.bottom and other.top < self.bottom
        return rows and self.left < other.right and other.left < self.right

    def union(self, other: "Box") -> "Box":
        """The smallest box that contains both."""
        return Box(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )


@dataclass(frozen=True)
class CropPolicy:
    """How much of a picture around its holes passes the networks.

    Attributes:
        context: pixels around a hole's bounding box, at least.
        fraction: the same as a fraction of the hole's extent, the longer side of its box; the larger of both counts.
        min_side: no side of a crop is shorter than this, unless the picture's is.
        max_area: crops are used if together they are at most this fraction of the picture.
    """

    context: int = 128
    fraction: float = 1.0
    min_side: int = 256
    max_area: float = 0.5

    def crops(self, mask: np.ndarray, stride: int) -> list[Box]:
        """Disjoint boxes, from top to bottom, that contain all holes; the whole picture if that is not worth it.

        Args:
            mask: (H, W) bool, True = hole.
            stride: of the autoencoder, in pixels.
        """
        height, width = mask.shape
        whole = Box(0, 0, height, width)
        crops = [self._crop(box, whole, stride) for box in _bounding_boxes(mask, self.context)]
        crops = _merge_overlapping(crops)
        total_area = sum(crop.area for crop in crops)
        if not crops or total_area > self.max_area * whole.area:
            return [whole]
        return crops

    def _crop(self, box: Box, whole: Box, stride: int) -> Box:
        context = max(self.context, int(np.ceil(self.fraction * max(box.size))))
        top, bottom = self._extend(box.top, box.bottom, context, whole.bottom, stride)
        left, right = self._extend(box.left, box.right, context, whole.right, stride)
        return Box(top, left, bottom, right)

    def _extend(self, first: int, last: int, context: int, size: int, stride: int) -> tuple[int, int]:
        """One axis of a crop: `first` to `last` extended, within 0 … size."""
        missing = max(0, self.min_side - (last - first) - 2 * context)
        start = first - context - missing // 2
        stop = last + context + (missing + 1) // 2
        # What hangs over one edge is context on the other side.
        over_start = max(0, -start)
        over_stop = max(0, stop - size)
        start = max(0, start - over_stop)
        stop = min(size, stop + over_start)
        aligned_stop = -(-stop // stride) * stride
        return start // stride * stride, min(size, aligned_stop)


def _bounding_boxes(mask: np.ndarray, reach: int) -> list[Box]:
    """Of the holes of a mask (H, W) bool; those within half of `reach` share one, distant ones do not."""
    # Holes of blocks that touch, corners included, are less than two steps apart.
    step = min(max(8, reach // 2), max(mask.shape))
    rows = -(-mask.shape[0] // step)
    columns = -(-mask.shape[1] // step)
    padded = np.zeros((rows * step, columns * step), bool)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    blocks = np.asarray(padded.reshape(rows, step, columns, step).any(axis=(1, 3)), np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(blocks, connectivity=8)
    boxes = []
    for left, top, width, height, _ in stats[1:count] * step:
        # Another hole that reaches into these blocks is so near that the crops of both would be merged anyway.
        y, x = np.nonzero(padded[top : top + height, left : left + width])
        box = Box(int(top + y.min()), int(left + x.min()), int(top + y.max()) + 1, int(left + x.max()) + 1)
        boxes.append(box)
    return boxes


def _merge_overlapping(boxes: list[Box]) -> list[Box]:
    """Disjoint boxes that contain all of these, sorted."""
    disjoint: list[Box] = []
    for box in boxes:
        # A union may overlap others that were disjoint before.
        while overlapping := list(filter(box.overlaps, disjoint)):
            for other in overlapping:
                disjoint.remove(other)
                box = box.union(other)
        disjoint.append(box)
    return sorted(disjoint)
