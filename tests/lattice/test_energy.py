"""The energy against the lattice community's form, its Fourier form, and automatic differentiation."""

import numpy as np
import pytest
import torch

from latentinpaint.interpolants import Hadamard, Process, QuadraticReward
from latentinpaint.lattice import PhiFour

SIDE = 8


def fields(count=3, side=SIDE, seed=0):
    return torch.randn(count, 1, side, side, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def site_dependent():
    g = torch.Generator().manual_seed(4)
    kappa, field = torch.randn(2, 1, 1, SIDE, SIDE, generator=g, dtype=torch.float64)
    return PhiFour(0.7, kappa, 3.0, field)


ENERGIES = {
    "paper": PhiFour(0.7, -1.3, 2.1),
    "lattice": PhiFour.from_lattice(-4.0, 4.572),
    "field": PhiFour.from_lattice(-4.0, 4.572, field=0.02),
    "sites": site_dependent(),
}


@pytest.mark.parametrize("energy", ENERGIES.values(), ids=ENERGIES)
def test_the_energy_is_the_sum_over_sites(energy):
    """(24), (25), site by site with NumPy."""
    phi = fields()
    kappa, field = (np.broadcast_to(np.asarray(v), (1, 1, SIDE, SIDE))[0, 0] for v in (energy.kappa, energy.field))
    for item, found in zip(phi[:, 0].numpy(), energy.energy(phi), strict=True):
        total = 0.0
        for r in range(SIDE):
            for c in range(SIDE):
                v = item[r, c]
                down, right = item[(r + 1) % SIDE, c], item[r, (c + 1) % SIDE]
                total += energy.chi / 2 * ((down - v) ** 2 + (right - v) ** 2)
                total += kappa[r, c] / 2 * v**2 + energy.gamma / 4 * v**4 - field[r, c] * v
        assert found.item() == pytest.approx(total, abs=1e-10)


def test_energies_of_single_precision_are_summed_in_double():
    assert PhiFour(0.7, -1.3, 2.1).energy(fields().float()).dtype == torch.float64


@pytest.mark.parametrize(("mass_squared", "coupling", "h"), [(-4.0, 4.572, 0.0), (-1.0, 2.0, 0.3), (0.5, 0.0, -1.0)])
def test_the_two_parametrisations(mass_squared, coupling, h):
    """E = sum of -2 phi phi' + (2d + m^2) phi^2 + lambda phi^4 - h phi: chi = 2, kappa = 2 m^2, gamma = 4 lambda."""
    energy = PhiFour.from_lattice(mass_squared, coupling, h)
    assert (energy.chi, energy.kappa, energy.gamma) == (2, 2 * mass_squared, 4 * coupling)
    phi = fields()
    bonds = sum((phi * phi.roll(-1, axis)).flatten(1).sum(1) for axis in (-1, -2))
    sites = ((4 + mass_squared) * phi**2 + coupling * phi**4 - h * phi).flatten(1).sum(1)
    torch.testing.assert_close(energy.energy(phi), sites - 2 * bonds, atol=1e-10, rtol=0)


@pytest.mark.parametrize("kappa_0", [0.1, 1.0, 2.5])
def test_the_fourier_form(kappa_0):
    """(43), (44) with NumPy's full transform."""
    energy = PhiFour(0.7, -1.3, 2.1)
    form = energy.quadratic_form(SIDE, SIDE, kappa_0)[0, 0].numpy()
    waves = 2 * np.pi * np.arange(SIDE) / SIDE
    full = 2 * 0.7 * ((1 - np.cos(waves))[:, None] + (1 - np.cos(waves))[None, :]) + kappa_0
    np.testing.assert_allclose(form, full[:, : SIDE // 2 + 1], atol=1e-12)
    for item, found in zip(fields()[:, 0].numpy(), energy.energy(fields()), strict=True):
        hat = np.fft.fft2(item, norm="ortho")
        rest = ((-1.3 - kappa_0) / 2 * item**2 + 2.1 / 4 * item**4).sum()
        assert found.item() == pytest.approx((0.5 * full * np.abs(hat) ** 2).sum() + rest, abs=1e-10)


@pytest.mark.parametrize("shape", [(3, 1, SIDE, SIDE), (2, 1, 1, 2), (2, 1, 3, 5)], ids=str)
def test_the_force_is_minus_the_gradient(shape):
    energy = PhiFour.from_lattice(-4.0, 4.572, field=0.02)
    phi = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(energy.energy(phi).sum(), phi)
    torch.testing.assert_close(energy.force(phi.detach()), -gradient, atol=1e-10, rtol=0)


def test_the_force_of_every_site():
    phi = fields().requires_grad_()
    energy = site_dependent()
    (gradient,) = torch.autograd.grad(energy.energy(phi).sum(), phi)
    torch.testing.assert_close(energy.force(phi.detach()), -gradient, atol=1e-10, rtol=0)


def test_a_reward_is_a_change_of_the_energy():
    """E of the density times exp r is E - r, whether its numbers are those of all sites or of each."""
    phi = fields()
    g = torch.Generator().manual_seed(2)
    quadratic, linear = torch.randn(2, 1, 1, SIDE, SIDE, generator=g, dtype=torch.float64)
    for a, b in ((quadratic, linear), (-0.5, 0.02)):
        reward = (0.5 * a * phi**2 + b * phi).flatten(1).sum(1)
        energy = PhiFour(0.7, -1.3, 2.1, 0.1)
        torch.testing.assert_close(energy.rewarded(a, b).energy(phi), energy.energy(phi) - reward, atol=1e-10, rtol=0)


def drifts_by_quadrature(energy):
    """Expected endpoints of two sites of the phi^4 model, for a process with one alpha: sums over a grid."""
    line = torch.linspace(-5, 5, 401, dtype=torch.float64)
    grid = torch.cartesian_prod(line, line).view(-1, 1, 1, 2)
    log_density = -energy.energy(grid)

    def drifts(process, x):
        data = []
        alpha = process.alpha.values.expand_as(x)
        for item, level in zip(x, alpha, strict=True):
            exponent = log_density - 0.5 * ((item - (1 - level) * grid) / level).square().flatten(1).sum(1)
            weight = torch.softmax(exponent, dim=0)
            data.append((weight[:, None] * grid.flatten(1)).sum(0).view(1, 1, 2))
        return process.endpoints_from_data(x, torch.stack(data))

    return drifts


@pytest.mark.parametrize("alpha", [0.2, 0.6, 0.9])
def test_the_drift_under_a_field_by_quadrature(alpha):
    """(56), (57): eta^r = eta(alpha, x + alpha^2 h / (1 - alpha)) - alpha h / (1 - alpha), on two sites of phi^4."""
    energy, h = PhiFour.from_lattice(-4.0, 4.572), 0.3
    x = torch.randn(4, 1, 1, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    level = torch.full_like(x[:1], alpha)
    process = Process(Hadamard(level), Hadamard(1 - level))
    model = drifts_by_quadrature(energy)
    exact = drifts_by_quadrature(energy.rewarded(0, h))(process, x).difference
    moved = model(process, x + alpha**2 / (1 - alpha) * h).difference - alpha / (1 - alpha) * h
    torch.testing.assert_close(moved, exact, atol=1e-8, rtol=0)
    reward = QuadraticReward(torch.zeros_like(level), torch.full_like(level, h))
    torch.testing.assert_close(reward.drifts(model)(process, x).difference, exact, atol=1e-8, rtol=0)
    assert (model(process, x).difference - exact).abs().max() > 0.01


@pytest.mark.parametrize("alpha", [0.2, 0.6, 1.0])
def test_the_drift_under_a_quadratic_reward_by_quadrature(alpha):
    """(53)-(55) and (58)-(61), on two sites of phi^4, up to alpha = 1."""
    energy, a, b = PhiFour.from_lattice(-4.0, 4.572), -0.7, 0.2
    x = torch.randn(4, 1, 1, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    level = torch.full_like(x[:1], alpha)
    process = Process(Hadamard(level), Hadamard(1 - level))
    exact = drifts_by_quadrature(energy.rewarded(a, b))(process, x).difference
    reward = QuadraticReward(torch.full_like(level, a), torch.full_like(level, b))
    found = reward.drifts(drifts_by_quadrature(energy))(process, x).difference
    torch.testing.assert_close(found, exact, atol=1e-8, rtol=0)
