"""Windows around holes: closed forms, and what holds for any mask."""

import numpy as np
import pytest

from latentinpaint.inference.crops import Crop, Window

STRIDE = 8
TIGHT = Crop(context=16, fraction=0.0, least_side=0, share=1.0)


def hole(height, width, *boxes):
    mask = np.zeros((height, width), bool)
    for top, left, bottom, right in boxes:
        mask[top:bottom, left:right] = True
    return mask


EXACT = {
    "aligned outwards": (TIGHT, hole(400, 400, (101, 203, 120, 230)), [(80, 184, 136, 248)]),
    "already aligned": (TIGHT, hole(400, 400, (96, 208, 120, 232)), [(80, 192, 136, 248)]),
    # Context that hangs over an edge is added on the other side: 5 + 16 pixels below, and 11 that were above.
    "at the top": (TIGHT, hole(400, 400, (5, 200, 10, 208)), [(0, 184, 40, 224)]),
    "in the last corner": (TIGHT, hole(403, 405, (402, 404, 403, 405)), [(368, 368, 403, 405)]),
    "a fraction of the longer side": (
        Crop(16, 0.5, 0, 1.0),
        hole(400, 400, (160, 160, 168, 240)),
        [(120, 120, 208, 280)],
    ),
    "at least so large": (Crop(16, 0.0, 128, 1.0), hole(400, 400, (200, 200, 208, 208)), [(136, 136, 272, 272)]),
    "two far apart": (
        TIGHT,
        hole(400, 400, (40, 40, 48, 48), (300, 320, 308, 328)),
        [(24, 24, 64, 64), (280, 304, 328, 344)],
    ),
    "two that meet": (TIGHT, hole(400, 400, (40, 40, 48, 48), (72, 72, 80, 80)), [(24, 24, 96, 96)]),
    # The box around the first two reaches the third, which touched neither.
    "a third that their box reaches": (
        TIGHT,
        hole(400, 400, (40, 40, 48, 120), (64, 40, 136, 48), (104, 104, 112, 112)),
        [(24, 24, 152, 136)],
    ),
    "whole picture": (TIGHT, np.ones((50, 70), bool), [(0, 0, 50, 70)]),
    "no hole": (TIGHT, np.zeros((50, 70), bool), [(0, 0, 50, 70)]),
    "not worth it": (Crop(16, 0.0, 0, 0.5), hole(100, 100, (30, 30, 60, 60)), [(0, 0, 100, 100)]),
    "smaller than a window": (Crop(), hole(200, 300, (30, 30, 34, 34)), [(0, 0, 200, 300)]),
}


@pytest.mark.parametrize("case", EXACT)
def test_windows(case):
    crop, mask, expected = EXACT[case]
    assert crop.windows(mask, STRIDE) == [Window(*sides) for sides in expected]


@pytest.mark.parametrize("seed", range(30))
def test_any_mask(seed):
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(20, 700, 2))
    mask = np.zeros((height, width), bool)
    for _ in range(rng.integers(1, 9)):
        top, left = rng.integers(0, height), rng.integers(0, width)
        mask[top : top + rng.integers(1, 40), left : left + rng.integers(1, 40)] = True
    stride, context = int(rng.choice([1, 8])), int(rng.integers(0, 60))
    least, fraction = int(rng.choice([0, 64, 200])), float(rng.choice([0, 0.7]))
    found = Crop(context, fraction, least, 1.0).windows(mask, stride)
    covered = np.zeros(mask.shape, int)
    for window in found:
        assert 0 <= window.top < window.bottom <= height and 0 <= window.left < window.right <= width
        assert window.top % stride == window.left % stride == 0
        assert window.bottom in (height, window.bottom // stride * stride)
        assert window.right in (width, window.right // stride * stride)
        assert window.bottom - window.top >= min(least, height) and window.right - window.left >= min(least, width)
        covered[window.inside] += 1
    assert covered.max() == 1  # disjoint
    # Every hole pixel has its context: all of the picture within that distance lies in one and the same window.
    for y, x in np.argwhere(mask)[:: max(1, mask.sum() // 50)]:
        near = np.s_[max(0, y - context) : y + context + 1, max(0, x - context) : x + context + 1]
        assert (covered[near] == 1).all()
        assert sum(covered_by(window, y, x, context, mask.shape) for window in found) == 1


def covered_by(window, y, x, context, size):
    rows = window.top <= max(0, y - context) and min(size[0], y + context + 1) <= window.bottom
    return rows and window.left <= max(0, x - context) and min(size[1], x + context + 1) <= window.right


def test_many_holes_are_quick():
    """Salt in twelve million pixels, a million holes: no window a hole, and no minutes."""
    rng = np.random.default_rng(0)
    mask = rng.random((3000, 4000)) < 0.1
    assert Crop().windows(mask, STRIDE) == [Window(0, 0, 3000, 4000)]
    sparse = np.zeros((3000, 4000), bool)
    sparse[::500, ::500] = True
    found = Crop(context=64).windows(sparse, STRIDE)
    assert len(found) == 48 and sum(window.area for window in found) < 3000 * 4000 / 2
