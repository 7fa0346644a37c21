"""Scales, sources and targets, by looking at every cell and every patch."""

import numpy as np
import pytest
from patch_levels import level_of, picture
from scipy.ndimage import distance_transform_edt

from latentinpaint.inference.patch_level import PatchShape, box_mean


def box(height, width):
    hole = np.zeros((height, width), bool)
    hole[10:20, 14:30] = True
    return hole


def whole(level, windowed):
    """A window's (a, b) bool in the whole level."""
    found = np.zeros(level.hole.shape, bool)
    found[level.window.index[1:]] = windowed
    return found


@pytest.mark.parametrize(("radius", "known_radius"), [(1, 0), (1, 1), (2, 1), (3, 3)])
def test_sources_and_targets_by_looking_at_every_patch(radius, known_radius):
    hole = box(31, 43)
    level = level_of(picture(31, 43), hole, shape=PatchShape(radius, known_radius, 3.0))
    targets = np.zeros_like(hole)
    sources = np.zeros_like(hole)
    for row in range(31):
        for column in range(43):
            rows = slice(max(0, row - radius), row + radius + 1)
            columns = slice(max(0, column - radius), column + radius + 1)
            targets[row, column] = hole[rows, columns].any()
            middle = range(-known_radius, known_radius + 1)
            places = [(row + down, column + right) for down in middle for right in middle]
            inside = all(0 <= y < 31 and 0 <= x < 43 for y, x in places)
            sources[row, column] = inside and not any(hole[place] for place in places)
    assert np.array_equal(whole(level, level.targets), targets)
    assert np.array_equal(level.sources, sources)
    assert level.targets.shape == (10 + 2 * radius, 16 + 2 * radius)


def test_a_cell_is_known_by_its_known_pixels_alone_if_they_are_half_of_it():
    guide = picture(43, 51, 1)
    hole = np.random.default_rng(2).random((43, 51)) < 0.5
    level = level_of(guide, hole, halvings=2)
    assert level.factor == 4 and level.hole.shape == (10, 12)
    for row in range(10):
        for column in range(12):
            cell = (slice(4 * row, 4 * row + 4), slice(4 * column, 4 * column + 4))
            known = ~hole[cell]
            assert level.hole[row, column] == (known.sum() < 8)
            expected = guide[cell][known].mean(axis=0)
            if level.hole[row, column]:
                expected = guide[cell].mean(axis=(0, 1))
            np.testing.assert_allclose(level.colours[row, column], expected, atol=1e-6)


def test_depth_costs_its_logarithm_every_four_pixels_of_the_full_scale():
    hole = box(60, 80)
    hole[10:40, 20:60] = True
    for halvings in (0, 1):
        level = level_of(picture(60, 80), hole, PatchShape(2, 1, 5.0), halvings)
        depth = distance_transform_edt(level.hole)[level.window.index[1:]] * level.factor
        np.testing.assert_allclose(np.exp(level.depth_penalty), 5.0 ** (depth / 4), rtol=1e-5)


def test_the_weight_of_the_guidance_is_that_of_the_window():
    weight = np.arange(40 * 50, dtype=np.float32).reshape(40, 50)
    level = level_of(picture(40, 50), box(40, 50), weight=weight)
    assert np.array_equal(level.guidance_weight, weight[8:22, 12:32])
    level = level_of(picture(40, 50), box(40, 50), halvings=1, weight=weight)
    means = weight.reshape(20, 2, 25, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(level.guidance_weight, means[level.window.index[1:]])


def test_contrast_is_the_standard_deviation_within_a_patch():
    guide = picture(30, 30)
    contrast = level_of(guide, box(30, 30)).contrast()
    expected = np.sqrt(guide[5:10, 7:12].var(axis=(0, 1)).mean())
    np.testing.assert_allclose(contrast[7, 9], expected, rtol=1e-4)


def test_means_over_squares():
    guide = picture(12, 14)
    found = box_mean(guide, 2)
    np.testing.assert_allclose(found[5, 6], guide[3:8, 4:9].mean(axis=(0, 1)), rtol=1e-5)
    edge = np.pad(guide, ((2, 2), (2, 2), (0, 0)), mode="edge")[:5, :5]
    np.testing.assert_allclose(found[0, 0], edge.mean(axis=(0, 1)), rtol=1e-5)


def test_without_a_hole_there_is_no_window():
    assert level_of(picture(20, 20), np.zeros((20, 20), bool)).window is None
