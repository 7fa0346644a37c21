"""Narrow holes, in pictures whose truth is known."""

import cv2
import numpy as np
import pytest

from latentinpaint.inference.narrow_holes import interpolate_narrow


def ramp(height, width):
    """(H, W, 3), brighter to the right and downwards."""
    rows, columns = np.indices((height, width), np.float32)
    return np.stack([0.2 + columns / width / 2, 0.2 + rows / height / 2, np.full_like(rows, 0.5)], axis=-1)


@pytest.mark.parametrize("half_width", [1, 4, 9])
def test_a_scratch_takes_the_colours_beside_it(half_width):
    truth, hole = ramp(120, 160), np.zeros((120, 160), bool)
    hole[:, 70 - half_width : 70 + half_width] = True
    guide = np.where(hole[..., None], np.float32(0.9), truth)
    found = interpolate_narrow(guide, hole)
    assert np.abs(found - truth)[hole].mean() < 0.1 * np.abs(guide - truth)[hole].mean()
    assert np.array_equal(found[~hole], truth[~hole])


def test_a_wide_hole_keeps_its_guide_and_a_scratch_from_it_does_not():
    truth, hole = ramp(120, 200), np.zeros((120, 200), bool)
    cv2.circle(mask := np.zeros((120, 200), np.uint8), (60, 60), 40, 1, -1)
    hole |= mask > 0
    hole[58:62, 60:190] = True
    guide = np.where(hole[..., None], np.float32(0.9), truth)
    found = interpolate_narrow(guide, hole)
    wide = hole.copy()
    wide[:, 95:] = False
    assert np.array_equal(found[wide], guide[wide])
    scratch = hole.copy()
    scratch[:, :125] = False
    assert np.abs(found - truth)[scratch].max() < 0.03


def test_between_narrow_and_wide_both_are_mixed():
    hole = np.zeros((120, 160), bool)
    hole[:, 60:86] = True
    guide = np.where(hole[..., None], np.float32(1), np.float32(0))
    middle = interpolate_narrow(np.repeat(guide, 3, axis=2), hole)[60, 60:86]
    assert (0.2 < middle).all() and (middle < 0.8).all()


def test_a_strip_along_the_edge_is_as_wide_as_if_it_went_on():
    """12 pixels known from one side alone are 24 from both."""
    hole = np.zeros((120, 160), bool)
    hole[:, :17] = True
    guide = np.full((120, 160, 3), 0.25, np.float32)
    guide[hole] = 0.75
    assert np.array_equal(interpolate_narrow(guide, hole), guide)


def test_what_is_beyond_the_range_and_without_a_hole_stays():
    guide = np.full((20, 20, 3), 1.5, np.float32)
    assert np.array_equal(interpolate_narrow(guide, np.zeros((20, 20), bool)), guide)
