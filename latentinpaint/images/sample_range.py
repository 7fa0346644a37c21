"""Which sample values of a deep picture mean black and white.

Sixteen bits are a container: cameras fill 10, 12 or 14 of them, microscopes and depth sensors a few thousand values,
and integers of 32 bits and floats have no white at all. A network that sees such a picture against the container's
white sees black. So the samples that are known decide, all channels together, so that colours keep their balance:

- black is 0, and white the smallest of …, 1/4, 1/2, 1, 3, 7, …, 255, …, 4095, …, 65535, … (one less than a power of
  2, as a converter of so many bits has it) that holds the samples, never above the format's own white;
- where the samples lie far from 0 for the distance between them (a large offset), black and white lie around them,
  a quarter of that distance away.

Both hold for all but the darkest and the brightest thousandth of the samples: hot pixels do not decide. What is
brighter than white by a sixteenth counts as a highlight that may be cut.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from latentinpaint.errors import InputError

OUTLIERS = 0.001  # fraction of the samples at either end that does not decide
HIGHLIGHTS = 1 / 16  # by which the brightest samples may exceed white
LARGE_OFFSET = 2  # times the distance between the samples
MARGIN = 1 / 4  # of the distance between the samples, beyond them
MOST_SORTED = 1_000_000  # samples; of more, evenly spread ones are taken


@dataclass(frozen=True)
class SampleRange:
    """The sample values that mean 0 and 1."""

    black: float
    white: float

    def to_unit(self, samples: np.ndarray) -> np.ndarray:
        """Samples as float32 in [0, 1], clipped; what is not a number is 0."""
        if self.black == 0 and samples.dtype != np.int32:
            values = samples.astype(np.float32) / np.float32(self.white)
        else:  # 31 bits, or a small part of 24, are more than a float32 holds before they are scaled
            values = ((samples.astype(np.float64) - self.black) / (self.white - self.black)).astype(np.float32)
        if samples.dtype.kind == "f":  # whole numbers are finite
            values = np.nan_to_num(values, copy=False)
        return np.clip(values, 0, 1)

    def to_samples(self, values: np.ndarray) -> np.ndarray:
        """Float64 in [0, 1] as sample values, float64, not rounded."""
        return self.black + values * (self.white - self.black)


def check_intensities(samples: np.ndarray, name: str) -> None:
    """Raise an `InputError` unless samples of any shape are all finite and at least 0; `name` is the picture's."""
    if not samples.size:
        return
    low = float(samples.min())
    high = float(samples.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError(
            f"{name} has known samples that are not finite (NaN or infinite): paint the mask over them, or give them "
            "values"
        )
    if low < 0:
        raise InputError(
            f"{name} has known samples from {low:g} to {high:g}, and brightness must be at least 0: paint the mask "
            f"over those that stand for missing values, or add {-low:g} to all"
        )


def range_of(samples: np.ndarray, white: float | None) -> SampleRange:
    """The black and the white of samples.

    Args:
        samples: (N,) or (N, C), finite and at least 0.
        white: the format's own, which no sample exceeds; None where there is none.
    """
    values = samples.reshape(-1)
    if not values.size or values.max() <= 0:
        return SampleRange(0.0, 1.0)
    values = values[:: 1 + values.size // MOST_SORTED]
    low = float(np.quantile(values, OUTLIERS, method="lower"))
    high = float(np.quantile(values, 1 - OUTLIERS, method="higher"))
    if high <= 0:  # but for a few samples all is black
        high = float(samples.max())
    limit = white or _largest(values.dtype)
    distance = high - low
    if distance > 0 and low > LARGE_OFFSET * distance:
        return SampleRange(low - MARGIN * distance, min(high + MARGIN * distance, limit))
    return SampleRange(0.0, min(_smallest_white(high / (1 + HIGHLIGHTS)), limit))


def _largest(dtype: np.dtype[Any]) -> float:
    """The largest number that a type of samples holds."""
    if np.issubdtype(dtype, np.integer):
        return float(np.iinfo(dtype).max)
    return float(np.finfo(dtype).max)


def _smallest_white(value: float) -> float:
    """The smallest white that is at least `value`, which is above 0; see the module's text."""
    if value <= 1:
        return 2.0 ** math.ceil(math.log2(value))
    return 2.0 ** math.ceil(math.log2(value + 1)) - 1
