"""Shapes of holes: edges, sides, specks. A hole is (H, W) bool, True = hole."""

from dataclasses import dataclass

import cv2
import numpy as np

SPECK = 4  # pixels
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


@dataclass(frozen=True)
class Specks:
    """How many parts of a hole, and of what is known, have at most `SPECK` pixels, and how many parts there are."""

    holes: int
    all_holes: int
    islands: int
    all_islands: int


def edge_of(hole: np.ndarray) -> np.ndarray:
    """Pixels, (H, W) bool, one of whose four neighbours is on the other side of the hole's edge."""
    edge = np.zeros_like(hole)
    across, down = hole[:, 1:] != hole[:, :-1], hole[1:] != hole[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return edge


def widened(where: np.ndarray, pixels: int) -> np.ndarray:
    """`where` (H, W) bool and all that is at most so many steps to a neighbour away from it."""
    return cv2.dilate(where.astype(np.uint8), _CROSS, iterations=pixels).astype(bool)


def border_share(hole: np.ndarray) -> float:
    """Share of the outermost pixels that are hole."""
    inner = np.zeros(hole.shape, bool)
    inner[1:-1, 1:-1] = True
    return float(hole[~inner].mean())


def sides_reached(hole: np.ndarray) -> dict[str, float]:
    """The sides of the picture that the hole reaches, with the share of each that is hole."""
    sides = {"top": hole[0], "bottom": hole[-1], "left": hole[:, 0], "right": hole[:, -1]}
    return {name: float(side.mean()) for name, side in sides.items() if side.any()}


def count_specks(hole: np.ndarray) -> Specks:
    """Count small parts; parts of a hole touch by corners too, parts of what is known by sides alone."""
    holes, islands = _areas(hole, 8), _areas(~hole, 4)
    return Specks(int((holes <= SPECK).sum()), len(holes), int((islands <= SPECK).sum()), len(islands))


def _areas(where: np.ndarray, connectivity: int) -> np.ndarray:
    """Pixels of every connected part."""
    _, _, statistics, _ = cv2.connectedComponentsWithStats(where.astype(np.uint8), connectivity=connectivity)
    return statistics[1:, cv2.CC_STAT_AREA]
