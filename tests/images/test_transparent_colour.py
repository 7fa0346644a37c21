"""The one transparent colour of a picture without alpha."""

import numpy as np
import pytest

from latentinpaint.images.transparent_colour import TransparentColour


@pytest.mark.parametrize(
    ("key", "samples", "where", "expected"),
    [
        (TransparentColour(5), [5, 5, 7], [True, False, False], [5, 4, 7]),
        (TransparentColour(0), [0, 0, 7], [False, True, False], [1, 0, 7]),
        (TransparentColour(1, step=85), [85, 85, 170], [False, False, True], [0, 0, 85]),
        (TransparentColour(1, two_tone=True), [1, 0, 0], [False, False, True], [1, 0, 1]),
    ],
)
def test_only_what_is_transparent_has_the_colour(key, samples, where, expected):
    samples = np.array(samples, np.uint8)
    key.give(samples, np.array(where))
    assert samples.tolist() == expected
    if not key.two_tone:
        assert key.where(samples).tolist() == where


def test_colours_of_several_channels():
    key = TransparentColour((9, 0, 0))
    samples = np.array([[9, 0, 0], [9, 0, 1], [9, 0, 0]], np.uint16)
    assert key.where(samples).tolist() == [True, False, True]
    key.give(samples, np.array([False, True, False]))
    assert samples.tolist() == [[9, 0, 1], [9, 0, 0], [9, 0, 1]]
