# ruff: noqa: ANN001, ANN202
"""Which contrast to expect in the hole: that of known places of like blurred colours at the coarsest level."""

import cv2
import numpy as np

from latentinpaint.inference.compilation import compiled
from latentinpaint.inference.patch_level import PatchLevel, box_mean

NEIGHBOURS = 30  # known places whose mean contrast is expected
MAX_SAMPLED = 1500  # sources that stand for all
REACH = 1  # places are compared by their surroundings of 2 REACH + 1 pixels a side


class ContrastPrior:
    """The contrast to expect in the hole, at any level.

    Args:
        coarse: the coarsest level, with at least `NEIGHBOURS` sources.
    """

    def __init__(self, coarse: PatchLevel) -> None:
        self.coarse = coarse
        rows, columns = np.nonzero(coarse.sources)
        step = max(1, len(rows) // MAX_SAMPLED)
        known = rows[::step] * coarse.sources.shape[1] + columns[::step]
        assert coarse.window is not None
        rows, columns = np.nonzero(coarse.targets)
        self.positions = (rows + coarse.window.top) * coarse.sources.shape[1] + columns + coarse.window.left
        colours = _surroundings(box_mean(coarse.blurred(), 1))
        nearest = np.empty((len(self.positions), NEIGHBOURS), np.int64)
        _find_nearest(colours[self.positions], colours[known], nearest)
        self.neighbours = known[nearest]  # (T, NEIGHBOURS)

    def expected(self, level: PatchLevel, contrast: np.ndarray) -> np.ndarray:
        """(a, b) float32 for the window of a level, whose contrast is (h, w)."""
        height, width = self.coarse.sources.shape
        contrast = cv2.resize(contrast, (width, height), interpolation=cv2.INTER_AREA)
        flat = contrast.ravel()
        flat[self.positions] = flat[self.neighbours].mean(axis=1)
        assert level.window is not None
        ratio = self.coarse.factor / level.factor
        rows = (np.arange(level.window.top, level.window.bottom) + 0.5) / ratio - 0.5
        columns = (np.arange(level.window.left, level.window.right) + 0.5) / ratio - 0.5
        return _interpolated(_interpolated(contrast, rows).T, columns).T.copy()


def _surroundings(picture: np.ndarray) -> np.ndarray:
    """(h w, 3 (2 REACH + 1)^2): for every pixel of (h, w, 3) those around it; the edges are repeated."""
    padded = np.pad(picture, ((REACH, REACH), (REACH, REACH), (0, 0)), mode="edge")
    side = 2 * REACH + 1
    around = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(0, 1))
    return np.ascontiguousarray(around.reshape(picture.shape[0] * picture.shape[1], -1))


def _interpolated(picture: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(h, w) at rows in between, linearly; beyond the first and the last one these are repeated."""
    rows = rows.clip(0, len(picture) - 1)
    above = np.floor(rows).astype(int)
    below = np.minimum(above + 1, len(picture) - 1)
    part = (rows - above).astype(np.float32)[:, None]
    return picture[above] * (1 - part) + picture[below] * part


@compiled("void(float32[:, ::1], float32[:, ::1], int64[:, ::1])")
def _find_nearest(wanted, known, nearest):
    """For every row of (T, D) the numbers of the rows of (S, D) that are nearest, into (T, K) from the nearest on."""
    count = nearest.shape[1]
    distances = np.empty(count, np.float32)
    for row in range(len(wanted)):
        distances[:] = np.float32(3e38)
        for number in range(len(known)):
            distance = np.float32(0)
            for place in range(wanted.shape[1]):
                difference = wanted[row, place] - known[number, place]
                distance += difference * difference
            if distance >= distances[count - 1]:
                continue
            slot = count - 1
            while slot > 0 and distances[slot - 1] > distance:
                distances[slot] = distances[slot - 1]
                nearest[row, slot] = nearest[row, slot - 1]
                slot -= 1
            distances[slot] = distance
            nearest[row, slot] = number
