"""Crops around holes: closed forms, and what holds for any mask."""

import numpy as np
import pytest

from latentinpaint.inference.crops import Box, CropPolicy

STRIDE = 8
TIGHT = CropPolicy(context=16, fraction=0.0, min_side=0, max_area=1.0)


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
        CropPolicy(16, 0.5, 0, 1.0),
        hole(400, 400, (160, 160, 168, 240)),
        [(120, 120, 208, 280)],
    ),
    "at least so large": (
        CropPolicy(16, 0.0, 128, 1.0),
        hole(400, 400, (200, 200, 208, 208)),
        [(136, 136, 272, 272)],
    ),
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
    "not worth it": (CropPolicy(16, 0.0, 0, 0.5), hole(100, 100, (30, 30, 60, 60)), [(0, 0, 100, 100)]),
    "smaller than a crop": (CropPolicy(), hole(200, 300, (30, 30, 34, 34)), [(0, 0, 200, 300)]),
}


@pytest.mark.parametrize("case", EXACT)
def test_windows(case):
    crop, mask, expected = EXACT[case]
    assert crop.crops(mask, STRIDE) == [Box(*sides) for sides in expected]


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
    found = CropPolicy(context, fraction, least, 1.0).crops(mask, stride)
    covered = np.zeros(mask.shape, int)
    for crop in found:
        assert 0 <= crop.top < crop.bottom <= height and 0 <= crop.left < crop.right <= width
        assert crop.top % stride == crop.left % stride == 0
        assert crop.bottom in (height, crop.bottom // stride * stride)
        assert crop.right in (width, crop.right // stride * stride)
        assert crop.bottom - crop.top >= min(least, height) and crop.right - crop.left >= min(least, width)
        covered[crop.index] += 1
    assert covered.max() == 1  # disjoint
    # Every hole pixel has its context: all of the picture within that distance lies in one and the same crop.
    for y, x in np.argwhere(mask)[:: max(1, mask.sum() // 50)]:
        near = np.s_[max(0, y - context) : y + context + 1, max(0, x - context) : x + context + 1]
        assert (covered[near] == 1).all()
        assert sum(covered_by(crop, y, x, context, mask.shape) for crop in found) == 1


def covered_by(crop, y, x, context, size):
    rows = crop.top <= max(0, y - context) and min(size[0], y + context + 1) <= crop.bottom
    return rows and crop.left <= max(0, x - context) and min(size[1], x + context + 1) <= crop.right


def test_many_holes_are_quick():
    """Salt in twelve million pixels, a million holes: no crop a hole, and no minutes."""
    rng = np.random.default_rng(0)
    mask = rng.random((3000, 4000)) < 0.1
    assert CropPolicy().crops(mask, STRIDE) == [Box(0, 0, 3000, 4000)]
    sparse = np.zeros((3000, 4000), bool)
    sparse[::500, ::500] = True
    found = CropPolicy(context=64).crops(sparse, STRIDE)
    assert len(found) == 48 and sum(crop.area for crop in found) < 3000 * 4000 / 2


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (3, 5, 9, 20), (29, 39, 30, 40), (0, 0, 30, 40)])
def test_the_box_around_a_mask_is_the_box_that_was_painted(box):
    mask = hole(30, 40, box)
    mask[box[0] + 1 : box[2] - 1, box[1] + 1 : box[3] - 1] = False  # only its border
    assert Box.around(mask) == Box(*box)


def test_there_is_no_box_around_nothing():
    assert Box.around(np.zeros((3, 4), bool)) is None


@pytest.mark.parametrize(
    ("margin", "expected"), [(0, (10, 12, 20, 30)), (5, (5, 7, 25, 35)), (11, (0, 1, 31, 40)), (99, (0, 0, 32, 40))]
)
def test_a_box_is_extended_as_far_as_the_picture_goes(margin, expected):
    assert Box(10, 12, 20, 30).extended(margin, (32, 40)) == Box(*expected)


def test_boxes_inside_a_picture():
    for box in (Box(0, 0, 5, 7), Box(4, 6, 5, 7)):
        assert box.is_inside((5, 7))
    for box in (Box(0, 0, 7, 5), Box(-1, 0, 5, 7), Box(0, -1, 5, 7), Box(2, 3, 2, 7), Box(2, 3, 4, 3)):
        assert not box.is_inside((5, 7))
