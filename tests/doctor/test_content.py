"""Photographs and alpha channels as masks."""

import numpy as np
import pytest
from mask_pictures import SIDE, as_jpeg, box, codes, disc, picture_of, white
from PIL import Image, ImageFilter

from latentinpaint.doctor import examine


def test_a_photograph_as_mask(photo):
    assert codes(photo) == {"a photograph as mask"} == codes(photo.convert("L"), severity="problem")
    half_black = Image.composite(Image.new("L", photo.size), photo.convert("L"), white(box(0, SIDE, 0, 50)))
    assert codes(half_black) == {"a photograph as mask"}
    assert "a photograph as mask" not in codes(white(disc()).filter(ImageFilter.GaussianBlur(25)))


@pytest.mark.parametrize("mask", [white(disc()), as_jpeg(white(disc()), 60)], ids=["png", "jpeg"])
def test_picture_and_mask_swapped(photo, mask):
    assert "picture and mask are swapped" in codes(photo, mask, severity="problem")
    assert "picture and mask are swapped" not in codes(photo, photo)
    assert "picture and mask are swapped" not in codes(mask, photo)


def test_a_photograph_with_its_hole_cut_out(helpers):
    cut = Image.fromarray(np.dstack([helpers.smooth(SIDE, SIDE), np.where(box(), 0, 255).astype(np.uint8)]))
    (found,) = examine(None, picture_of(cut, "m"))
    assert found.severity.value == "problem" and "transparent in 11.1 %" in found.seen


def layered(colour, hole):
    opacity = np.where(hole, 255, 0).astype(np.uint8)
    return Image.fromarray(np.dstack([np.full((*hole.shape, 3), colour, np.uint8), opacity]))


def test_alpha_masks():
    assert "alpha mask" in codes(layered(255, box()), severity="note")
    assert {"alpha mask without white", "no hole"} <= codes(layered(0, box()))
    opaque = layered(255, box(0, SIDE, 0, SIDE))
    assert not {"alpha mask", "alpha mask without white"} & codes(opaque)
