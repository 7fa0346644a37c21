"""Strokes, boxes and mixtures against closed forms, and what all masks have in common."""

import math

import numpy as np
import pytest
import torch
from mask_draws import bounding_box, draws, seeded, standard_error
from scipy import ndimage

from latentinpaint.data.masks import (
    PRESETS,
    BoxMask,
    MaskGenerator,
    MixedMask,
    PatchMask,
    WideMask,
)
from latentinpaint.errors import InputError

EIGHT_NEIGHBOURS = np.ones((3, 3))
SIZES = [(8, 8), (1, 40), (40, 1), (1, 1), (211, 317), (317, 211)]
# Small enough for a picture of 8x8, where presets for 256 would cover more than half of it.
KINDS = {
    "wide": WideMask(1, 3, max_width=3, max_length=6, base_length=1, base_width=1),
    "wide, huge": WideMask(1, 3, max_width=900, max_length=5000),
    "box": BoxMask(1, 3, 2, 5, margin=1),
    "box, huge": BoxMask(1, 3, 900, 5000, margin=70),
    "mixed": MixedMask(WideMask(1, 2, 3, 6), 1, BoxMask(1, 2, 1, 3), 2),
    "patches": PatchMask(2, 1),
    **{f"preset {name}": PRESETS[name][256].scaled(8 / 256) for name in PRESETS},
}
# A stroke and half of a picture one pixel wide do not go together: see test_unreachable_max_hole.
KINDS_AND_SIZES = [
    pytest.param(masks, *size, id=f"{name}-{size[0]}x{size[1]}")
    for name, masks in KINDS.items()
    for size in SIZES
    if getattr(masks, "max_hole", None) is None or min(size) > 1
]


@pytest.mark.parametrize(("masks", "height", "width"), KINDS_AND_SIZES)
def test_shape_type_values_and_a_hole(masks, height, width):
    assert isinstance(masks, MaskGenerator)
    generator = seeded()
    for _ in range(10):
        mask = masks(height, width, generator=generator)
        assert mask.shape == (1, height, width)
        assert mask.dtype == torch.float32
        assert set(mask.unique().tolist()) <= {0.0, 1.0}
        assert mask.any()


@pytest.mark.parametrize("masks", KINDS.values(), ids=KINDS)
def test_randomness_is_the_generators_alone(masks):
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    first, again = draws(masks, 5, 24, 36, seed=7), draws(masks, 5, 24, 36, seed=7)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))

    with torch.random.fork_rng():
        torch.manual_seed(7)
        default = [masks(24, 36)[0].numpy() for _ in range(5)]
    assert all(np.array_equal(a, b) for a, b in zip(first, default, strict=True))


@pytest.mark.parametrize("size", [(0, 8), (8, 0), (-1, 8), (8, 2.5)])
def test_size_must_be_positive(size):
    with pytest.raises(InputError, match="whole number|starts at 1"):
        BoxMask(1, 1, 2, 3)(*size)


def test_one_box_area_matches_closed_form():
    height, width = 90, 70
    fractions = [mask.mean() for mask in draws(BoxMask(1, 1, 10, 31, margin=4), 2000, height, width)]
    expected = 20 * 20 / (height * width)  # independent sides U{10..30} have mean 20
    assert abs(np.mean(fractions) - expected) < 3 * standard_error(fractions)


def test_one_box_is_a_rectangle_within_its_bounds():
    heights, widths, tops, lefts = [], [], [], []
    for mask in draws(BoxMask(1, 1, 5, 9, margin=3), 1500, 20, 24):
        top, bottom, left, right = bounding_box(mask)
        assert mask.sum() == (bottom - top) * (right - left)  # filled: one connected rectangle
        heights.append(bottom - top)
        widths.append(right - left)
        if bottom - top == 8:
            tops.append(top)
        if right - left == 5:
            lefts.append(left)
    # Both ends of each range are met (all probabilities are above 1/20) and never exceeded.
    assert set(heights) == set(widths) == {5, 6, 7, 8}
    assert set(tops) == set(range(3, 20 - 3 - 8 + 1))
    assert set(lefts) == set(range(3, 24 - 3 - 5 + 1))


def test_number_of_boxes():
    # One-pixel boxes on a large picture hardly ever touch, so components count them.
    counts = [ndimage.label(mask)[1] for mask in draws(BoxMask(2, 4, 1, 2), 600, 200, 200)]
    assert max(counts) == 4
    shares = [counts.count(number) / 600 for number in (2, 3, 4)]
    assert np.allclose(shares, 1 / 3, atol=4 * math.sqrt(2 / 9 / 600) + 0.01)


@pytest.mark.parametrize(
    ("height", "width", "margin", "box"),
    [
        (30, 40, 5, (5, 25, 5, 35)),  # sides are cut to what the margins leave
        (8, 9, 10, (3, 5, 4, 5)),  # and the margin to what the picture leaves: 2 of 8 pixels, 1 of 9
        (1, 2, 10, None),
    ],
)
def test_box_larger_than_the_picture_is_cut_to_fit(height, width, margin, box):
    for mask in draws(BoxMask(1, 2, 100, 200, margin=margin), 5, height, width):
        assert bounding_box(mask) == (box or (0, height, 0, width))


def line_masks(times=1, length=100, max_angle=1, width=1):
    """Chains whose segments all have the same length and width."""
    return WideMask(
        times, times, max_width=1, max_length=1, max_angle=max_angle, base_length=length, base_width=width
    )


def test_a_chain_has_one_to_five_segments():
    # The only angle is 0.01: each segment goes down by round(100 cos 0.01) = 100 and aside by 1.
    counts = []
    for mask in draws(line_masks(), 900, 2000, 9):
        top, bottom, _, _ = bounding_box(mask)
        if top < 1499:  # five segments fit
            assert (bottom - top - 1) % 100 == 0
            counts.append((bottom - top - 1) // 100)
    assert set(counts) == {1, 2, 3, 4, 5}
    shares = [counts.count(number) / len(counts) for number in range(1, 6)]
    assert np.allclose(shares, 0.2, atol=4 * math.sqrt(0.16 / len(counts)))


def test_segments_take_the_stated_angles():
    # n segments at 0.01 and m at 1.01 radians end at an exactly known place, 1 <= n + m <= 5.
    x0, x1 = (round(200 * math.sin(angle)) for angle in (0.01, 1.01))
    y0, y1 = (round(200 * math.cos(angle)) for angle in (0.01, 1.01))
    allowed = {(n * y0 + m * y1, n * x0 + m * x1) for n in range(6) for m in range(6) if 1 <= n + m <= 5}
    seen = set()
    for mask in draws(line_masks(length=200, max_angle=2), 100, 1500, 1500):
        top, bottom, left, right = bounding_box(mask)
        if bottom < 1500 and left > 0:  # not clipped: the first chain goes down and left
            seen.add((bottom - top - 1, right - left - 1))
    assert len(seen) > 8
    assert seen <= allowed


def test_every_second_chain_is_mirrored():
    # Angles 0.01 and 1.01 go down; the first chain goes left of its start (its top), the second right.
    both = 0
    for mask in draws(line_masks(times=2, length=40, max_angle=2), 60, 900, 900):
        labels, count = ndimage.label(mask, EIGHT_NEIGHBOURS)
        if count < 2:
            continue
        directions = set()
        for label in (1, 2):
            top, bottom, left, right = bounding_box(labels == label)
            if right - left < 20:
                continue  # only near-vertical segments
            start = np.flatnonzero(labels[top] == label)
            if right - 1 in start:
                directions.add("left")
            elif left in start:
                directions.add("right")
            else:
                pytest.fail("a chain that turns both ways")
        both += directions == {"left", "right"}
    assert both > 20


def test_lengths_of_segments():
    # Vertical segments of 10 + U{0..4}: a chain of k of them is 10k to 14k long, and both ends occur.
    masks = WideMask(1, 1, max_width=1, max_length=5, max_angle=1, base_width=1)
    spans = []
    for mask in draws(masks, 600, 600, 5):
        top, bottom, _, _ = bounding_box(mask)
        if bottom < 600:
            spans.append(bottom - top - 1)
    assert min(spans) == 10
    assert 14 in spans
    assert 15 not in spans  # one segment is at most 14, two are at least 20
    assert 19 not in spans
    assert max(spans) <= 70
    # Mean count 3 times mean length 12; the few chains that are clipped drop out.
    assert abs(np.mean(spans) - 3 * 12) < 4 * standard_error(spans) + 1


@pytest.mark.parametrize(("width", "pixels"), [(1, 1), (2, 3), (5, 7), (6, 7), (14, 15), (104, 105)])
def test_brush_width(width, pixels):
    # As documented: OpenCV covers 2 * ceil(w / 2) + 1 pixels, and 1 for w = 1.
    masks = WideMask(1, 1, 1, 1, max_angle=1, base_length=60, base_width=width)
    mask = max(draws(masks, 20, 400, 400), key=lambda m: min(bounding_box(m)[2], 400 - bounding_box(m)[3]))
    inscribed = ndimage.distance_transform_edt(np.pad(mask, 1)).max()
    assert abs((2 * inscribed - 1) - pixels) <= 1


def test_brush_widths_are_drawn_from_their_range():
    # A wide picture one pixel high: each chain is a dot as wide as its thickest brush, 5..14.
    masks = WideMask(1, 1, max_width=10, max_length=1, max_angle=1)
    widths = [int(m.sum()) for m in draws(masks, 800, 1, 3000) if not (m[0, 0] or m[0, -1])]
    assert set(widths) == {7, 9, 11, 13, 15}  # see test_brush_width
    for pixels, brush in ((7, 6), (9, 8), (11, 10), (13, 12)):
        below = np.mean([((brush - 4) / 10) ** k for k in range(1, 6)])  # P(thickest of 1..5 <= brush)
        share = np.mean(np.array(widths) <= pixels)
        assert abs(share - below) < 4 * math.sqrt(below * (1 - below) / len(widths))


@pytest.mark.parametrize("seed", range(10))
def test_components_and_extent_of_strokes(seed):
    masks = WideMask(1, 3, max_width=6, max_length=12)
    mask = masks(300, 300, generator=seeded(seed))[0].numpy()
    labels, count = ndimage.label(mask, EIGHT_NEIGHBOURS)
    assert 1 <= count <= 3
    reach = 5 * 21 + 12  # five longest segments and a brush
    for label in range(1, count + 1):
        top, bottom, left, right = bounding_box(labels == label)
        assert max(bottom - top, right - left) <= 3 * reach  # chains may overlap
    if count == 3:
        for label in range(1, 4):
            top, bottom, left, right = bounding_box(labels == label)
            assert math.hypot(bottom - top, right - left) <= math.sqrt(2) * reach


def test_kinds_are_as_frequent_as_their_weights():
    # A box here is 3 pixels high, a stroke at least 60: the height tells the kind.
    masks = MixedMask(line_masks(length=60), 1, BoxMask(1, 1, 3, 4), 0.3)
    strokes = sum(bounding_box(mask)[1] - bounding_box(mask)[0] > 3 for mask in draws(masks, 1500, 1000, 12))
    # A stroke that starts in the last three rows is clipped to a box's height: 3 in 1000.
    share = 1 / 1.3 * (1 - 3 / 1000)
    assert abs(strokes - 1500 * share) < 4 * math.sqrt(1500 * share * (1 - share))


@pytest.mark.parametrize(
    "masks",
    [
        MixedMask(WideMask(1, 1, 1, 1), 1, None, 5),
        MixedMask(WideMask(1, 1, 1, 1), 1, BoxMask(1, 1, 1, 2), 0),
    ],
)
def test_a_kind_without_weight_is_never_drawn(masks):
    assert all(mask.sum() > 1 for mask in draws(masks, 300, 20, 20))  # such a box is one pixel


def test_only_boxes():
    assert all(mask.sum() == 1 for mask in draws(MixedMask(box=BoxMask(1, 1, 1, 2)), 50, 20, 20))
    masks = MixedMask(WideMask(1, 1, 1, 1), 0, BoxMask(1, 1, 1, 2), 0.1)
    assert all(mask.sum() == 1 for mask in draws(masks, 50, 20, 20))


def test_max_hole_rejects_exactly_the_large_ones():
    # Of the equally likely sides 1..10 x 1..10 those with an area of at most 30 remain, equally likely.
    allowed = [h * w for h in range(1, 11) for w in range(1, 11) if h * w <= 30]
    areas = [mask.sum() for mask in draws(MixedMask(box=BoxMask(1, 1, 1, 11), max_hole=0.3), 1500, 10, 10)]
    assert max(areas) == 30  # the bound itself is allowed
    assert abs(np.mean(areas) - np.mean(allowed)) < 4 * standard_error(areas)


@pytest.mark.parametrize(
    ("build", "word"),
    [
        (lambda: WideMask(0, 2, 5, 5), "min_times"),
        (lambda: WideMask(3, 2, 5, 5), "max_times"),
        (lambda: WideMask(1, 2, 0, 5), "max_width"),
        (lambda: WideMask(1, 2, 5, 0), "max_length"),
        (lambda: WideMask(1, 2, 5, 2.5), "max_length"),
        (lambda: WideMask(1, 2, 5, 5, max_angle=0), "max_angle"),
        (lambda: WideMask(1, 2, 5, 5, base_width=0), "base_width"),
        (lambda: WideMask(1, 2, 5, 5, base_length=-1), "base_length"),
        (lambda: BoxMask(0, 2, 5, 6), "min_times"),
        (lambda: BoxMask(3, 2, 5, 6), "max_times"),
        (lambda: BoxMask(1, 2, 0, 6), "min_side"),
        (lambda: BoxMask(1, 2, 7, 6), "max_side"),
        (lambda: BoxMask(1, 2, 6, 6), "max_side"),
        (lambda: BoxMask(1, 2, 5, 6, margin=-1), "margin"),
        (lambda: MixedMask(), "at least one kind"),
        (lambda: MixedMask(WideMask(1, 1, 1, 1), 0, None, 1), "at least one kind"),
        (lambda: MixedMask(WideMask(1, 1, 1, 1), -1), "wide_weight"),
        (lambda: MixedMask(box=BoxMask(1, 1, 1, 2), box_weight=math.nan), "box_weight"),
        (lambda: MixedMask(WideMask(1, 1, 1, 1), max_hole=0), "max_hole"),
        (lambda: MixedMask(WideMask(1, 1, 1, 1), max_hole=1.1), "max_hole"),
    ],
)
def test_arguments_out_of_range(build, word):
    with pytest.raises(InputError, match=word):
        build()
