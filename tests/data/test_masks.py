"""Presets: LaMa's figures, and an independent sampler of strokes and boxes."""

import math

import numpy as np
import pytest
from mask_draws import draws, hole_fractions, seeded, standard_error
from scipy import ndimage

from latentinpaint.data.masks import (
    PRESETS,
    BoxMask,
    PatchMask,
    PinMask,
    WideMask,
    mask_preset,
)
from latentinpaint.errors import InputError


@pytest.mark.parametrize("name", PRESETS)
def test_different_seeds_differ(name):
    masks = mask_preset(name, 64)
    seen = {masks(64, 64, generator=seeded(seed)).numpy().tobytes() for seed in range(20)}
    assert len(seen) == 20


@pytest.mark.parametrize("name", ["thin", "medium", "thick"])
@pytest.mark.parametrize(("height", "width"), [(64, 64), (64, 150), (97, 64)])
def test_evaluation_presets_leave_half_of_the_picture(name, height, width):
    assert max(mask.mean() for mask in draws(mask_preset(name, 64), 200, height, width)) <= 0.5


def test_unreachable_max_hole_is_a_clear_error():
    with pytest.raises(InputError, match="None of 200 masks of 1x1 pixels .* 50% of the picture"):
        mask_preset("thick", 256)(1, 1, generator=seeded())


# LaMa's figures: strokes (times, width, length), boxes (weight, times, sides, margin) or None, and max_hole.
FIGURES = {
    ("thin", 256): ((4, 50, 10, 40), None, 0.5),
    ("medium", 256): ((4, 5, 50, 100), (0.3, 1, 5, 10, 50, 0), 0.5),
    ("thick", 256): ((1, 5, 100, 200), (0.3, 1, 3, 30, 150, 10), 0.5),
    ("thin", 512): ((4, 70, 20, 100), None, 0.5),
    ("medium", 512): ((4, 10, 100, 200), (0.3, 1, 5, 30, 150, 0), 0.5),
    ("thick", 512): ((1, 5, 250, 450), (0.3, 1, 4, 30, 300, 10), 0.5),
    ("training", 256): ((1, 5, 100, 200), (1, 1, 4, 30, 150, 10), None),
}


def test_every_column_has_its_figures_here():
    assert set(FIGURES) == {(name, size) for name, columns in PRESETS.items() for size in columns}


@pytest.mark.parametrize(("name", "size"), FIGURES)
def test_preset_figures(name, size):
    (low, high, width, length), boxes, max_hole = FIGURES[name, size]
    masks = mask_preset(name, size)
    assert masks.wide == WideMask(
        low, high, max_width=width, max_length=length, max_angle=4, base_length=10, base_width=5
    )
    assert masks.wide_weight == 1
    assert masks.max_hole == max_hole
    if boxes is None:
        assert masks.box is None
    else:
        assert masks.box_weight == boxes[0]
        assert masks.box == BoxMask(*boxes[1:])


def test_scaling_rounds_every_length():
    masks = mask_preset("training", 128)
    assert masks.wide == WideMask(1, 5, max_width=50, max_length=100, max_angle=4, base_length=5, base_width=3)
    assert masks.box == BoxMask(1, 4, 15, 75, margin=5)
    assert (masks.wide_weight, masks.box_weight, masks.max_hole) == (1, 1, None)
    assert mask_preset("training", 512) == PRESETS["training"][256].scaled(2)


def independent_fraction(rng, figures):
    """Hole fraction at side 256 by the distance of 32 x 32 probes from segments: no raster, no OpenCV."""
    (low, high, max_width, max_length), boxes, max_hole = figures
    probe = np.arange(4, 256, 8)
    x, y = (a.ravel() for a in np.meshgrid(probe, probe))
    while True:
        hole = np.zeros(x.size, bool)
        if boxes is not None and rng.random() < boxes[0] / (1 + boxes[0]):
            _, fewest, most, least, largest, margin = boxes
            for _ in range(rng.integers(fewest, most + 1)):
                w, h = rng.integers(least, largest, 2)
                left = rng.integers(margin, 256 - margin - w + 1)
                top = rng.integers(margin, 256 - margin - h + 1)
                hole |= (x >= left) & (x < left + w) & (y >= top) & (y < top + h)
        else:
            for chain in range(rng.integers(low, high + 1)):
                start = rng.integers(0, 256, 2)
                for _ in range(rng.integers(1, 6)):
                    angle = (0.01 + rng.integers(4)) * (-1 if chain % 2 == 0 else 1)
                    step = (10 + rng.integers(max_length)) * np.array([np.sin(angle), np.cos(angle)])
                    end = np.clip(start + step, 0, 255)
                    radius = math.ceil((5 + rng.integers(max_width)) / 2) + 0.5
                    along = end - start
                    t = ((x - start[0]) * along[0] + (y - start[1]) * along[1]) / max(along @ along, 1e-9)
                    t = np.clip(t, 0, 1)
                    hole |= np.hypot(x - start[0] - t * along[0], y - start[1] - t * along[1]) <= radius
                    start = end
        if max_hole is None or hole.mean() <= max_hole:
            return hole.mean()


# Mean hole fraction at 256, measured over 1500 seeds (standard error 0.003 to 0.005).
MEASURED = {"thin": 0.280, "medium": 0.220, "thick": 0.264, "training": 0.326}


@pytest.mark.parametrize("name", PRESETS)
def test_hole_fraction_agrees_with_an_independent_sampler(name):
    fractions = hole_fractions(mask_preset(name), 600, 256, seed=1)
    rng = np.random.default_rng(5)
    expected = [independent_fraction(rng, FIGURES[name, 256]) for _ in range(300)]
    error = math.hypot(standard_error(fractions), standard_error(expected))
    assert abs(fractions.mean() - np.mean(expected)) < 4 * error
    assert abs(np.std(fractions) - np.std(expected)) < 0.025
    assert abs(fractions.mean() - MEASURED[name]) < 4 * standard_error(fractions)


def test_presets_are_ordered_by_the_thickness_of_their_holes():
    # Not by area: thin strokes are many. The radius of the largest disc in the hole is what the names mean.
    radii = {
        name: np.mean([ndimage.distance_transform_edt(m).max() for m in draws(mask_preset(name), 60, 256, 256)])
        for name in PRESETS
    }
    assert 1.3 * radii["thin"] < radii["medium"]
    assert 1.3 * radii["medium"] < radii["thick"]
    assert radii["thick"] < radii["training"]


@pytest.mark.parametrize("size", [128, 384])
@pytest.mark.parametrize("name", PRESETS)
def test_hole_fraction_does_not_depend_on_the_size(name, size):
    fractions = hole_fractions(mask_preset(name, size), 400, size)
    tolerance = 0.025  # whole pixels: at 128 the thin brush is 10 % wider than half of that at 256
    assert abs(fractions.mean() - MEASURED[name]) < tolerance + 3 * standard_error(fractions)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("size", [1, 8, 28, 1000])
def test_presets_draw_at_any_size(name, size):
    side = max(size, 8)
    mask = mask_preset(name, size)(side, side + 3, generator=seeded())
    assert mask.any()


def test_unknown_preset_lists_the_names():
    with pytest.raises(InputError, match="'wide'.*thin, medium, thick, training"):
        mask_preset("wide")
    with pytest.raises(InputError, match="size starts at 1"):
        mask_preset("thin", 0)


def test_patches_by_name():
    assert mask_preset("patches", 32) == PatchMask(4, 8)
    assert mask_preset("patches", 64) == PatchMask(4, 16)


def test_pins_by_name():
    assert mask_preset("pins", 1) == PinMask()
