"""Means with intervals, over pictures.

An interval is the 95 % percentile interval of the bootstrap: pictures are drawn anew with replacement, all holes of a
picture together, because they are not independent. The draws are seeded, so equal figures give equal intervals.
Efron, "Bootstrap methods: another look at the jackknife", 1979, https://doi.org/10.1214/aos/1176344552.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Mean:
    """A mean over `count` finite values, its interval (nan for fewer than two pictures), and how many were not."""

    value: float
    low: float
    high: float
    count: int
    left_out: int


def mean_with_interval(values: Sequence[float], groups: Sequence[str]) -> Mean:
    """The mean of the finite values and its interval.

    Args:
        values: one a case.
        groups: what each belongs to; cases of a group are drawn together.
    """
    array = np.asarray(values, np.float64)
    finite = np.isfinite(array)
    kept, names = array[finite], [g for g, keep in zip(groups, finite, strict=True) if keep]
    if not len(kept):
        return Mean(math.nan, math.nan, math.nan, 0, int((~finite).sum()))
    # An exact sum, so that the order of the files cannot show in the last digit.
    value = math.fsum(kept) / len(kept)
    low = high = math.nan
    clusters = sorted(set(names))
    if len(clusters) > 1:
        number = {name: index for index, name in enumerate(clusters)}
        which = np.array([number[name] for name in names])
        sums = np.array([math.fsum(kept[which == n]) for n in range(len(clusters))])
        counts = np.bincount(which, minlength=len(clusters))
        drawn = np.random.default_rng(0).integers(0, len(clusters), (RESAMPLES, len(clusters)))
        means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
        low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    return Mean(value, low, high, len(kept), int((~finite).sum()))


@dataclass(frozen=True)
class Difference:
    """Mean of one method less another, case by case; `better` is in how many of `mean.count` the one is better."""

    mean: Mean
    better: int


def paired_difference(
    one: Sequence[float], other: Sequence[float], groups: Sequence[str], higher_is_better: bool
) -> Difference:
    """Compare two methods on the same cases; where either has no finite value, the case is left out."""
    with np.errstate(invalid="ignore"):  # two infinite values have no difference
        differences = np.asarray(one, np.float64) - np.asarray(other, np.float64)
    finite = differences[np.isfinite(differences)]
    better = (finite > 0) if higher_is_better else (finite < 0)
    return Difference(mean_with_interval(differences, groups), int(better.sum()))


def median(values: Sequence[float]) -> float:
    """The median of the values that are numbers; nan if none is."""
    known = [value for value in values if not math.isnan(value)]
    return float(np.median(known)) if known else math.nan
