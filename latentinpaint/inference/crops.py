"""Windows around holes: which parts of a large picture have to pass the networks.

A hole's window is its bounding box, widened on all four sides by the context, and to the least side if that is more,
moved into the picture where it hangs over, and aligned to the stride, so that its cells are cells of the picture.
Windows that overlap become one, the box around both, until all are disjoint. Holes that lie much closer than the
context count as one hole from the start.
"""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True, order=True)
class Window:
    """Rows `top` to `bottom`, columns `left` to `right`, both ends as in slices, in pixels."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def area(self) -> int:
        return (self.bottom - self.top) * (self.right - self.left)

    @property
    def inside(self) -> tuple[object, slice, slice]:
        """The index of the window in a tensor (…, H, W)."""
        return (..., slice(self.top, self.bottom), slice(self.left, self.right))

    def overlaps(self, other: "Window") -> bool:
        """Whether a pixel is in both."""
        rows = self.top < other.bottom and other.top < self.bottom
        return rows and self.left < other.right and other.left < self.right

    def around(self, other: "Window") -> "Window":
        """The smallest window that holds both."""
        return Window(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )


@dataclass(frozen=True)
class Crop:
    """How much of a picture around its holes passes the networks.

    Attributes:
        context: pixels around a hole's bounding box, at least.
        fraction: the same as a fraction of the hole's extent, the longer side of its box; the larger of both counts.
        least_side: no side of a window is shorter than this, unless the picture's is.
        share: windows are used if together they are at most this share of the picture.
    """

    context: int = 128
    fraction: float = 1.0
    least_side: int = 256
    share: float = 0.5

    def windows(self, hole: np.ndarray, stride: int) -> list[Window]:
        """Disjoint windows, from top to bottom, that hold all holes; the whole picture if that is not worth it.

        Args:
            hole: (H, W) bool.
            stride: of the autoencoder, in pixels.
        """
        whole = Window(0, 0, *hole.shape)
        found = _merged([self._window(box, hole.shape, stride) for box in _boxes(hole, self.context)])
        worth = sum(window.area for window in found) <= self.share * whole.area
        return found if found and worth else [whole]

    def _window(self, box: Window, size: tuple[int, int], stride: int) -> Window:
        extent = max(box.bottom - box.top, box.right - box.left)
        context = max(self.context, int(np.ceil(self.fraction * extent)))
        top, bottom = self._span(box.top, box.bottom, context, size[0], stride)
        left, right = self._span(box.left, box.right, context, size[1], stride)
        return Window(top, left, bottom, right)

    def _span(self, first: int, last: int, context: int, size: int, stride: int) -> tuple[int, int]:
        """One side of a window: `first` to `last` widened, within 0 … size."""
        missing = max(0, self.least_side - (last - first) - 2 * context)
        start, stop = first - context - missing // 2, last + context + (missing + 1) // 2
        # What hangs over one edge is context on the other side.
        start, stop = start - max(0, stop - size), stop - min(0, start)
        start, stop = max(0, start) // stride * stride, -(-min(size, stop) // stride) * stride
        return start, min(size, stop)


def _boxes(hole: np.ndarray, reach: int) -> list[Window]:
    """Bounding boxes of the holes (H, W) bool; those within half of `reach` share one, distant ones do not."""
    # Holes of blocks that touch, corners included, are less than two steps apart.
    step = min(max(8, reach // 2), max(hole.shape))
    rows, columns = (-(-side // step) for side in hole.shape)
    padded = np.zeros((rows * step, columns * step), bool)
    padded[: hole.shape[0], : hole.shape[1]] = hole
    blocks = padded.reshape(rows, step, columns, step).any(axis=(1, 3))
    count, _, stats, _ = cv2.connectedComponentsWithStats(blocks.astype(np.uint8), connectivity=8)
    found = []
    for left, top, wide, tall, _ in stats[1:count] * step:
        # Another hole that reaches into these blocks is so near that the windows of both would be merged anyway.
        y, x = np.nonzero(padded[top : top + tall, left : left + wide])
        found.append(Window(int(top + y.min()), int(left + x.min()), int(top + y.max()) + 1, int(left + x.max()) + 1))
    return found


def _merged(windows: list[Window]) -> list[Window]:
    """Disjoint windows that hold all of these, sorted."""
    disjoint: list[Window] = []
    for window in windows:
        # A grown window may reach others that were disjoint before.
        while met := [other for other in disjoint if other.overlaps(window)]:
            disjoint = [other for other in disjoint if other not in met]
            for other in met:
                window = window.around(other)
        disjoint.append(window)
    return sorted(disjoint)
