"""The coarse fill: the hole's box, opaque in the hole alone, at low resolution."""

import time

import numpy as np
import pytest

from latentinpaint.images.picture import Picture
from latentinpaint.inference.options import FillOptions
from latentinpaint.service.coarse_fill import coarse_fill


def test_a_small_hole_is_filled_as_the_networks_do(models, array_of, photo, hole):
    """Nothing is scaled, so it is the fill of the window around the hole without texture."""
    shown = array_of(coarse_fill(models["ffc"], Picture(photo, "RGB"), hole, FillOptions()))
    window = slice(0, 38), slice(0, 48)
    wanted = models["ffc"](photo[window], hole[window], crop=None, texture=False)[10:20, 12:30]
    assert shown.shape == (10, 18, 4) and np.array_equal(shown[..., :3], wanted) and (shown[..., 3] == 255).all()


def test_outside_the_hole_it_is_transparent(models, array_of, photo, hole):
    ring = hole.copy()
    ring[13:17, 16:24] = False
    shown = array_of(coarse_fill(models["ffc"], Picture(photo, "RGB"), ring, FillOptions(dilate=1)))
    assert shown.shape == (12, 20, 4) and (shown[5:7, 7:11, 3] == 0).all() and (shown[1:11, 1:3, 3] == 255).all()


def test_a_large_hole_is_small(models, array_of, helpers):
    """What is shown keeps the box's shape; a uniform surrounding fills no worse when it is scaled down."""
    photo = helpers.smooth(900, 1200)
    hole = np.zeros((900, 1200), bool)
    hole[300:500, 400:800] = True
    shown = array_of(coarse_fill(models["ffc"], Picture(photo, "RGB"), hole, FillOptions()))
    assert max(shown.shape) <= 256 and shown.shape[1] == pytest.approx(2 * shown.shape[0], abs=2)


def test_half_a_second_for_twelve_megapixels(helpers):
    """With the default model, on a hole of 2 %; of processor time, and twice as much for a busy machine."""
    from latentinpaint import Inpainter

    inpainter = Inpainter.from_pretrained(device="cpu")
    photo = np.tile(helpers.smooth(300, 400), (10, 10, 1))
    hole = np.zeros((3000, 4000), bool)
    hole[1200:1690, 1800:2290] = True
    picture = Picture(photo, "RGB")
    coarse_fill(inpainter, picture, hole, FillOptions())
    start = time.process_time()
    coarse_fill(inpainter, picture, hole, FillOptions())
    assert time.process_time() - start < 1.0
