"""Means and intervals against NumPy, SciPy's bootstrap and what an interval promises."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from latentinpaint.evaluation.statistics import Mean, mean_with_interval, median, paired_difference


def names(count, prefix="picture"):
    return [f"{prefix} {i:05d}" for i in range(count)]


def normal(count, seed=0):
    return np.random.default_rng(seed).normal(3, 2, count)


def width(mean: Mean):
    return mean.high - mean.low


# ---- the mean


def test_the_mean_is_numpys():
    values = normal(101)
    found = mean_with_interval(values, names(101))
    assert found.value == pytest.approx(np.mean(values), rel=1e-12)
    assert (found.count, found.left_out) == (101, 0)


def test_values_that_are_not_finite_are_left_out_and_counted():
    values = [1.0, math.inf, 2.0, math.nan, 6.0, -math.inf]
    values *= 6  # so that there is an interval
    groups = names(36)
    kept = [group for value, group in zip(values, groups, strict=True) if math.isfinite(value)]
    expected = mean_with_interval([1.0, 2.0, 6.0] * 6, kept)
    assert math.isfinite(expected.low) and expected.value == 3
    assert mean_with_interval(values, groups) == replace(expected, left_out=18)


def test_capped_values_count_and_are_counted():
    values = [60.0, 20.0, 60.0, math.nan]
    found = mean_with_interval(values, names(4), cap=60)
    assert (found.value, found.count, found.left_out, found.capped) == (pytest.approx(140 / 3), 3, 1, 2)
    assert mean_with_interval(values, names(4)).capped == 0
    other = [30.0, 60.0, 60.0, 60.0]
    for one, reference in ((values, other), (other, values)):
        found = paired_difference(one, reference, names(4), True, cap=60)
        assert (abs(found.mean.value), found.mean.count, found.mean.capped) == (pytest.approx(10 / 3), 3, 3)
        assert (found.better, found.of) == (1, 3)  # two exact fills are equal


@pytest.mark.parametrize("values", [[], [math.nan, math.inf]])
def test_of_nothing_there_is_no_mean(values):
    found = mean_with_interval(values, names(len(values)))
    assert math.isnan(found.value) and math.isnan(found.low) and math.isnan(found.high)
    assert (found.count, found.left_out) == (0, len(values))


@pytest.mark.parametrize("holes", [1, 5])
def test_a_single_picture_has_no_interval(holes):
    found = mean_with_interval([4.0] * holes, ["one"] * holes)
    assert found.value == 4 and found.count == holes
    assert math.isnan(found.low) and math.isnan(found.high)


def test_values_and_groups_of_different_number_are_refused():
    with pytest.raises(ValueError, match="2 values for 1 groups"):
        mean_with_interval([1.0, 2.0], ["a"])


# ---- the interval


def test_of_many_gaussian_values_it_is_the_normal_theorys():
    values = normal(2000)
    error = values.std(ddof=1) / math.sqrt(2000)
    low, high = scipy.stats.norm.interval(0.95, values.mean(), error)
    found = mean_with_interval(values, names(2000))
    # 2000 draws know a quantile to about 0.06 standard errors.
    assert found.low == pytest.approx(low, abs=0.2 * error)
    assert found.high == pytest.approx(high, abs=0.2 * error)


@pytest.mark.parametrize("draw", ["normal", "exponential"])
def test_it_is_scipys_percentile_bootstrap_at_the_expanded_level(draw):
    """A t quantile instead of the normal one, and n / (n - 1) for the sample's own deviation."""
    values = getattr(np.random.default_rng(3), draw)(size=40)
    tail = scipy.stats.norm.sf(scipy.stats.t.isf(0.025, 39) * math.sqrt(40 / 39))
    options = dict(n_resamples=20000, method="percentile", rng=1, confidence_level=1 - 2 * tail)
    theirs = scipy.stats.bootstrap((values,), np.mean, **options)
    found = mean_with_interval(values, names(40))
    assert found.low == pytest.approx(theirs.confidence_interval.low, abs=0.2 * theirs.standard_error)
    assert found.high == pytest.approx(theirs.confidence_interval.high, abs=0.2 * theirs.standard_error)


@pytest.mark.parametrize("count", [6, 10, 20])
def test_it_holds_the_truth_as_often_as_it_says(count):
    """Of normal values; the plain percentile interval of ten held it in 90 %."""
    generator = np.random.default_rng(count)
    held = 0
    for _ in range(400):
        found = mean_with_interval(generator.normal(size=count), names(count))
        held += found.low <= 0 <= found.high
    assert 0.925 <= held / 400 <= 0.985  # two and a half standard errors around 95 %, a little above at the top


def test_few_pictures_have_no_interval_however_many_holes():
    for count, there in ((5, False), (6, True)):
        values, groups = normal(3 * count), names(count) * 3
        assert math.isfinite(mean_with_interval(values, groups).low) == there


def test_it_moves_and_grows_with_the_values():
    values, groups = normal(30), names(30)
    one, other = mean_with_interval(values, groups), mean_with_interval(100 - 7 * values, groups)
    assert (other.low, other.high) == pytest.approx((100 - 7 * one.high, 100 - 7 * one.low))


def test_repeated_holes_of_a_picture_tell_nothing_new():
    values, groups = normal(60), names(60)
    once = mean_with_interval(values, groups)
    twice = mean_with_interval(np.repeat(values, 2), np.repeat(groups, 2).tolist())
    assert (twice.value, twice.low, twice.high) == (once.value, once.low, once.high)
    assert twice.count == 120
    alone = mean_with_interval(np.repeat(values, 2), names(120))
    assert width(alone) == pytest.approx(width(once) / math.sqrt(2), rel=0.1)


def test_it_holds_the_truth_as_often_as_it_says_if_pictures_are_kept_together():
    """Holes of one picture resemble each other: drawn one by one they would promise too much."""
    rng = np.random.default_rng(5)
    together, apart = [], []
    for _ in range(150):
        values = (rng.normal(size=(40, 1)) + 0.3 * rng.normal(size=(40, 4))).ravel()
        for kept, groups in ((together, np.repeat(names(40), 4).tolist()), (apart, names(160))):
            found = mean_with_interval(values, groups)
            kept.append(found.low <= 0 <= found.high)
    assert 0.89 <= np.mean(together) <= 0.99
    assert np.mean(apart) < 0.8


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_cases_does_not_show(seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=300) * 10.0 ** rng.integers(-8, 8, 300)
    values[::50] = math.nan
    groups = [f"picture {i}" for i in rng.integers(0, 40, 300)]
    order = rng.permutation(300)
    shuffled = mean_with_interval(values[order], [groups[i] for i in order])
    assert shuffled == mean_with_interval(values, groups)


# ---- two methods


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_a_difference_counts_the_cases_where_the_one_is_better(higher_is_better):
    one, other = [3.0, 5.0, 1.0, 2.0, 9.0], [1.0, 4.0, 2.0, 2.0, 8.0]
    found = paired_difference(one, other, names(5), higher_is_better)
    assert found.mean.value == pytest.approx((2 + 1 - 1 + 0 + 1) / 5)
    assert found.better == (3 if higher_is_better else 1)  # equal is not better


def test_a_difference_is_surer_than_its_parts():
    """Pictures differ more than methods: their common part cancels."""
    base, groups = normal(50), names(50)
    found = paired_difference(base + 0.5, base, groups, True)
    assert (found.mean.low, found.mean.value, found.mean.high) == pytest.approx((0.5, 0.5, 0.5))
    assert found.better == 50 and width(mean_with_interval(base, groups)) > 0.5


def test_swapped_methods_swap_the_difference():
    one, other, groups = normal(30, 1), normal(30, 2), names(30)
    there, back = paired_difference(one, other, groups, True), paired_difference(other, one, groups, True)
    assert (back.mean.value, back.mean.low) == pytest.approx((-there.mean.value, -there.mean.high))
    assert there.better + back.better == 30


def test_cases_without_two_finite_values_are_left_out_of_the_mean_silently():
    one = [math.inf, math.nan, 1.0, 4.0, math.inf, 2.0]
    other = [math.inf, 1.0, math.nan, 3.0, 5.0, 4.0]  # both perfect, and each kind of gap
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = paired_difference(one, other, names(6), True)
    assert found.mean.value == pytest.approx(-0.5)
    assert (found.mean.count, found.mean.left_out) == (2, 4)
    assert (found.better, found.of) == (1, 2)  # of the same items as the mean


# ---- the median


@pytest.mark.parametrize(
    ("values", "expected"),
    [([3.0, 1.0, 2.0], 2), ([4.0, math.nan, 1.0], 2.5), ([1.0, math.inf, math.inf], math.inf), ([5.0], 5)],
)
def test_the_median_is_of_the_numbers(values, expected):
    assert median(values) == expected


@pytest.mark.parametrize("values", [[], [math.nan, math.nan]])
def test_of_no_number_there_is_no_median(values):
    assert math.isnan(median(values))
