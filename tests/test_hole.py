"""One hole, in masks of every type and scale; and what leaves open where the hole is."""

import numpy as np
import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.hole import check_unit_mask, hole_of_values, is_hole, mask_scale
from latentinpaint.metrics.calibration import standard_deviation_map
from latentinpaint.metrics.pixels import evaluate_pair
from latentinpaint.metrics.regions import band, hole_width
from latentinpaint.pipeline import composite, mask_out
from latentinpaint.visualization import uncertainty_map

LEVELS = np.linspace(0, 255, 12).round().reshape(3, 4)
HOLE = LEVELS > 127.5
SCALED = {
    "bool": HOLE,
    "uint8 0 and 1": HOLE.astype(np.uint8),
    "uint8 0 and 255": HOLE.astype(np.uint8) * 255,
    "uint8 soft": LEVELS.astype(np.uint8),
    "uint16 0 to 65535": LEVELS.astype(np.uint16) * 257,
    "uint16 0 and 255": HOLE.astype(np.uint16) * 255,
    "uint16 0 and 1": HOLE.astype(np.uint16),
    "int64 0 and 1": HOLE.astype(np.int64),
    "int32 0 to full scale": HOLE.astype(np.int32) * (2**31 - 1),
    "floats 0 to 1": LEVELS / 255,
    "floats 0 to 255": LEVELS.astype(np.float32),
    "floats 0 to 65535": LEVELS.astype(np.float32) * 257,
    "half precision": (LEVELS / 255).astype(np.float16),
    "a little beyond": np.where(HOLE, 1.005, -0.005),
    "one hole in all": np.ones((3, 4), np.uint8),
}


@pytest.mark.parametrize("name", SCALED)
def test_every_scale(name):
    expected = HOLE
    if name == "one hole in all":
        expected = HOLE | True
    hole = hole_of_values(SCALED[name])
    assert hole.dtype == bool and np.array_equal(hole, expected)


OPEN = {
    "labels 0 and 2": (HOLE * 2, "none near half"),
    "labels 0, 1, 2": (np.array([[0, 1, 2]]), "label"),
    "float labels": (np.array([[0.0, 1, 2]]), "none near half"),
    "ninety labels": (np.arange(91, dtype=np.uint8), "none near half"),
    "12 bits": (HOLE.astype(np.uint16) * 4095, "none near half"),
    "NaN": (np.array([[0, np.nan]]), "not finite"),
    "infinite": (np.array([[0, np.inf]], np.float16), "not finite"),
    "negative": (np.array([[-1, 1]]), "from -1"),
    "logits": (np.array([[-3.5, 4.0]]), "from -3.5"),
    "too many": (np.array([[0, 10**6]]), "up to 1e"),
}


@pytest.mark.parametrize("name", OPEN)
def test_what_leaves_the_hole_open(name):
    values, words = OPEN[name]
    with pytest.raises(InputError, match=words) as error:
        hole_of_values(values, "the mask m.png")
    assert "m.png" in str(error.value) and "\n" not in str(error.value)


def test_no_hole():
    for values in (
        np.zeros((2, 2), np.uint8),
        np.full((2, 2), 0.4),
        np.full((2, 2), 127, np.uint8),
        np.zeros((0, 3)),
    ):
        assert not hole_of_values(values).any()
    assert mask_scale(np.zeros((0, 3))) == 1


def test_unit_masks():
    for mask in (HOLE, torch.from_numpy(HOLE), torch.tensor([0, 1]), torch.tensor([0.2, 1.0]), torch.empty(0)):
        check_unit_mask(mask)
    assert is_hole(torch.tensor([0.5, 0.51])).tolist() == [False, True]
    assert is_hole(np.array([True, False])).tolist() == [True, False]


DOORS = {
    "composite": lambda image, mask: composite(image, image, mask),
    "mask_out": mask_out,
    "evaluate_pair": lambda image, mask: evaluate_pair(image, image, mask),
    "band": lambda image, mask: band(mask),
    "hole_width": lambda image, mask: hole_width(mask),
    "standard_deviation_map": lambda image, mask: standard_deviation_map(image.expand(2, -1, -1, -1), mask),
    "uncertainty_map": lambda image, mask: uncertainty_map(image.expand(2, -1, -1, -1), mask[0, 0]),
}


@pytest.mark.parametrize("mask", [torch.rand(1, 1, 16, 16) * 255, torch.full((1, 1, 16, 16), torch.nan)])
@pytest.mark.parametrize("door", DOORS)
def test_tensors_of_another_scale_are_refused(door, mask):
    DOORS[door](torch.rand(1, 3, 16, 16), (mask > 0).float())
    with pytest.raises(InputError, match=r"a mask holds values in \[0, 1\]"):
        DOORS[door](torch.rand(1, 3, 16, 16), mask)
