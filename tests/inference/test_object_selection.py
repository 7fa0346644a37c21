"""Selecting an object and its shadow in drawn scenes, whose every pixel is known."""

import cv2
import numpy as np
import pytest

from latentinpaint.errors import InputError
from latentinpaint.inference.crops import Box
from latentinpaint.inference.object_selection import select_by_line, select_in_box

CENTRE, RADII = (280, 450), (140, 90)  # of the object: y and x
BOX = Box(120, 340, 440, 570)


def scene(has_shadow=True, scale=1):
    """A blue ellipse on mottled ground, with a shadow that leaves 40 % of the light: pixels, object, shadow."""
    rng = np.random.default_rng(0)
    height, width = 600, 900
    mottled = cv2.GaussianBlur(rng.normal(0, 60, (height, width)), (0, 0), 3)[..., None]
    pixels = np.array([170, 150, 120.0]) + mottled
    y, x = np.mgrid[:height, :width]
    thing = ((y - CENTRE[0]) / RADII[0]) ** 2 + ((x - CENTRE[1]) / RADII[1]) ** 2 < 1
    shadow = (((y - 410) / 28) ** 2 + ((x - 560) / 150) ** 2 < 1) & ~thing
    if has_shadow:
        dark = cv2.GaussianBlur(shadow.astype(float), (0, 0), 3)[..., None]
        pixels = pixels * (1 - 0.6 * dark) ** (1 / 2.2)
    pixels[thing] = np.array([60, 80, 160]) + rng.normal(0, 25, (thing.sum(), 1))
    pixels = (pixels + rng.normal(0, 4, pixels.shape)).clip(0, 255).astype(np.uint8)
    size = (scale * width, scale * height)
    parts = [cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0 for mask in (thing, shadow)]
    return cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC), *parts


def overlap(first, second):
    """Intersection over union."""
    return (first & second).sum() / (first | second).sum()


def test_an_object_and_its_shadow_in_a_box():
    pixels, thing, shadow = scene()
    found = select_in_box(pixels, BOX)
    assert overlap(found.object, thing) > 0.98 and overlap(found.shadow, shadow) > 0.75
    assert not (found.object & found.shadow).any()


def test_a_large_photo_is_snapped_to_its_edges():
    """Seen at a fifth of its size: without the edges the outline would be steps of five pixels."""
    pixels, thing, _ = scene(scale=3)
    found = select_in_box(pixels, Box(360, 1020, 1320, 1710))
    assert overlap(found.object, thing) > 0.99


def test_without_a_shadow_there_is_none():
    pixels, thing, _ = scene(has_shadow=False)
    found = select_in_box(pixels, BOX)
    assert found.shadow is None and overlap(found.object, thing) > 0.98


@pytest.mark.parametrize("change", ["coloured", "above"])
def test_what_is_no_shadow(change):
    """Something dark of another colour; something dark and grey above the object's middle."""
    pixels, thing, shadow = scene(has_shadow=False)
    if change == "coloured":
        pixels[shadow] = (120, 20, 20)
    else:
        moved = np.roll(shadow, -230, axis=0) & ~thing
        pixels[moved] = (0.6 * pixels[moved]).astype(np.uint8)
    assert select_in_box(pixels, BOX).shadow is None


def test_a_line_around_it_and_a_line_over_it():
    pixels, thing, _ = scene()
    angles = np.linspace(0, 6, 40)
    around = np.stack([CENTRE[1] + 120 * np.cos(angles), CENTRE[0] + 170 * np.sin(angles)], axis=1)
    assert overlap(select_by_line(pixels, around, 10).object, thing) > 0.98
    over = np.array([[450.0, 200.0], [455.0, 350.0]])
    assert overlap(select_by_line(pixels, over, 60).object, thing) > 0.98


def test_it_grows_by_a_disc():
    pixels, _, _ = scene()
    found, grown = (select_in_box(pixels, BOX, grow) for grow in (0, 5))
    disc = np.hypot(*np.mgrid[-5:6, -5:6]) <= 5
    wanted = cv2.dilate(found.object.astype(np.uint8), disc.astype(np.uint8)) > 0
    assert np.array_equal(grown.object, wanted)


def test_a_shadow_that_the_grown_object_covers_is_none():
    pixels, thing, _ = scene()
    found = select_in_box(pixels, BOX, 900)
    assert found.object.all() and found.shadow is None


def test_where_all_is_alike_the_box_is_selected():
    pixels = np.full((60, 80, 3), 90, np.uint8)
    found = select_in_box(pixels, Box(20, 30, 40, 50))
    wanted = np.zeros((60, 80), bool)
    wanted[20:40, 30:50] = True
    assert np.array_equal(found.object, wanted) and found.shadow is None


def test_places_at_the_edge_and_single_points():
    """Nothing fails where there is little to see."""
    pixels, thing, _ = scene()
    for box in (Box(0, 0, 600, 900), Box(0, 0, 1, 1), Box(599, 0, 600, 900)):
        assert select_in_box(pixels, box).object.any()
    assert overlap(select_in_box(pixels, Box(0, 0, 600, 900)).object, thing) > 0.5
    for points in ([[450, 280]], [[450, 280], [451, 281]], [[-1e6, 1e6], [450, 280]], [[0, 0]]):
        assert select_by_line(pixels, np.array(points, float), 3).object.any()
    assert select_in_box(np.zeros((1, 1, 3), np.uint8), Box(0, 0, 1, 1)).object.all()


def test_what_is_outside_is_refused():
    pixels = np.zeros((60, 80, 3), np.uint8)
    for box in (Box(0, 0, 61, 5), Box(-1, 0, 5, 5), Box(5, 5, 5, 9)):
        with pytest.raises(InputError, match="the box is not inside the photo, which has 80x60 pixels"):
            select_in_box(pixels, box)
    with pytest.raises(InputError, match="the line is not inside the photo, which has 80x60 pixels"):
        select_by_line(pixels, np.array([[200.0, 200.0], [300.0, 200.0]]), 5)
