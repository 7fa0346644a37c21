"""Figures of several samples, for truths of which their values are known."""

import math

import numpy as np
import pytest
import scipy.stats
import torch

from latentinpaint.metrics.calibration import sample_statistics
from latentinpaint.metrics.pixels import Metric, PixelMap


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def whole(side):
    return torch.ones(1, 1, side, side)


def gaussian(count, side=64, seed=0):
    """Independent entries, (count, 3, side, side)."""
    return 0.5 + 0.1 * torch.randn(count, 3, side, side, generator=generator(seed))


class Gap(Metric):
    """How far the red of two pictures is apart."""

    name, label, higher_is_better = "gap", "gap", False

    def pixel_map(self, prediction, target):
        values = (prediction - target).abs()[:, :1]
        return PixelMap(values, values.mean(dim=(1, 2, 3)))


# ---- a truth that is one more sample


@pytest.mark.parametrize("count", [2, 3, 8])
def test_a_truth_like_the_samples_has_every_rank_alike(count):
    drawn = gaussian(count + 1)
    found = sample_statistics(drawn[:count], drawn[count:], whole(64), None, generator())
    entries = 3 * 64 * 64
    assert sum(found.ranks) == entries and len(found.ranks) == count + 1 and found.samples == count
    assert scipy.stats.chisquare(found.ranks).pvalue > 0.01
    covered = 1 - (found.ranks[0] + found.ranks[-1]) / entries
    expected = (count - 1) / (count + 1)
    assert covered == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / entries))


@pytest.mark.parametrize("count", [2, 3, 8])
def test_a_truth_like_the_samples_is_as_far_as_they_spread(count):
    drawn = gaussian(count + 1)
    found = sample_statistics(drawn[:count], drawn[count:], whole(64), None, generator())
    assert found.spread_squared == pytest.approx(0.01 * (count + 1) / count, rel=0.05)
    assert found.error_squared == pytest.approx(0.01 * (count + 1) / count, rel=0.05)
    assert math.sqrt(found.spread_squared / found.error_squared) == pytest.approx(1, abs=0.04)


@pytest.mark.parametrize(("factor", "shape"), [(3, "high ends"), (1 / 3, "a hump")])
def test_a_histogram_shows_samples_too_sure_and_too_unsure(factor, shape):
    drawn = gaussian(6)
    truth = 0.5 + factor * (drawn[5:] - 0.5)
    found = sample_statistics(drawn[:5], truth, whole(64), None, generator())
    ends, middle = found.ranks[0] + found.ranks[5], found.ranks[2] + found.ranks[3]
    assert (ends > 2 * middle) if shape == "high ends" else (middle > 2 * ends)
    assert (found.spread_squared < found.error_squared) == (shape == "high ends")


# ---- other truths


@pytest.mark.parametrize(("shift", "rank"), [(10.0, 4), (-10.0, 0)])
def test_a_truth_beyond_all_samples(shift, rank):
    samples = gaussian(4, 16)
    truth = samples.mean(dim=0, keepdim=True) + shift
    found = sample_statistics(samples, truth, whole(16), None, generator())
    assert found.ranks[rank] == 3 * 16 * 16 == sum(found.ranks)
    assert found.error_squared == pytest.approx(100, rel=1e-4)


def test_three_samples_by_hand():
    samples = torch.tensor([0.1, 0.2, 0.6]).view(3, 1, 1, 1).expand(3, 3, 5, 5)
    found = sample_statistics(samples, torch.full((1, 3, 5, 5), 0.5), whole(5), None, generator())
    variance = (0.2**2 + 0.1**2 + 0.3**2) / 2
    assert found.standard_deviation == pytest.approx(math.sqrt(variance), rel=1e-5)
    assert found.spread_squared == pytest.approx(variance * 4 / 3, rel=1e-5)
    assert found.error_squared == pytest.approx(0.04, rel=1e-5)
    assert found.ranks == [0, 0, 75, 0]


def test_equal_samples_are_sure():
    samples = torch.full((3, 3, 8, 8), 0.4)
    truth = samples[:1].clone()
    truth[:, 0] = 0.3
    truth[:, 1] = 0.6
    truth[:, 2] = 0.7
    found = sample_statistics(samples, truth, whole(8), Gap(), generator())
    assert (found.standard_deviation, found.spread_squared, found.diversity) == (0, 0, 0)
    assert not found.map.any()
    assert found.ranks == [64, 0, 0, 128]
    assert found.error_squared == pytest.approx((0.01 + 0.04 + 0.09) / 3, rel=1e-5)


# ---- equal values


def test_a_truth_equal_to_all_samples_is_ranked_at_random():
    equal = torch.full((4, 3, 64, 64), 0.5)
    found = sample_statistics(equal, equal[:1], whole(64), None, generator())
    assert sum(found.ranks) == 3 * 64 * 64
    assert scipy.stats.chisquare(found.ranks).pvalue > 0.01
    assert sample_statistics(equal, equal[:1], whole(64), None, generator()).ranks == found.ranks
    assert sample_statistics(equal, equal[:1], whole(64), None, generator(1)).ranks != found.ranks


def test_a_truth_equal_to_some_samples_is_ranked_among_them():
    samples = torch.tensor([0.0, 0.5, 0.5, 1.0]).view(4, 1, 1, 1).expand(4, 3, 64, 64)
    found = sample_statistics(samples, torch.full((1, 3, 64, 64), 0.5), whole(64), None, generator())
    assert found.ranks[0] == found.ranks[4] == 0
    assert scipy.stats.chisquare(found.ranks[1:4]).pvalue > 0.01


# ---- the hole


def test_only_the_hole_is_evaluated():
    samples, truth, mask = gaussian(4, 20), gaussian(1, 20, 1), torch.zeros(1, 1, 20, 20)
    mask[..., 3:11, 5:9] = 1
    found = sample_statistics(samples, truth, mask, Gap(), generator())
    crop = (..., slice(3, 11), slice(5, 9))
    alone = sample_statistics(samples[crop], truth[crop], torch.ones(1, 1, 8, 4), Gap(), generator())
    for name in ("standard_deviation", "diversity", "spread_squared", "error_squared"):
        assert getattr(found, name) == pytest.approx(getattr(alone, name), rel=1e-5)
    assert found.ranks == alone.ranks and sum(found.ranks) == 3 * 32


@pytest.mark.parametrize("dtype", [torch.float32, torch.bool])
def test_the_map_is_numpys_deviation_and_zero_outside(dtype):
    samples, mask = gaussian(5, 20), torch.zeros(1, 1, 20, 20)
    mask[..., 3:11, 5:9] = 1
    found = sample_statistics(samples, gaussian(1, 20, 1), mask.to(dtype), None, generator())
    expected = np.where(mask.bool(), samples.double().numpy().std(axis=0, ddof=1).mean(axis=0), 0)
    np.testing.assert_allclose(found.map.numpy(), expected, rtol=1e-5)
    assert found.standard_deviation == pytest.approx(expected.sum() / 32, rel=1e-6)


# ---- the diversity


@pytest.mark.parametrize(
    ("levels", "expected"),
    [([0.0, 0.1, 0.4], (0.1 + 0.3 + 0.4) / 3), ([0.2, 0.7], 0.5), ([0.0, 1.0, 0.0, 1.0], 1.0)],
)
def test_the_diversity_is_of_each_sample_and_the_next_inside_the_hole(levels, expected):
    samples = torch.tensor(levels).view(-1, 1, 1, 1).repeat(1, 3, 8, 8)
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., :4] = 1
    samples[..., 4:] = torch.rand(len(levels), 3, 8, 4)
    found = sample_statistics(samples, samples[:1], mask, Gap(), generator())
    assert found.diversity == pytest.approx(expected, rel=1e-5)


def test_without_a_metric_that_can_see_the_picture_there_is_no_diversity():
    samples = gaussian(3, 8)
    wide = Gap()
    wide.smallest_side = 9
    for perceptual in (None, wide):
        assert math.isnan(sample_statistics(samples, samples[:1], whole(8), perceptual, generator()).diversity)
