"""The coarse fill: the hole's box, opaque in the hole alone, at low resolution."""

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
    ring[14:16, 17:23] = False
    shown = array_of(coarse_fill(models["ffc"], Picture(photo, "RGB"), ring, FillOptions()))
    assert shown.shape == (10, 18, 4) and np.array_equal(shown[..., 3] == 255, ring[10:20, 12:30])
    assert (shown[4:6, 5:11, 3] == 0).all()


def test_a_large_hole_is_small(models, array_of, helpers):
    """What is shown keeps the box's shape; a uniform surrounding fills no worse when it is scaled down."""
    photo = helpers.smooth(900, 1200)
    hole = np.zeros((900, 1200), bool)
    hole[300:500, 400:800] = True
    shown = array_of(coarse_fill(models["ffc"], Picture(photo, "RGB"), hole, FillOptions()))
    assert max(shown.shape) <= 256 and shown.shape[1] == pytest.approx(2 * shown.shape[0], abs=2)


class Watched:
    """A model that notes what it is given."""

    def __init__(self, inpainter):
        self.inpainter = inpainter
        self.seen = []

    def fill(self, picture, hole, options):
        self.seen.append((picture, hole, options))
        return self.inpainter.fill(picture, hole, options)


def test_the_networks_see_a_small_picture_of_a_large_photo(models, helpers):
    """That is what makes it quick, whatever the photo's size; seed and steps are those of the fill to come."""
    photo = np.tile(helpers.smooth(300, 400), (10, 10, 1))
    hole = np.zeros((3000, 4000), bool)
    hole[1200:1690, 1800:2290] = True
    watched = Watched(models["flow"])
    coarse_fill(watched, Picture(photo, "RGB"), hole, FillOptions(3, seed=5, steps=2, refine=True, texture=True))
    ((picture, seen_hole, options),) = watched.seen
    assert (picture.height, picture.width) == seen_hole.shape == (256, 256)
    assert seen_hole.mean() == pytest.approx(1 / 9, rel=0.05)  # as much again as the hole on every side
    assert (options.seed, options.steps, options.num_samples) == (5, 2, 1)
    assert (options.texture, options.refine, options.crop) == (False, False, None)
