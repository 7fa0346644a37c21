"""Means with intervals, over pictures.

An interval is the 95 % percentile interval of the bootstrap: pictures are drawn anew with replacement, all holes of a
picture together, because they are not independent. The draws are seeded, so equal figures give equal intervals. The
quantiles are Hesterberg's expanded ones, which make up for a small sample's standard deviation being too small.
Efron, "Bootstrap methods: another look at the jackknife", 1979, https://doi.org/10.1214/aos/1176344552; Hesterberg,
"What teachers should know about the bootstrap", 2015, https://doi.org/10.1080/00031305.2015.1089789.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, t

RESAMPLES = 2000
BLOCK = 200  # resamples that are drawn at once
LEVEL = 0.95
MIN_PICTURES = 6  # below which there is no interval worth the name
RECOMMENDED_PICTURES = 20  # below which it is to be taken with caution


@dataclass(frozen=True)
class Mean:
    """A mean over `count` finite values, its interval (nan for few pictures), and how many values were not finite."""

    value: float
    low: float
    high: float
    count: int
    left_out: int


def mean_with_interval(values: Sequence[float] | np.ndarray, groups: Sequence[str]) -> Mean:
    """The mean of the finite values and its interval.

    Args:
        values: one for each item.
        groups: the group of each item; items of a group are drawn together.
    """
    array = np.asarray(values, np.float64)
    if len(array) != len(groups):
        raise ValueError(f"{len(array)} values for {len(groups)} groups")
    finite = np.isfinite(array)
    kept = array[finite]
    left_out = int((~finite).sum())
    if not len(kept):
        return Mean(math.nan, math.nan, math.nan, 0, left_out)
    # An exact sum, so that the order of the files cannot show in the last digit.
    value = math.fsum(kept) / len(kept)
    low, high = _interval(kept, np.asarray(groups)[finite])
    return Mean(value, low, high, len(kept), left_out)


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
) -> Difference:
    """Compare two methods on the same items; an item that either has no finite value for is left out."""
    with np.errstate(invalid="ignore"):  # two infinite values have no difference
        differences = np.asarray(one, np.float64) - np.asarray(other, np.float64)
    better = differences < 0
    if higher_is_better:
        better = differences > 0  # an infinite PSNR is better, too
    compared = int((~np.isnan(differences)).sum())
    return Difference(mean_with_interval(differences, groups), int(better.sum()), compared)


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
