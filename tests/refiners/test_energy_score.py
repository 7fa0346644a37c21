"""The energy score against closed forms for normal numbers, and that it is least at the truth's own distribution."""

import math

import pytest
import torch

from latentinpaint.refiners.energy_score import energy_score


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def mean_norm(channels):
    """Of a standard normal vector: the mean of the chi distribution."""
    return math.sqrt(2) * math.exp(math.lgamma((channels + 1) / 2) - math.lgamma(channels / 2))


@pytest.mark.parametrize("channels", [1, 6])
def test_normal_samples_of_a_normal_truth(channels):
    """The mean of side^2 independent cells has a standard deviation of 1 / side of theirs."""
    shape = (512, channels, 8, 8)
    first, second, truth = 0.5 * normal(*shape, seed=1), 0.5 * normal(*shape, seed=2), 1.2 * normal(*shape, seed=3)
    found = energy_score(first, second, truth, torch.ones(512, 1, 8, 8))
    unit = mean_norm(channels) / math.sqrt(channels) * (1 + 1 / 2 + 1 / 4) / 3
    assert found.error.item() == pytest.approx(unit * math.hypot(0.5, 1.2), rel=0.01)
    assert found.spread.item() == pytest.approx(unit * math.hypot(0.5, 0.5), rel=0.01)
    assert found.score.item() == pytest.approx(found.error.item() - found.spread.item() / 2)


def test_it_is_least_at_the_truths_own_distribution():
    """Whose cells have a part in common and a part of their own: no other mean, spread or sharing scores as well."""
    count = 3000
    weight = torch.ones(count, 1, 4, 4)

    def drawn(mean, common, own, seed):
        return mean + common * normal(count, 1, 1, 1, seed=seed) + own * normal(count, 1, 4, 4, seed=seed + 1)

    truth = drawn(0.3, 0.6, 0.8, seed=0)

    def score(*distribution):
        first, second = drawn(*distribution, seed=10), drawn(*distribution, seed=20)
        return energy_score(first, second, truth, weight).score.item()

    least = score(0.3, 0.6, 0.8)
    others = [(0.1, 0.6, 0.8), (0.5, 0.6, 0.8), (0.3, 0.4, 0.8), (0.3, 0.8, 0.8), (0.3, 0.6, 0.5), (0.3, 0.6, 1.1)]
    together_or_alone = [(0.3, 1.0, 0.0), (0.3, 0.0, 1.0)]  # of every single cell's right variance
    assert all(score(*other) > least + 0.002 for other in [*others, *together_or_alone])


def test_by_hand():
    """Two cells of two channels: 3-4-5 triangles, weighted; then their mean, in blocks of side 2 and 4."""
    truth = torch.zeros(1, 2, 1, 2)
    first = torch.tensor([[[[3.0, 6.0]], [[4.0, 8.0]]]])  # (3, 4) and (6, 8)
    weight = torch.tensor([[[[9.0, 1.0]]]])
    found = energy_score(first, truth, truth, weight)
    cells = (9 * 5 + 10) / 10
    distance = (cells + 2 * 7.5) / 3 / math.sqrt(2)
    assert found.error.item() == pytest.approx(distance / 2)
    assert found.spread.item() == pytest.approx(distance)
    assert found.score.item() == pytest.approx(0, abs=1e-6)


def test_equal_samples_have_a_gradient():
    sample = torch.ones(2, 3, 4, 4, requires_grad=True)
    found = energy_score(sample, sample, torch.zeros(2, 3, 4, 4), torch.ones(2, 1, 4, 4))
    assert found.spread.item() == 0 and found.error.item() == pytest.approx(1)
    found.score.backward()
    assert sample.grad.isfinite().all() and sample.grad.min() > 0
