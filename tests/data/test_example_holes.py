"""Holes over objects: where they are."""

import numpy as np
import pytest

from latentinpaint.data.example_holes import EXAMPLE_PHOTOS, example_hole
from latentinpaint.data.photos import SamplePhotos


@pytest.mark.parametrize("name", EXAMPLE_PHOTOS)
def test_a_hole_has_its_photographs_size_and_covers_a_part(name):
    source = SamplePhotos("all")
    height, width = source.read(source.names.index(name)).shape[:2]
    hole = example_hole(name, (width, height))
    assert hole.size == (width, height) and hole.mode == "L"
    values = np.asarray(hole)
    assert set(np.unique(values)) == {0, 255}
    assert 0.01 < (values == 255).mean() < 0.2


def test_strokes_have_round_ends():
    """The patch on the astronaut's arm: a disc of 90 pixels about (168.5, 385)."""
    values = np.asarray(example_hole("astronaut.png", (512, 512))) > 0
    assert values[385, 168 - 43] and values[385 + 43, 168] and values[385 + 30, 168 - 30]
    assert not values[385, 168 - 48] and not values[385 + 40, 168 - 40]
