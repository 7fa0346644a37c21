"""Pictures that are alike: a small perceptual hash, and a thumbnail that confirms it.

The hash is 128 bits: of the picture's grey, averaged over 9 x 8 cells, whether each cell is lighter than its left
neighbour, and, over 8 x 9 cells, than the one above. Brightness, contrast, scale and compression change few bits.
Where a picture is flat the bits are chance, so the candidates that differ in at most `MAX_DIFFERING_BITS` are
compared once more: the correlation of their thumbnails, 32 x 32 greys, has to be at least `MIN_CORRELATION`.

Found are copies that were scaled, squeezed, compressed, brightened or decoloured; not those that were mirrored,
turned or cropped by more than two per cent.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

MAX_DIFFERING_BITS = 20
MIN_CORRELATION = 0.95
THUMBNAIL = 32
_BLOCK = 1024  # pictures that are compared with all others at a time


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """What a picture is recognised by: hash bits (128,) bool and a thumbnail (32, 32) uint8."""

    bits: np.ndarray
    thumbnail: np.ndarray


def fingerprint_of(grey: np.ndarray) -> Fingerprint:
    """The fingerprint of a picture's grey (H, W), uint8 or float."""
    grey = grey.astype(np.float32)
    across = np.diff(_cell_means(grey, 8, 9), axis=1) > 0
    down = np.diff(_cell_means(grey, 9, 8), axis=0) > 0
    bits = np.concatenate([across.ravel(), down.ravel()])
    return Fingerprint(bits, np.rint(_cell_means(grey, THUMBNAIL, THUMBNAIL)).astype(np.uint8))


def similar_pairs(first: list[Fingerprint], second: list[Fingerprint] | None = None) -> Iterator[tuple[int, int]]:
    """Pairs of indices (into `first`, into `second`) of pictures that are alike; within `first` alone, each once."""
    others = second
    if second is None:
        others = first
    if not first or not others:
        return
    other_signs = _signs(others)
    for start in range(0, len(first), _BLOCK):
        signs = _signs(first[start : start + _BLOCK])
        # With signs of -1 and 1, each of the n equal bits adds 1 to the product and each other one takes 1.
        differing = (signs.shape[1] - signs @ other_signs.T) / 2
        for row, column in np.argwhere(differing <= MAX_DIFFERING_BITS).tolist():
            index = start + row
            if second is None and column <= index:
                continue
            if _correlation(first[index].thumbnail, others[column].thumbnail) >= MIN_CORRELATION:
                yield index, column


def _cell_means(grey: np.ndarray, rows: int, columns: int) -> np.ndarray:
    return cv2.resize(grey, (columns, rows), interpolation=cv2.INTER_AREA)


def _signs(fingerprints: list[Fingerprint]) -> np.ndarray:
    """The hash bits as -1 and 1, (N, 128) float32."""
    bits = np.stack([fingerprint.bits for fingerprint in fingerprints])
    return bits.astype(np.float32) * 2 - 1


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    return float((_normalised(first) * _normalised(second)).sum())


def _normalised(thumbnail: np.ndarray) -> np.ndarray:
    """Zero mean and unit length, so that a product's sum is the correlation; zero where it is flat."""
    centred = thumbnail.astype(np.float32) - thumbnail.mean()
    length = float(np.sqrt((centred**2).sum()))
    if length <= THUMBNAIL:  # a standard deviation of one level
        return np.zeros_like(centred)
    return centred / length
