"""Corrections of samples of one normal law to another, whose weights and moments are known."""

import math

import numpy as np
import pytest
import torch

from latentinpaint.lattice.correction import effective_fraction, independence_chain, log_weights, weighted_mean
from latentinpaint.lattice.estimates import Estimate, estimate_mean, standard_errors

STD = 1.5


def wide(count=20_000):
    """Samples of N(0, 1.5^2), and their log weights for N(0, 1)."""
    x = STD * torch.from_numpy(np.random.default_rng(0).normal(size=count))
    log_density = -0.5 * (x / STD) ** 2 - math.log(STD)
    return x, log_weights(0.5 * x**2, log_density)


def test_weighted_means():
    x, weights = wide()
    found = weighted_mean(x**2, weights)
    assert abs(standard_errors(found, Estimate(1, 0))) < 4 and found.error < 0.02
    assert abs(estimate_mean(x[:, None] ** 2).value - STD**2) < 0.1


def test_the_effective_fraction():
    """(E w)^2 / E w^2 = sqrt(2 s^2 - 1) / s^2 for N(0, s^2) against N(0, 1)."""
    assert effective_fraction(wide()[1]) == pytest.approx(math.sqrt(2 * STD**2 - 1) / STD**2, abs=0.01)
    assert effective_fraction(torch.zeros(7)) == pytest.approx(1)
    assert effective_fraction(torch.tensor([0.0, -1000, -1000])) == pytest.approx(1 / 3)


def test_the_error_of_a_weighted_mean_is_its_spread():
    values = []
    for seed in range(60):
        x = STD * torch.from_numpy(np.random.default_rng(seed).normal(size=500))
        found = weighted_mean(x**2, log_weights(0.5 * x**2, -0.5 * (x / STD) ** 2))
        values.append((found.value - 1) / found.error)
    assert np.std(values) == pytest.approx(1, rel=0.3)


def test_a_chain_over_the_samples():
    x, weights = wide()
    places = independence_chain(weights, torch.Generator().manual_seed(0))
    chain = x[places]
    found = estimate_mean((chain**2)[None])
    assert abs(standard_errors(found, Estimate(1, 0))) < 4 and found.error < 0.03
    stays = places[1:] == places[:-1]
    assert torch.equal(places[1:][~stays], torch.arange(1, len(x))[~stays])
    assert 0.5 < 1 - stays.double().mean() < 0.9
    assert torch.equal(independence_chain(torch.zeros(5)), torch.arange(5))
