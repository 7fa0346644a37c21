"""Black and white of samples whose range a person knows."""

import numpy as np
import pytest

from latentinpaint.errors import InputError
from latentinpaint.images.sample_range import SampleRange, check_intensities, range_of

RANGES = {
    "8 bits": (0, 255, np.uint16, 65535, (0, 255)),
    "12 bits": (0, 4095, np.uint16, 65535, (0, 4095)),
    "a dark picture of 12 bits": (0, 2500, np.uint16, 65535, (0, 4095)),
    "14 bits with a black level": (512, 16000, np.uint16, 65535, (0, 16383)),
    "16 bits": (0, 65535, np.uint16, 65535, (0, 65535)),
    "never above the format's white": (0, 4095, np.uint16, 4095, (0, 4095)),
    "31 bits": (0, 2**31 - 1, np.int32, None, (0, 2**31 - 1)),
    "unit floats": (0, 1, np.float32, None, (0, 1)),
    "dark floats": (0, 0.2, np.float32, None, (0, 0.25)),
    "floats with a little ringing": (0, 1.04, np.float32, None, (0, 1)),
    "a large offset": (10000, 10800, np.uint16, 65535, (9800, 11000)),
    "a large offset at the top": (65135, 65535, np.uint16, 65535, (65035, 65535)),
    "one value": (3000, 3000, np.uint16, 65535, (0, 4095)),
    "black": (0, 0, np.uint16, 65535, (0, 1)),
}


@pytest.mark.parametrize("name", RANGES)
def test_ranges(name):
    low, high, dtype, white, expected = RANGES[name]
    samples = np.linspace(low, high, 900).astype(dtype)
    found = range_of(samples, white)
    assert (found.black, found.white) == pytest.approx(expected)
    values = found.to_unit(samples)
    assert values.dtype == np.float32 and 0 <= values.min() and values.max() <= 1
    outside = (samples < found.black) | (samples > found.white)
    back = found.to_samples(values.astype(np.float64))
    np.testing.assert_allclose(back[~outside], samples[~outside], rtol=1e-6, atol=1e-6 * found.white)


def test_outliers_do_not_decide():
    samples = np.full(100_000, 900, np.uint16)
    samples[::50] = 10
    samples[:90] = 65535
    assert range_of(samples, 65535).white == 1023
    many = np.tile(samples, 30)  # more than are sorted
    assert range_of(many, 65535).white == 1023
    sparse = np.zeros(100_000, np.uint16)
    sparse[:3] = 4000
    assert range_of(sparse, 65535).white == 4095


def test_colours_are_judged_together():
    colours = np.stack([np.arange(4000), np.arange(4000) // 8, np.zeros(4000)], -1).astype(np.uint16)
    assert range_of(colours, 65535) == SampleRange(0, 4095)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.5])
def test_what_is_no_intensity(value):
    check_intensities(np.array([0.5, 3], np.float32), "depth.tif")
    check_intensities(np.empty((0, 3), np.float32), "depth.tif")
    with pytest.raises(InputError, match="depth.tif has known samples"):
        check_intensities(np.array([0.5, value], np.float32), "depth.tif")
