"""Shapes of holes: edges, sides, specks. A hole is (H, W) bool, True = hole."""

from dataclasses import dataclass

import cv2
import numpy as np

SPECK = 4  # pixels
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


@dataclass(frozen=True)
class SpeckCounts:
    """How many connected parts a mask has.

    Attributes:
        small_holes, small_islands: parts of the hole, and of what is known, of at most `SPECK` pixels.
        holes, islands: parts of any size.
    """

    small_holes: int
    holes: int
    small_islands: int
    islands: int


def edge_pixels(hole: np.ndarray) -> np.ndarray:
    """Pixels, (H, W) bool, one of whose four neighbours is on the other side of the hole's edge."""
    edge = np.zeros_like(hole)
    across = hole[:, 1:] != hole[:, :-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    down = hole[1:] != hole[:-1]
    edge[1:] |= down
    edge[:-1] |= down
    return edge


def dilate(where: np.ndarray, pixels: int) -> np.ndarray:
    """`where` (H, W) bool and all that is at most so many steps to a neighbour away from it."""
    return cv2.dilate(where.astype(np.uint8), _CROSS, iterations=pixels).astype(bool)


def border_fraction(hole: np.ndarray) -> float:
    """Fraction of the outermost pixels that are hole."""
    inner = np.zeros(hole.shape, bool)
    inner[1:-1, 1:-1] = True
    return float(hole[~inner].mean())


def fraction_of_sides(hole: np.ndarray) -> dict[str, float]:
    """The sides of the picture that the hole reaches, with the fraction of each that is hole."""
    sides = {"top": hole[0], "bottom": hole[-1], "left": hole[:, 0], "right": hole[:, -1]}
    return {name: float(side.mean()) for name, side in sides.items() if side.any()}


def count_specks(hole: np.ndarray) -> SpeckCounts:
    """Count small parts; parts of a hole touch by corners too, parts of what is known by sides alone."""
    holes = _component_areas(hole, connectivity=8)
    islands = _component_areas(~hole, connectivity=4)
    return SpeckCounts(
        small_holes=int((holes <= SPECK).sum()),
        holes=len(holes),
        small_islands=int((islands <= SPECK).sum()),
        islands=len(islands),
    )


def _component_areas(where: np.ndarray, connectivity: int) -> np.ndarray:
    """Pixels of every connected part."""
    _, _, statistics, _ = cv2.connectedComponentsWithStats(where.astype(np.uint8), connectivity=connectivity)
    return statistics[1:, cv2.CC_STAT_AREA]
