"""Hybrid Monte Carlo: detailed balance on two sites, by points and by quadrature; the free field's exact law."""

import numpy as np
import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.lattice import HybridMonteCarlo, PhiFour, run_chains
from latentinpaint.lattice.estimates import Estimate, estimate_profile, standard_errors
from latentinpaint.lattice.observables import free_two_point, two_point

TWO_SITES = (1, 1, 2)
ENERGY = PhiFour(chi=1.0, kappa=-1.0, gamma=2.0, field=0.2)


def masses(energy, shape, kappa_0=1.0):
    return energy.quadratic_form(*shape[-2:], kappa_0)


def chain(mass, energy=ENERGY, step_size=0.5, leapfrogs=2):
    return HybridMonteCarlo(energy, step_size, leapfrogs, mass)


MASSES = {"equal": None, "waves": masses(ENERGY, TWO_SITES)}


@pytest.mark.parametrize("mass", MASSES.values(), ids=MASSES)
def test_detailed_balance_at_every_point(mass):
    """A trajectory, turned round, leads back; it keeps volume; so the flow of probability is equal both ways."""
    hmc = chain(mass)
    g = torch.Generator().manual_seed(0)
    phi, p = torch.randn(2, 50, *TWO_SITES, generator=g, dtype=torch.float64)
    phi_end, p_end = hmc.trajectory(phi, p)
    phi_back, p_back = hmc.trajectory(phi_end, -p_end)
    torch.testing.assert_close(phi_back, phi, atol=1e-10, rtol=0)
    torch.testing.assert_close(p_back, -p, atol=1e-10, rtol=0)

    def ends(state):
        return torch.stack(hmc.trajectory(state[None, None, None, :2], state[None, None, None, 2:])).flatten()

    for one, other in zip(phi[:5].flatten(1), p[:5].flatten(1), strict=True):
        jacobian = torch.autograd.functional.jacobian(ends, torch.cat([one, other]))
        assert torch.linalg.det(jacobian).item() == pytest.approx(1, abs=1e-10)
    there, back = hmc.hamiltonian(phi, p), hmc.hamiltonian(phi_end, -p_end)
    assert (there - back).abs().max() > 0.1  # the step is long enough for Metropolis to have work
    flux = torch.exp(-there) * (there - back).clamp(max=0).exp()
    flux_back = torch.exp(-back) * (back - there).clamp(max=0).exp()
    torch.testing.assert_close(flux, flux_back, atol=1e-12, rtol=1e-10)


def observed(x):
    return torch.stack([x[:, 0, 0, 0] ** 2, x[:, 0, 0, 0] * x[:, 0, 0, 1], x.flatten(1).sum(1)])


@pytest.mark.parametrize("mass", MASSES.values(), ids=MASSES)
def test_the_density_is_invariant_by_quadrature(mass):
    """<f> before and after a step, over a grid of both sites and both momenta; Metropolis makes the difference.

    The acceptance has a kink, so that the quadrature's error is that of its grid.
    """
    hmc = chain(mass, step_size=0.7)
    phi_line, p_line = (torch.linspace(-s, s, 21, dtype=torch.float64) for s in (2.4, 5.0))
    sums = torch.zeros(5, 3, dtype=torch.float64)
    for points in torch.cartesian_prod(phi_line, phi_line, p_line, p_line).split(10_000):
        phi, p = points[:, :2].reshape(-1, *TWO_SITES), points[:, 2:].reshape(-1, *TWO_SITES)
        before = hmc.hamiltonian(phi, p)
        weight = torch.exp(-before)
        phi_end, p_end = hmc.trajectory(phi, p)
        accepted = (before - hmc.hamiltonian(phi_end, p_end)).clamp(max=0).exp()
        at_start, at_end = observed(phi), observed(phi_end)
        after = accepted * at_end + (1 - accepted) * at_start
        for row, values in enumerate((at_start, after, at_end, accepted.expand(3, -1), torch.ones(3, 1))):
            sums[row] += (weight * values).sum(1)
    exact, after, without, acceptance = sums[:4] / sums[4]
    assert 0.5 < acceptance[0] < 0.97
    assert (after - exact).abs().max() < 1e-3
    assert (without - exact).abs().max() > 0.01


@pytest.mark.parametrize("mass", MASSES.values(), ids=MASSES)
def test_a_step_is_a_trajectory_with_metropolis_s_decision(mass):
    """What `step` draws: momenta of covariance M, then what the parts say."""
    hmc = chain(mass)
    phi = torch.randn(64, *TWO_SITES, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    made = hmc.step(phi, torch.Generator().manual_seed(5))
    noise = torch.randn(phi.shape, generator=torch.Generator().manual_seed(5), dtype=phi.dtype)
    momentum = hmc.root_mass(noise)
    ended, p_end = hmc.trajectory(phi, momentum)
    ratio = hmc.hamiltonian(phi, momentum) - hmc.hamiltonian(ended, p_end)
    torch.testing.assert_close(made.acceptance, ratio.clamp(max=0).exp())
    moved = (made.phi != phi).flatten(1).any(1)
    assert torch.equal(made.phi[moved], ended[moved]) and 0 < moved.sum() < 64
    # The kinetic energy of such momenta is that of the noise: covariance and mass belong together.
    kinetic = hmc.hamiltonian(phi, momentum) - ENERGY.energy(phi)
    torch.testing.assert_close(kinetic, 0.5 * noise.square().flatten(1).sum(1), atol=1e-10, rtol=0)


@pytest.mark.parametrize("accelerated", [False, True])
def test_the_free_field(accelerated):
    """The two-point function within 5 standard errors of the sum over waves of 1 / M_k, and the mean energy V / 2."""
    energy = PhiFour(chi=1.0, kappa=0.5, gamma=0.0)
    mass = energy.quadratic_form(4, 4, 0.5) if accelerated else None
    hmc = HybridMonteCarlo(energy, 0.3, 3, mass)
    phi = torch.zeros(200, 1, 4, 4, dtype=torch.float64)
    g = torch.Generator().manual_seed(0)
    warm = run_chains(hmc, phi, 40, generator=g)
    run = run_chains(hmc, warm.phi, 100, {"g": two_point, "e": energy.energy}, generator=g)
    exact = free_two_point(energy, 4)
    for found, value in zip(estimate_profile(run.records["g"]), exact, strict=True):
        assert abs(standard_errors(found, Estimate(value.item(), 0))) < 5
        assert found.error < 0.01
    (energy_found,) = estimate_profile(run.records["e"][..., None])
    assert abs(standard_errors(energy_found, Estimate(8.0, 0))) < 5
    assert 0.8 < run.acceptance <= 1


def test_the_law_given_held_sites():
    """Two sites of which one is held: the other's moments by quadrature."""
    held = 0.9
    free = torch.tensor([[[[1.0, 0.0]]]])
    hmc = HybridMonteCarlo(ENERGY, 0.4, 3, free=free)
    phi = torch.zeros(500, *TWO_SITES, dtype=torch.float64)
    phi[..., 1] = held
    g = torch.Generator().manual_seed(0)
    warm = run_chains(hmc, phi, 20, generator=g)
    run = run_chains(hmc, warm.phi, 60, {"x": lambda x: x[:, 0, 0, :1]}, generator=g)
    assert (run.phi[..., 1] == held).all()
    x = np.linspace(-4, 4, 2001)
    weight = np.exp(-((x - held) ** 2 - x**2 / 2 + x**4 / 2 - 0.2 * x))
    (found,) = estimate_profile(run.records["x"])
    assert abs(standard_errors(found, Estimate((weight * x).sum() / weight.sum(), 0))) < 5
    assert found.error < 0.01


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"step_size": 0.0}, "step_size is above 0"),
        ({"leapfrogs": 0}, "leapfrogs starts at 1"),
        ({"mass": -MASSES["waves"]}, "mass is above 0"),
        ({"mass": MASSES["waves"], "free": torch.ones(1)}, "leave mass out"),
    ],
)
def test_what_cannot_be_is_refused(arguments, word):
    with pytest.raises(InputError, match=word):
        HybridMonteCarlo(ENERGY, **arguments)
