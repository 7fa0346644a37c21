"""Pictures that are alike: a small perceptual hash, and a thumbnail that confirms it.

The hash is 128 signs: of the picture's grey, averaged over 9 x 8 cells, whether each cell is lighter than its left
neighbour, and, over 8 x 9 cells, than the one above. Brightness, contrast, scale and compression change few signs.
Where a picture is flat the signs are chance, so the candidates that differ in at most `MOST_SIGNS` are compared once
more: the correlation of their thumbnails, 32 x 32 greys, has to be at least `LEAST_CORRELATION`.

Found are copies that were scaled, squeezed, compressed, brightened or decoloured; not those that were mirrored,
turned or cropped by more than two per cent.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

MOST_SIGNS = 20
LEAST_CORRELATION = 0.95
THUMBNAIL = 32
_ROWS = 1024


@dataclass(frozen=True, eq=False)
class Print:
    """What a picture is recognised by: signs (128,) bool and thumbnail (32, 32) uint8."""

    signs: np.ndarray
    thumbnail: np.ndarray


def print_of(grey: np.ndarray) -> Print:
    """The print of a picture's grey (H, W), uint8 or float."""
    grey = grey.astype(np.float32)
    across, down = _averaged(grey, 8, 9), _averaged(grey, 9, 8)
    signs = np.concatenate([(np.diff(across, axis=1) > 0).ravel(), (np.diff(down, axis=0) > 0).ravel()])
    return Print(signs, np.rint(_averaged(grey, THUMBNAIL, THUMBNAIL)).astype(np.uint8))


def alike(first: list[Print], second: list[Print] | None = None) -> Iterator[tuple[int, int]]:
    """Pairs of numbers (in `first`, in `second`) of pictures that are alike; within `first` alone, each pair once."""
    other = first if second is None else second
    if not first or not other:
        return
    columns, thumbs = _as_signs(other), [_normalised(p.thumbnail) for p in other]
    for start in range(0, len(first), _ROWS):
        rows = _as_signs(first[start : start + _ROWS])
        # With signs of -1 and 1, each of the n equal signs adds 1 to the product and each other one takes 1.
        differing = (rows.shape[1] - rows @ columns.T) / 2
        for row, column in np.argwhere(differing <= MOST_SIGNS):
            one = start + int(row)
            if second is None and column <= one:
                continue
            if float((_normalised(first[one].thumbnail) * thumbs[column]).sum()) >= LEAST_CORRELATION:
                yield one, int(column)


def _averaged(grey: np.ndarray, rows: int, columns: int) -> np.ndarray:
    return cv2.resize(grey, (columns, rows), interpolation=cv2.INTER_AREA)


def _as_signs(prints: list[Print]) -> np.ndarray:
    return np.stack([p.signs for p in prints]).astype(np.float32) * 2 - 1


def _normalised(thumbnail: np.ndarray) -> np.ndarray:
    """Zero mean and unit length, so that a product's sum is the correlation; zero where it is flat."""
    centred = thumbnail.astype(np.float32) - thumbnail.mean()
    length = float(np.sqrt((centred**2).sum()))
    return centred / length if length > THUMBNAIL else np.zeros_like(centred)  # a deviation of one level
