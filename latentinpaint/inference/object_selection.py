r"""Selecting an object, and its shadow, by a box or a line around it.

The object is found by GrabCut (Rother, Kolmogorov, Blake, "GrabCut: interactive foreground extraction using iterated
graph cuts", 2004; OpenCV's), on a reduced window of the photo; its outline is snapped to the edges of the full size
by a guided filter (He, Sun, Tang, "Guided image filtering", 2010).

A shadow takes away a share of the light, alike in all colours: with linear values :math:`I` of a pixel and :math:`G`
of the lit ground, the ratio :math:`I / G` is below 1 and nearly equal in red, green and blue. Where such pixels
touch the object and lie below its middle, they are its shadow.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from latentinpaint.errors import InputError
from latentinpaint.inference.blending import MaskDilation
from latentinpaint.inference.crops import Box

WORKING_SIDE = 448  # pixels of the longer side of the window that GrabCut sees
_CONTEXT = 0.6  # of the region's longer side that is seen around it
_LEAST_CONTEXT = 16  # pixels
_ITERATIONS = 4  # of GrabCut
_OPEN = 0.35  # of a line's extent that may be missing of an outline
_LEAST_PART = 0.05  # of the largest part of an object that a further part has at least
_PINHOLE = 0.02  # of the object's area; larger openings show what is behind
_FLATNESS = 1e-3  # of the guided filter, variance of a guide in [0, 1] that is no edge
_NEAR = 0.5  # of the square root of the object's area: how far the ground is looked at
_LIT_PERCENTILE = 75  # of the ground's values: the lit ground
_DARKEST, _LIGHTEST = 0.12, 0.82  # share of the light that is left in a shadow
_COLOUR_CHANGE = 0.16  # of that share, between the colours
_SHADOW_SIZES = (0.015, 2.0)  # of the object's area
_MOST_AT_EDGE = 1.0  # length at the window's edge over the square root of its area, of a shadow
_PENUMBRA = 2  # pixels that a shadow is grown by beside the object's


@dataclass(frozen=True)
class Selection:
    """What was found.

    Attributes:
        object: (H, W) bool.
        shadow: (H, W) bool, without the object; None if there is none.
    """

    object: np.ndarray
    shadow: np.ndarray | None


@dataclass(frozen=True)
class _Region:
    """What was pointed at.

    Attributes:
        box: around all pixels that may be the object's.
        possible: (H, W) bool, pixels that may be the object's.
        certain: (H, W) bool, pixels that are.
    """

    box: Box
    possible: np.ndarray
    certain: np.ndarray


def select_in_box(pixels: np.ndarray, box: Box, grow: int = 0) -> Selection:
    """The object in a box of a photo.

    Args:
        pixels: (H, W, 3) uint8.
        box: around the object; nothing outside of it belongs to it.
        grow: pixels that object and shadow are dilated by.

    Raises:
        InputError: if the box is not inside the photo, or `grow` is out of range.
    """
    height, width = pixels.shape[:2]
    if not box.is_inside((height, width)):
        raise InputError(f"the box is not inside the photo, which has {width}x{height} pixels")
    possible = np.zeros((height, width), bool)
    possible[box.index] = True
    return _select(pixels, _Region(box, possible, np.zeros_like(possible)), grow)


def select_by_line(pixels: np.ndarray, points: np.ndarray, width: float, grow: int = 0) -> Selection:
    """The object that a line was drawn around, or on.

    A line whose ends are near each other is an outline: nothing outside of it belongs to the object. Another one runs
    over the object, and its middle belongs to it.

    Args:
        pixels: (H, W, 3) uint8.
        points: (N, 2), x and y in pixels.
        width: of the line in pixels.
        grow: pixels that object and shadow are dilated by.

    Raises:
        InputError: if no point is inside the photo, or `grow` is out of range.
    """
    size = (pixels.shape[0], pixels.shape[1])
    reach = 2 * max(size)  # what is further away is not seen
    line = np.rint(np.clip(points, -reach, reach)).astype(np.int32).reshape(-1, 1, 2)
    if len(line) == 1:
        line = line.repeat(2, axis=0)  # of a single point nothing would be drawn
    thickness = max(1, round(min(width, reach)))
    drawn = np.zeros(size, np.uint8)
    cv2.polylines(drawn, [line], False, 1, thickness)
    certain = np.zeros(size, np.uint8)
    if _is_outline(line[:, 0], thickness):
        cv2.fillPoly(drawn, [line], 1)
    else:
        cv2.polylines(certain, [line], False, 1, max(1, thickness // 2))
    box = Box.around(drawn.astype(bool))
    if box is None:
        raise InputError(f"the line is not inside the photo, which has {size[1]}x{size[0]} pixels")
    if certain.any():
        box = box.extended(max(_LEAST_CONTEXT, thickness), size)
        drawn[box.index] = 1
    return _select(pixels, _Region(box, drawn.astype(bool), certain.astype(bool)), grow)


def _is_outline(points: np.ndarray, thickness: int) -> bool:
    """Whether the ends of a line (N, 2) are nearer each other than the line is large."""
    extent = np.ptp(points, axis=0).max()
    gap = np.abs(points[0] - points[-1]).max()
    return bool(len(points) > 2 and extent > 2 * thickness and gap < _OPEN * extent)


def _select(pixels: np.ndarray, region: _Region, grow: int) -> Selection:
    dilation = MaskDilation(grow)
    size = (pixels.shape[0], pixels.shape[1])
    window = region.box.extended(max(_LEAST_CONTEXT, round(_CONTEXT * max(region.box.size))), size)
    seen = np.ascontiguousarray(pixels[window.index[1:]])
    small = _reduced(seen)
    found = _object(small, region, window)
    shadow = _shadow(small, found)
    whole = _at_full_size(seen, found, window, size)
    if not whole.any():  # too thin to be seen
        whole = region.possible
    selected = dilation.apply(whole).mask.numpy()
    if shadow is None:
        return Selection(selected, None)
    penumbra = MaskDilation(grow + _PENUMBRA)
    dark = penumbra.apply(_at_full_size(seen, shadow, window, size)).mask.numpy() & ~selected
    if not dark.any():  # the grown object covers it
        return Selection(selected, None)
    return Selection(selected, dark)


def _reduced(seen: np.ndarray) -> np.ndarray:
    """A window (h, w, 3) with its longer side at most `WORKING_SIDE`."""
    scale = WORKING_SIDE / max(seen.shape[:2])
    if scale >= 1:
        return seen
    width = max(1, round(scale * seen.shape[1]))
    height = max(1, round(scale * seen.shape[0]))
    return cv2.resize(seen, (width, height), interpolation=cv2.INTER_AREA)


def _object(small: np.ndarray, region: _Region, window: Box) -> np.ndarray:
    """The object's pixels in a reduced window (h, w, 3), bool."""
    size = (small.shape[1], small.shape[0])
    # A pixel of the smaller window is possible, or certain, as soon as a part of it is.
    possible = cv2.resize(region.possible[window.index].astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    certain = cv2.resize(region.certain[window.index].astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    labels = np.where(possible, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    labels[certain] = cv2.GC_FGD
    if possible.all():  # something has to be known to be outside
        rim = max(1, min(size) // 50)
        for edge in (np.s_[:rim], np.s_[-rim:], np.s_[:, :rim], np.s_[:, -rim:]):
            labels[edge] = cv2.GC_BGD
    if (labels == cv2.GC_BGD).all():
        return possible
    models = np.zeros((2, 1, 65))
    cv2.setRNGSeed(0)
    no_box = (0, 0, 0, 0)
    cv2.grabCut(small, labels, no_box, models[0], models[1], _ITERATIONS, cv2.GC_INIT_WITH_MASK)  # changes the labels
    found = _main_parts(np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)))
    if found.any():
        return found
    return possible  # all is alike: what was pointed at is all that is known


def _main_parts(found: np.ndarray) -> np.ndarray:
    """The large parts of what was found (h, w) bool, without pinholes."""
    smooth = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_OPEN, _disc(1))
    count, parts, stats, _ = cv2.connectedComponentsWithStats(smooth, connectivity=8)
    kept = np.zeros_like(smooth)
    areas = stats[1:count, cv2.CC_STAT_AREA]
    for number in np.flatnonzero(areas >= _LEAST_PART * areas.max(initial=0)) + 1:
        kept[parts == number] = 1
    outlines, _ = cv2.findContours(kept, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    for outline in outlines:
        if cv2.contourArea(outline) <= _PINHOLE * kept.sum():
            cv2.drawContours(kept, [outline], -1, 1, cv2.FILLED)
    return kept.astype(bool)


def _shadow(small: np.ndarray, found: np.ndarray) -> np.ndarray | None:
    """The shadow of an object (h, w) bool in a reduced window (h, w, 3), bool; None if there is none."""
    rows = np.flatnonzero(found.any(axis=1))
    middle = (rows[0] + rows[-1]) // 2
    reach = max(3, round(_NEAR * np.sqrt(found.sum())))
    near = cv2.dilate(found.astype(np.uint8), _disc(reach)).astype(bool)
    ground = near & ~cv2.dilate(found.astype(np.uint8), _disc(2)).astype(bool)
    ground[:middle] = False
    if not ground.any():
        return None
    light = (cv2.GaussianBlur(small, (0, 0), 1.5).astype(np.float32) / 255) ** 2.2
    # Most of the ground near an object is lit: its shadow falls to one side.
    lit = np.percentile(light[ground], _LIT_PERCENTILE, axis=0)
    share = light / np.maximum(lit, 1e-3)
    mean = share.mean(axis=-1)
    is_dark = (mean > _DARKEST) & (mean < _LIGHTEST) & (np.ptp(share, axis=-1) < _COLOUR_CHANGE)
    is_dark[:middle] = False
    is_dark &= ~found
    return _part_at(is_dark, found)


def _part_at(dark: np.ndarray, found: np.ndarray) -> np.ndarray | None:
    """The dark parts (h, w) bool that touch the object and are of a shadow's size and place."""
    closed = cv2.morphologyEx(dark.astype(np.uint8), cv2.MORPH_OPEN, _disc(1))
    touching = cv2.dilate(found.astype(np.uint8), _disc(4)).astype(bool)
    _, parts = cv2.connectedComponents(closed, connectivity=8)
    shadow = np.zeros_like(found)
    for number in np.unique(parts[touching & (parts > 0)]):
        part = parts == number
        edge = np.concatenate([part[0], part[-1], part[:, 0], part[:, -1]])
        leaves = edge.sum() > _MOST_AT_EDGE * np.sqrt(part.sum())  # the ground itself, not a shadow on it
        if not leaves:
            shadow |= part
    smallest, largest = _SHADOW_SIZES
    if not smallest * found.sum() <= shadow.sum() <= largest * found.sum():
        return None
    return shadow


def _at_full_size(seen: np.ndarray, small: np.ndarray, window: Box, size: tuple[int, int]) -> np.ndarray:
    """A mask (h, w) bool of a reduced window in a photo of this size, its outline snapped to the photo's edges."""
    height, width = seen.shape[:2]
    scale = height / small.shape[0]
    whole = np.zeros(size, bool)
    if scale == 1:
        whole[window.index] = small
        return whole
    mask = cv2.resize(small.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    grey = cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    whole[window.index] = _guided(grey, mask, round(2 * scale) + 1) > 0.5
    return whole


def _guided(guide: np.ndarray, mask: np.ndarray, radius: int) -> np.ndarray:
    """The guided filter: near every pixel the mask (h, w) is a linear function of the guide (h, w)."""
    side = (2 * radius + 1, 2 * radius + 1)
    guide_mean = cv2.blur(guide, side)
    mask_mean = cv2.blur(mask, side)
    slope = (cv2.blur(guide * mask, side) - guide_mean * mask_mean) / (
        cv2.blur(guide * guide, side) - guide_mean**2 + _FLATNESS
    )
    return cv2.blur(slope, side) * guide + cv2.blur(mask_mean - slope * guide_mean, side)


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
