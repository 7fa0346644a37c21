"""Comparisons: exact samples agree with a chain, samples of another law do not, and the table says so."""

import numpy as np
import pytest
import torch

from latentinpaint.lattice import HybridMonteCarlo, PhiFour, run_chains
from latentinpaint.lattice.estimates import Estimate
from latentinpaint.lattice.flow_comparison import (
    compare,
    comparison_table,
    observables,
    records_of,
    summarise,
)

SIDE = 4
FREE = PhiFour(chi=1.0, kappa=0.5, gamma=0.0)


def exact_samples(count, seed=0):
    """Fields of the free theory: white noise shaped in Fourier space."""
    white = torch.from_numpy(np.random.default_rng(seed).normal(size=(count, 1, SIDE, SIDE)))
    return torch.fft.irfft2(torch.fft.rfft2(white) * FREE.quadratic_form(SIDE, SIDE, 0.5).rsqrt(), s=(SIDE, SIDE))


@pytest.fixture(scope="module")
def chains():
    g = torch.Generator().manual_seed(0)
    hmc = HybridMonteCarlo(FREE, 0.3, 3)
    warm = run_chains(hmc, torch.zeros(100, 1, SIDE, SIDE, dtype=torch.float64), 40, generator=g)
    run = run_chains(hmc, warm.phi, 60, observables(FREE), generator=g)
    return summarise(run.records, SIDE * SIDE)


def test_what_is_summarised():
    phi = exact_samples(50)
    found = summarise(records_of(phi, FREE), SIDE * SIDE)
    values = phi.numpy()
    m = values.mean(axis=(1, 2, 3))
    expected = {
        "magnetisation": m.mean(),
        "absolute magnetisation": np.abs(m).mean(),
        "phi^2": (values**2).mean(),
        "action per site": FREE.energy(phi).mean().item() / SIDE**2,
        "susceptibility": SIDE**2 * ((m**2).mean() - np.abs(m).mean() ** 2),
        "two-point function at 0": (values**2).mean(),
    }
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, abs=1e-12)


def test_exact_samples_agree(chains):
    rows = compare(summarise(records_of(exact_samples(2000), FREE), SIDE * SIDE), chains)
    names = ["magnetisation", "absolute magnetisation", "phi^2", "action per site", "susceptibility"]
    assert [row.name for row in rows] == names + [f"two-point function at {r}" for r in range(3)]
    assert max(abs(row.apart) for row in rows) < 4
    square = next(row for row in rows if row.name == "phi^2")
    assert square.samples.effective == 2000 and square.reference.effective < 6000


def test_other_samples_do_not(chains):
    rows = compare(summarise(records_of(1.1 * exact_samples(2000), FREE), SIDE * SIDE), chains)
    assert {row.name: row for row in rows}["phi^2"].apart > 5


def test_the_table():
    rows = compare({"a": Estimate(1.5, 0.3)}, {"a": Estimate(1.0, 0.4)})
    assert comparison_table(rows, "flow").splitlines()[-1] == "| a | 1.50000 ± 0.30000 | 1.00000 ± 0.40000 | +1.0 |"
