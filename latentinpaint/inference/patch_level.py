"""A picture at one scale, for patches: where they come from, and where they go to.

A *target* is a patch that touches the hole, a *source* one whose middle is known. A patch is named by its centre.
What belongs to targets is held for the *window* alone, the box around all of them.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from latentinpaint.inference.crops import Box

BLUR = 4  # radius in pixels of the full scale of the blurred colours


@dataclass(frozen=True)
class PatchShape:
    """What the patches of a level are like.

    Attributes:
        radius: patches have 2 radius + 1 pixels a side.
        known_radius: the middle 2 known_radius + 1 pixels a side of a source are known; at most `radius`.
        depth: how many times more a patch counts than one that lies 4 pixels of the full scale deeper in the hole.
    """

    radius: int
    known_radius: int
    depth: float

    @property
    def side(self) -> int:
        return 2 * self.radius + 1


@dataclass(frozen=True)
class SearchWeights:
    """What the terms of the distance weigh, see `latentinpaint.inference.texture.PatchTexture`.

    unknown: what a pixel of a source adds that lies in the hole.
    """

    guidance: float
    contrast: float
    filled: float
    unknown: float


@dataclass(frozen=True)
class ScaledPicture:
    """A picture with its fill at one scale.

    Attributes:
        factor: by how much the scale is smaller.
        known: (h, w, 3), the sums of the known pixels of every cell divided by the number of all its pixels.
        share: (h, w), the known pixels' share of every cell.
        guide: (h, w, 3), the means of known pixels and fill.
        weight: (h, w), of the guidance; None is 1.
    """

    factor: int
    known: np.ndarray
    share: np.ndarray
    guide: np.ndarray
    weight: np.ndarray | None = None

    @classmethod
    def full(cls, guide: np.ndarray, hole: np.ndarray, weight: np.ndarray | None = None) -> "ScaledPicture":
        """The picture (H, W, 3) as it is, float32 with its fill; the hole is (H, W) bool, the weight (H, W)."""
        share = np.where(hole, np.float32(0), np.float32(1))
        return cls(1, guide * share[..., None], share, guide, weight)

    def halved(self) -> "ScaledPicture":
        """The same with cells of 2 x 2; a row or column that is left over is left out."""
        weight = self.weight
        if weight is not None:
            weight = _halved(weight)
        return ScaledPicture(2 * self.factor, _halved(self.known), _halved(self.share), _halved(self.guide), weight)


class PatchLevel:
    """Sources and targets at one scale.

    Args:
        picture: the picture at this scale, h rows and w columns.
        shape: of the patches.

    Attributes:
        factor: of the picture.
        hole: (h, w) bool, the pixels of which less than half is known.
        colours: (h, w, 3), the known pixels' means, in the hole those of the guide.
        sources: (h, w) bool, the centres of sources.
        window: the box around all targets; None where there are none.
        targets: (a, b) bool in the window, the centres of targets.
        depth_penalty: (a, b), what a target's vote loses for its depth.
        guidance_weight: (a, b); None is 1.
    """

    def __init__(self, picture: ScaledPicture, shape: PatchShape) -> None:
        self.factor = picture.factor
        self.shape = shape
        self.hole = picture.share < 0.5
        self.colours = picture.guide
        if picture.factor > 1:
            means = picture.known / np.maximum(picture.share, 0.5)[..., None]
            self.colours = np.where(self.hole[..., None], picture.guide, means)
        self.sources = _inside(self.hole.shape, shape.known_radius)
        self.sources &= ~_dilated(self.hole, shape.known_radius)
        touched = _dilated(self.hole, shape.radius)
        self.window = Box.around(touched)
        if self.window is None:
            return
        self.targets = np.ascontiguousarray(touched[self.window.index[1:]])
        distance = distance_transform_edt(self.hole[self.window.index[1:]]).astype(np.float32)
        self.depth_penalty = distance * np.float32(self.factor / 4 * math.log(shape.depth))
        self.guidance_weight = None
        if picture.weight is not None:
            self.guidance_weight = np.ascontiguousarray(picture.weight[self.window.index[1:]])

    def blurred(self) -> np.ndarray:
        """(h, w, 3): the colours without detail."""
        radius = max(1, BLUR // self.factor)
        return box_mean(box_mean(self.colours, radius), radius)

    def contrast(self) -> np.ndarray:
        """(h, w): the standard deviation within the patches."""
        radius = self.shape.radius
        variance = box_mean(self.colours**2, radius) - box_mean(self.colours, radius) ** 2
        return np.sqrt(np.maximum(variance.mean(axis=2), np.float32(1e-5)))


def box_mean(picture: np.ndarray, radius: int) -> np.ndarray:
    """(H, W) or (H, W, C) averaged over squares of 2 radius + 1 pixels a side; the edges are repeated."""
    side = 2 * radius + 1
    return cv2.blur(picture, (side, side), borderType=cv2.BORDER_REPLICATE)


def _halved(picture: np.ndarray) -> np.ndarray:
    height = picture.shape[0] // 2
    width = picture.shape[1] // 2
    return cv2.resize(picture[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)


def _dilated(hole: np.ndarray, radius: int) -> np.ndarray:
    if not radius:
        return hole
    square = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    return cv2.dilate(hole.view(np.uint8), square).view(bool)


def _inside(size: tuple[int, int], radius: int) -> np.ndarray:
    """(h, w) bool, the centres of squares of 2 radius + 1 pixels a side that lie within the picture."""
    inside = np.zeros(size, bool)
    inside[radius : size[0] - radius, radius : size[1] - radius] = True
    return inside
