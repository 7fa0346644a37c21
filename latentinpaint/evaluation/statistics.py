"""Means with intervals, over pictures.

An interval is the 95 % percentile interval of the bootstrap: pictures are drawn anew with replacement, all holes of a
picture together, because they are not independent. The draws are seeded, so equal figures give equal intervals. The
quantiles are Hesterberg's expanded ones, which make up for a small sample's standard deviation being too small.
Efron, "Bootstrap methods: another look at the jackknife", 1979, https://doi.org/10.1214/aos/1176344552; Hesterberg,
"What teachers should know about the bootstrap", 2015, https://doi.org/10.1080/00031305.2015.1089789.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm, t

from latentinpaint.errors import InputError

RESAMPLES = 2000
BLOCK = 200  # resamples that are drawn at once
LEVEL = 0.95
MIN_PICTURES = 6  # below which there is no interval worth the name
RECOMMENDED_PICTURES = 20  # below which it is to be taken with caution


@dataclass(frozen=True)
class Mean:
    """A mean over `count` finite values and its interval (nan for few pictures).

    left_out: how many values were not finite. capped: how many of the finite ones stand for more, as the PSNR of an
    exact fill does; for a difference, of how many items one of both does.
    """

    value: float
    low: float
    high: float
    count: int
    left_out: int
    capped: int = 0

    @property
    def is_clear_of_zero(self) -> bool:
        """Whether there is an interval, and zero is outside it."""
        return self.low > 0 or self.high < 0


def mean_with_interval(values: Sequence[float] | np.ndarray, groups: Sequence[str], cap: float = math.inf) -> Mean:
    """The mean of the finite values and its interval.

    Args:
        values: one for each item.
        groups: the group of each item; items of a group are drawn together.
        cap: values from here on count as capped, see `metrics.pixels.Metric`.

    Raises:
        InputError: if there are not as many groups as values.
    """
    array = np.asarray(values, np.float64)
    if array.shape != (len(groups),):
        raise InputError(f"{array.size} values for {len(groups)} groups: each value has one")
    finite = np.isfinite(array)
    kept = array[finite]
    left_out = int((~finite).sum())
    if not len(kept):
        return Mean(math.nan, math.nan, math.nan, 0, left_out)
    # An exact sum, so that the order of the files cannot show in the last digit.
    value = math.fsum(kept) / len(kept)
    low, high = _interval(kept, np.asarray(groups)[finite])
    return Mean(value, low, high, len(kept), left_out, int((kept >= cap).sum()))


@dataclass(frozen=True)
class Difference:
    """Mean of one method less another, item by item; `better` is in how many of `of` the one is better."""

    mean: Mean
    better: int
    of: int


def paired_difference(
    one: Sequence[float] | np.ndarray,
    other: Sequence[float] | np.ndarray,
    groups: Sequence[str],
    higher_is_better: bool,
    cap: float = math.inf,
) -> Difference:
    """Compare two methods on the same items; an item that either has no finite value for is left out.

    Args:
        one, other: a value for each item.
        groups: see `mean_with_interval`.
        higher_is_better: which of two values is the better one.
        cap: values from here on are capped.

    Raises:
        InputError: if there are not as many values of one as of the other.
    """
    values = np.asarray(one, np.float64)
    reference = np.asarray(other, np.float64)
    if values.shape != reference.shape:
        raise InputError(f"{values.size} values cannot be compared one by one with {reference.size}")
    known = np.isfinite(values) & np.isfinite(reference)
    differences = np.full(values.shape, np.nan)
    differences[known] = values[known] - reference[known]
    better = differences < 0
    if higher_is_better:
        better = differences > 0
    capped = known & (np.maximum(values, reference) >= cap)
    mean = replace(mean_with_interval(differences, groups), capped=int(capped.sum()))
    return Difference(mean, int(better.sum()), int(known.sum()))


def median(values: Sequence[float]) -> float:
    """The median of the values that are numbers; nan if none is."""
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return math.nan
    return float(np.median(known))


def _interval(values: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """The interval of the mean of finite values; nan and nan for fewer than `MIN_PICTURES` groups."""
    _, which = np.unique(groups, return_inverse=True)
    count = int(which.max()) + 1
    if count < MIN_PICTURES:
        return math.nan, math.nan
    # Within a group by size, so that the order of the files cannot show in a sum's last digit.
    order = np.lexsort((values, which))
    sums = np.add.reduceat(values[order], np.searchsorted(which[order], np.arange(count)))
    sizes = np.bincount(which)
    generator = np.random.default_rng(0)
    means = np.empty(RESAMPLES)
    for first in range(0, RESAMPLES, BLOCK):
        drawn = generator.integers(0, count, (min(BLOCK, RESAMPLES - first), count))
        means[first : first + BLOCK] = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    # A percentile interval of n values is too narrow by sqrt((n - 1) / n), and as if their standard deviation were
    # known.
    level = norm.cdf(-math.sqrt(count / (count - 1)) * t.ppf((1 + LEVEL) / 2, count - 1))
    low, high = np.quantile(means, [level, 1 - level]).tolist()
    return low, high
