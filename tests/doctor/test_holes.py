"""Holes: every finding where it should be, and none just below its threshold."""

import numpy as np
import pytest
import torch
from mask_pictures import SIDE, box, codes, picture_of
from PIL import Image

from latentinpaint.data.masks import mask_preset
from latentinpaint.doctor import examine


def test_no_hole_and_all_hole():
    nothing, all_of_it = box(0, 0), box(0, SIDE, 0, SIDE)
    assert "no hole" in codes(nothing, severity="problem") and "no hole" in codes(all_of_it, invert=True)
    assert "all hole" in codes(all_of_it, severity="problem") and "all hole" in codes(nothing, invert=True)
    one_pixel = box(5, 6, 5, 6)
    assert not {"no hole", "all hole"} & (codes(one_pixel) | codes(one_pixel, invert=True))


def test_a_dark_mask_is_told_its_lightest_shade():
    (found,) = [
        f for f in examine(None, picture_of(Image.fromarray(box() * np.uint8(77)), "m")) if f.code.value == "no hole"
    ]
    assert "77 of 255" in found.seen
    (found,) = [f for f in examine(None, picture_of(box(0, 0), "m")) if f.code.value == "no hole"]
    assert "of 255" not in found.seen


def test_large_holes():
    """A stripe from side to side: corners stay, so nothing looks inverted."""
    assert "large hole" not in codes(box(30, 90, 0, SIDE))  # one half exactly
    assert "large hole" in codes(box(30, 91, 0, SIDE), severity="warning")


def test_inverted_by_shape():
    island = ~box(40, 80, 40, 80)
    assert "likely inverted" in codes(island, severity="warning")
    assert "likely inverted" not in codes(~island)
    assert "likely inverted" in codes(~island, invert=True) and "likely inverted" not in codes(island, invert=True)
    # What is kept reaches two corners: a legitimate large hole.
    assert "likely inverted" not in codes(~box(0, 40, 0, SIDE))
    # Kept are strips along the middle of each side: all corners are hole, but 50 of 120 border pixels a side alone.
    strips = box(0, 20, 25, 95) | box(100, SIDE, 25, 95)
    assert "likely inverted" not in codes(~(strips | strips.T))


def test_the_picture_strengthens_or_refutes(helpers):
    detail = helpers.smooth(SIDE, SIDE)
    kept = box(0, 45, 0, SIDE)  # reaches two corners: by its shape nothing is suspected
    paper = Image.fromarray(np.where(kept[..., None], 255, detail).astype(np.uint8))
    assert "likely inverted" not in codes(~kept, Image.fromarray(detail))
    assert "likely inverted" in codes(~kept, paper)
    kept = box(40, 80, 40, 80)  # suspected by its shape, but the canvas around is empty
    canvas = Image.fromarray(np.where(kept[..., None], detail, 255).astype(np.uint8))
    assert "likely inverted" in codes(~kept, Image.fromarray(detail))
    assert "likely inverted" not in codes(~kept, canvas)


def test_inverted_by_opacity(helpers):
    detail = helpers.smooth(SIDE, SIDE)
    hole = box(0, 45, 0, SIDE)
    cut_out = Image.fromarray(np.dstack([detail, np.where(hole, 0, 255).astype(np.uint8)]))
    assert "likely inverted" in codes(~hole, cut_out)
    assert "likely inverted" not in codes(hole, cut_out)


def drawn(name, count):
    for seed in range(count):
        yield mask_preset(name, 256)(256, 256, torch.Generator().manual_seed(seed))[0].numpy() > 0.5


@pytest.mark.parametrize(("name", "least"), [("thin", 0.7), ("medium", 0.8), ("thick", 0.75), ("patches", 1.0)])
def test_drawn_masks_are_never_called_inverted_and_most_inverted_ones_are(name, least):
    masks = list(drawn(name, 100))
    for hole in masks:
        assert not codes(hole, severity="problem") and not codes(hole, severity="warning")
    inverted = [codes(~hole, severity="warning") for hole in masks]
    assert np.mean(["likely inverted" in found for found in inverted]) >= least
    assert all({"likely inverted", "large hole"} & found for found in inverted)


def test_training_masks_have_no_upper_limit_and_few_false_alarms():
    alarms = ["likely inverted" in codes(hole) for hole in drawn("training", 200)]
    assert 0 < np.mean(alarms) <= 0.04


def test_holes_at_the_border():
    assert "hole at the border" not in codes(box(1, 50, 1, 50))
    (found,) = [f for f in examine(None, picture_of(box(0, 60, 0, 30), "m")) if f.code.value == "hole at the border"]
    assert "top 25 %" in found.seen and "left 50 %" in found.seen and "right" not in found.seen
    (found,) = [f for f in examine(None, picture_of(~box(), "m")) if f.code.value == "hole at the border"]
    assert "all of it" in found.seen and "top" not in found.seen


@pytest.mark.parametrize(("count", "size", "expected"), [(9, 2, False), (10, 2, True), (30, 3, False)])
def test_specks(count, size, expected):
    hole = box()
    for number in range(count):
        hole[80 + 10 * (number // 20) :, 2 + 5 * (number % 20) :][:size, :size] = True
    assert ("specks" in codes(hole, severity="warning")) == expected


def test_pinholes():
    hole = np.zeros((SIDE, SIDE), bool)
    hole[10:70, 10:70] = True
    noisy = hole.copy()
    noisy[12:52:4, 12:52:4] = False
    assert "pinholes" in codes(noisy, severity="warning")
    noisy[12, 12] = True
    assert "pinholes" not in codes(noisy)


def test_a_picture_that_is_transparent_in_the_hole(helpers):
    colours = helpers.smooth(SIDE, SIDE)
    for top, expected in ((69, True), (70, False)):  # the hole ends with row 69
        picture = Image.fromarray(
            np.dstack([colours, np.where(np.arange(SIDE) < top, 255, 0)[:, None].repeat(SIDE, 1).astype(np.uint8)])
        )
        assert ("transparent in the hole" in codes(box(), picture, severity="note")) == expected
    assert "transparent in the hole" not in codes(box(), Image.fromarray(colours))
