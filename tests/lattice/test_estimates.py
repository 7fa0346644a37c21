"""Errors of estimates against the spread over repetitions, and exact values."""

import math

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from latentinpaint.errors import InputError
from latentinpaint.lattice.estimates import (
    Estimate,
    estimate_mean,
    estimate_profile,
    jackknife,
    standard_errors,
    susceptibility,
)


def test_the_error_of_correlated_records():
    """Errors cover: over 60 repetitions of correlated chains the means deviate by as much as their errors say."""
    rng = np.random.default_rng(0)
    deviations, effective = [], []
    for _ in range(60):
        series = lfilter([1.0], [1.0, -0.8], rng.normal(size=(4, 2200)))[:, 200:]
        found = estimate_mean(torch.from_numpy(series.copy()))
        deviations.append(found.value / found.error)
        effective.append(found.effective)
    assert np.std(deviations) == pytest.approx(1, rel=0.3)
    assert np.mean(effective) == pytest.approx(8000 / 9, rel=0.1)  # 2 tau = (1 + 0.8) / (1 - 0.8)


def test_independent_samples():
    values = torch.tensor([[1.0], [2.0], [4.0], [5.0]])
    found = estimate_mean(values)
    assert (found.value, found.effective) == (3, 4)
    assert found.error == pytest.approx(np.std([1, 2, 4, 5], ddof=1) / 2)


def test_profiles_by_the_spread_of_chains():
    records = torch.tensor([[[1.0, 0.0], [3.0, 0.0]], [[4.0, 1.0], [6.0, 1.0]]])
    first, second = estimate_profile(records)
    assert (first.value, second.value) == (3.5, 0.5)
    assert first.error == pytest.approx(np.std([2, 5], ddof=1) / math.sqrt(2))


def test_the_jackknife_of_a_mean_is_the_standard_error():
    values = torch.from_numpy(np.random.default_rng(1).normal(size=(30, 5)))
    found = jackknife(lambda means: means[0], [values])
    assert found.value == pytest.approx(values.mean().item())
    assert found.error == pytest.approx(values.mean(1).std().item() / math.sqrt(30))


def test_the_susceptibility_of_normal_magnetisations():
    """For m ~ N(0, s^2): V s^2 (1 - 2 / pi)."""
    m = torch.from_numpy(0.3 * np.random.default_rng(2).normal(size=(400, 100)))
    found = susceptibility(m, 50)
    assert abs(standard_errors(found, Estimate(50 * 0.09 * (1 - 2 / math.pi), 0))) < 4
    assert found.error < 0.02


def test_standard_errors():
    assert standard_errors(Estimate(1.0, 0.3), Estimate(2.0, 0.4)) == pytest.approx(-2)


def test_one_chain_has_no_spread():
    with pytest.raises(InputError, match="two independent chains"):
        estimate_profile(torch.ones(1, 5, 2))
