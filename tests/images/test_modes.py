"""Colours as samples of a mode, against Pillow's own conversions and closed forms."""

import numpy as np
import pytest
from PIL import Image

from latentinpaint.images.modes import to_samples
from latentinpaint.images.sample_range import SampleRange


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr"])
def test_modes_of_printing_and_video_are_pillows(mode):
    samples = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    expected = np.asarray(Image.fromarray(samples).convert(mode))
    np.testing.assert_array_equal(to_samples(samples / 255, mode, SampleRange(0, 255)), expected)


@pytest.mark.parametrize(
    ("mode", "white", "step", "expected"),
    [
        ("L", 255, 1, [0, 102, 255]),
        ("L", 255, 85, [0, 85, 255]),
        ("I;16", 65535, 1, [0, 26214, 65535]),
        ("I", 2**31 - 1, 1, [0, 858993459, 2**31 - 1]),
        ("F", 1, 1, [0, 0.4, 1]),
        ("1", 1, 1, [False, False, True]),
    ],
)
def test_greys(mode, white, step, expected):
    greys = np.repeat(np.array([[0.0], [0.4], [1.0]]), 3, axis=1)
    samples = to_samples(greys, mode, SampleRange(0, white), step)
    np.testing.assert_allclose(samples, expected, rtol=1e-6)
