"""Integrated autocorrelation times of autoregressive series, whose exact values are known."""

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from latentinpaint.lattice.autocorrelation import autocorrelation, integrated_time


def autoregressive(rho, chains=20, length=20_000, seed=0):
    """x_t = rho x_{t-1} + noise: the autocorrelation is rho^t, the integrated time (1 + rho) / (1 - rho) / 2."""
    noise = np.random.default_rng(seed).normal(size=(chains, length + 500))
    return torch.from_numpy(lfilter([1.0], [1.0, -rho], noise)[:, 500:].copy())


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_autoregressive_series(rho):
    series = autoregressive(rho)
    found = integrated_time(series)
    exact = 0.5 * (1 + rho) / (1 - rho)
    # What lies beyond the window of 5 tau is below 1 %.
    assert abs(found.tau - exact) < 4 * found.error + 0.01 * exact
    assert found.error < 0.03 * exact
    np.testing.assert_allclose(autocorrelation(series)[:5], rho ** np.arange(5), atol=0.02)


def test_the_error_of_the_time_is_its_spread():
    taus, errors = [], []
    for seed in range(40):
        found = integrated_time(autoregressive(0.7, chains=2, length=4000, seed=seed))
        taus.append(found.tau)
        errors.append(found.error)
    assert np.std(taus) == pytest.approx(np.mean(errors), rel=0.35)


def test_the_autocorrelation_by_its_definition():
    series = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 7)))
    centred = (series - series.mean()).numpy()
    covariance = [(centred[:, : 7 - t] * centred[:, t:]).mean() for t in range(7)]
    np.testing.assert_allclose(autocorrelation(series), np.array(covariance) / covariance[0], atol=1e-12)


def test_a_constant_series_is_uncorrelated():
    assert integrated_time(torch.ones(2, 10)).tau == 0.5
