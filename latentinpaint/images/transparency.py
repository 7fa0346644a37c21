"""Transparency: which colours are seen, and what becomes of the alpha of a hole.

Conventions
- Alpha is (H, W) float32 in [0, 1], straight, a hole (H, W) bool.
- A colour beneath (nearly) no alpha is hidden: whatever stands there, nobody chose it, so it is as unknown as a hole.
- What a hole holds is replaced, its alpha too, by what is around it. Where the alpha along the edge of a connected
  hole is the same all the way, the hole gets this alpha: opaque in a photograph, also where an object was erased to
  transparency; transparent beside a sticker. Where it varies, it is filled like a grey picture.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation, distance_transform_edt, find_objects, label

# Of 255, so that nothing that such a colour does to any background is plainly seen; where colours were stored
# multiplied by alpha, they are wrong by more than 16 levels below it.
MIN_VISIBLE_ALPHA = 8 / 255
EDGE = 2  # pixels around a hole that its alpha is judged by
TOLERANCE = 8 / 255  # alphas that differ by no more are the same: lossy formats blur them
MARGIN = 0.1  # fraction of the range in which a filled alpha counts as the nearest end of the range
_NEIGHBOURS = np.ones((3, 3), bool)


@dataclass(frozen=True)
class HoleAlpha:
    """The alpha of a picture whose holes are to be filled.

    Attributes:
        alpha: (H, W) float32; what it holds where it is still unknown means nothing.
        unknown: (H, W) bool, holes whose alpha varies along their edges.
        edge: (N,) the alphas along those.
    """

    alpha: np.ndarray
    unknown: np.ndarray
    edge: np.ndarray

    def completed(self, fill: np.ndarray) -> np.ndarray:
        """The alpha with the unknown part from `fill` (H, W).

        A fill is never quite 0 or 1, where a sticker is: it is stretched between the lowest and the highest alpha
        of the edge, and where there are no others, the nearer one is taken.
        """
        if not self.unknown.any():
            return self.alpha
        low = self.edge.min()
        high = self.edge.max()
        position = (np.clip(fill, low, high) - low) / (high - low)
        between = (self.edge > low + TOLERANCE) & (self.edge < high - TOLERANCE)
        if between.any():
            position = np.clip((position - MARGIN) / (1 - 2 * MARGIN), 0, 1)
        else:
            position = position > 0.5
        return np.where(self.unknown, low + (high - low) * position, self.alpha).astype(np.float32)


def hidden(alpha: np.ndarray) -> np.ndarray:
    """Where colours are not seen, (H, W) bool."""
    return alpha < MIN_VISIBLE_ALPHA


def continue_visible(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colours (H, W, C) with the nearest visible colour wherever one is hidden; as they are if none is visible."""
    unseen = hidden(alpha)
    if not unseen.any() or unseen.all():
        return colours
    rows, columns = distance_transform_edt(unseen, return_distances=False, return_indices=True)
    return colours[rows, columns]


def hole_alpha(alpha: np.ndarray, hole: np.ndarray) -> HoleAlpha:
    """The alpha of every connected hole from what is around it; a hole without surroundings is opaque."""
    filled = alpha.copy()
    unknown = np.zeros(hole.shape, bool)
    edges = [np.empty(0, np.float32)]
    for index, part in _connected_holes(hole):
        around = alpha[index][binary_dilation(part, _NEIGHBOURS, EDGE) & ~hole[index]]
        if not around.size:
            filled[index][part] = 1
        elif around.max() - around.min() <= TOLERANCE:
            filled[index][part] = np.median(around)
        else:
            unknown[index] |= part
            edges.append(around)
    return HoleAlpha(filled, unknown, np.concatenate(edges))


def _connected_holes(hole: np.ndarray) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    """For each connected hole its rows and columns with `EDGE` more on each side, and where it lies in them."""
    labels, _ = label(hole, _NEIGHBOURS)
    for number, (rows, columns) in enumerate(find_objects(labels), start=1):
        index = (
            slice(max(0, rows.start - EDGE), rows.stop + EDGE),
            slice(max(0, columns.start - EDGE), columns.stop + EDGE),
        )
        yield index, labels[index] == number
