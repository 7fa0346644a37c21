"""Chains of fields on the GPU, their statistics, and Gaussian fields: as on the processor, number for number."""

import math

import pytest
import torch
from two_devices import near

from latentinpaint.interpolants import Fourier, Process
from latentinpaint.interpolants.gaussian_field import GaussianField
from latentinpaint.interpolants.transfers import gaussian_blur
from latentinpaint.lattice import HybridMonteCarlo, PhiFour, run_chains
from latentinpaint.lattice.autocorrelation import integrated_time
from latentinpaint.lattice.correction import independence_chain, log_weights, weighted_mean
from latentinpaint.lattice.estimates import estimate_mean, susceptibility
from latentinpaint.lattice.langevin import Langevin
from latentinpaint.lattice.observables import free_two_point, magnetisation, two_point

pytestmark = pytest.mark.gpu

SIDE = 8
ENERGY = PhiFour(chi=1.0, kappa=-0.5, gamma=1.0, field=0.1)
FORM = ENERGY.quadratic_form(SIDE, SIDE, 1.0)
CHAINS = {
    "hybrid": lambda: HybridMonteCarlo(ENERGY, 0.1, 4),
    "accelerated": lambda: HybridMonteCarlo(ENERGY, 0.1, 4, FORM),
    "langevin": lambda: Langevin(ENERGY, 0.02),
    "exponential": lambda: Langevin(ENERGY, 0.02, "exponential", FORM, adjusted=True),
}


@pytest.mark.parametrize("name", CHAINS)
def test_chains_go_the_same_way(name, device):
    """In float64, so that no decision hangs on rounding."""
    start = torch.randn(3, 1, SIDE, SIDE, dtype=torch.float64)
    runs = []
    for where in ("cpu", device):
        own = torch.Generator().manual_seed(1)
        observables = {"m": magnetisation, "two_point": two_point}
        runs.append(run_chains(CHAINS[name](), start.to(where), 6, observables, generator=own))
    here, there = runs
    assert there.phi.device.type == device.type
    assert near(there.phi, here.phi, 1e-9)
    assert math.isclose(there.acceptance, here.acceptance, rel_tol=1e-9)
    for key, records in here.records.items():
        assert near(there.records[key], records, 1e-9)


def test_statistics_of_records_that_are_there(device):
    records = torch.randn(4, 64, dtype=torch.float64).cumsum(dim=1)
    there = records.to(device)
    for measure in (
        lambda values: integrated_time(values).tau,
        lambda values: integrated_time(torch.ones_like(values)).tau,
        lambda values: estimate_mean(values).error,
        lambda values: susceptibility(values, SIDE**2).value,
        lambda values: weighted_mean(values[0], log_weights(values[1] / 9, values[2] / 9)).value,
    ):
        assert measure(there) == pytest.approx(measure(records), rel=1e-9)
    weights = records[0] / 9
    chains = [independence_chain(weights.to(where), torch.Generator().manual_seed(1)) for where in ("cpu", device)]
    assert torch.equal(chains[1].cpu(), chains[0])
    assert free_two_point(PhiFour(1.0, 1.0, 0.0), SIDE).shape == (SIDE // 2 + 1,)


def test_gaussian_fields(device):
    pictures = torch.randn(6, 2, SIDE, SIDE, dtype=torch.float64)
    here, there = GaussianField.of(pictures), GaussianField.of(pictures.to(device))
    assert near(there.spectrum.abs(), here.spectrum.abs(), 1e-9)
    # A decomposition may turn colours: what is drawn has the same law then, and what is expected the same values.
    drawn = there.draw(3, torch.Generator().manual_seed(1))
    assert drawn.device.type == device.type and drawn.isfinite().all()
    blur = Fourier(gaussian_blur(SIDE, SIDE, 0.8))
    process = Process(0.5 * blur, 0.7 * blur)
    x = torch.randn(3, 2, SIDE, SIDE, dtype=torch.float64)
    expected, found = here(process, x), there(process, x.to(device))
    assert near(found.source, expected.source, 1e-7)
    assert near(found.data, expected.data, 1e-7)
