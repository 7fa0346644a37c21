"""Langevin schemes: their exact stationary law in the free field, Metropolis's decision, and the phi^4 reference."""

import numpy as np
import pytest
import torch
from scipy.linalg import solve_discrete_lyapunov

from latentinpaint.errors import InputError
from latentinpaint.lattice import HybridMonteCarlo, Langevin, PhiFour, run_chains
from latentinpaint.lattice.estimates import Estimate, estimate_mean, standard_errors
from latentinpaint.lattice.langevin import LANGEVIN_SCHEMES
from latentinpaint.lattice.observables import mean_square

SIDE = 4
FREE = PhiFour(chi=0.7, kappa=0.5, gamma=0.0)
FORM = FREE.quadratic_form(SIDE, SIDE, 0.5)


def affine_step(langevin, monkeypatch):
    """The matrices of a step phi -> A phi + B xi of a free field."""
    size = SIDE * SIDE
    units = torch.eye(size, dtype=torch.float64).view(size, 1, SIDE, SIDE)
    zeros = torch.zeros_like(units)

    def stepped(phi, noise):
        monkeypatch.setattr(torch, "randn", lambda shape, **rest: noise)
        return langevin.step(phi, None).phi.flatten(1).T.numpy()

    return stepped(units, zeros), stepped(zeros, units)


@pytest.mark.parametrize("step_size", [0.1, 0.6])
@pytest.mark.parametrize("scheme", [*LANGEVIN_SCHEMES, "plain"])
def test_the_stationary_law_of_the_free_field(scheme, step_size, monkeypatch):
    """(48): M_k E|phi_k|^2 is 1 / (1 - dt / 2) for every wave, 1 for the exponential scheme, and for (45), by Euler,
    1 / (1 - dt M_k / 2)."""
    arguments = {"scheme": scheme, "quadratic_form": FORM} if scheme != "plain" else {}
    step_size = step_size if scheme != "plain" else step_size / 4
    a, b = affine_step(Langevin(FREE, step_size, **arguments), monkeypatch)
    covariance = solve_discrete_lyapunov(a, b @ b.T)
    waves = np.fft.fft2(np.eye(SIDE * SIDE).reshape(-1, SIDE, SIDE), norm="ortho").reshape(SIDE * SIDE, -1).T
    spectrum = np.einsum("ka,ab,kb->k", waves, covariance, waves.conj()).real
    line = 2 * 0.7 * (1 - np.cos(2 * np.pi * np.arange(SIDE) / SIDE))
    form = (line[:, None] + line[None, :] + 0.5).flatten()
    expected = {"euler": 1 / (1 - step_size / 2), "exponential": 1, "plain": 1 / (1 - step_size * form / 2)}[scheme]
    np.testing.assert_allclose(form * spectrum, expected * np.ones_like(form), atol=1e-10)


def test_the_exponential_scheme_of_the_free_field_accepts_everything():
    phi = torch.randn(20, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    chain = Langevin(FREE, 0.7, "exponential", FORM, adjusted=True)
    made = chain.step(phi, torch.Generator().manual_seed(1))
    torch.testing.assert_close(made.acceptance, torch.ones(20, dtype=torch.float64), atol=1e-10, rtol=0)
    euler = Langevin(FREE, 0.7, "euler", FORM, adjusted=True).step(phi, torch.Generator().manual_seed(1))
    assert euler.acceptance.min() < 0.9


@pytest.mark.parametrize(
    "form", [None, PhiFour.from_lattice(-1.0, 2.0).quadratic_form(SIDE, SIDE, 3.0)], ids=["plain", "M"]
)
def test_one_leapfrog_step_is_the_adjusted_euler_scheme(form):
    """(48) with dt = eps^2 / 2: the same proposals, and the same probabilities of them."""
    energy = PhiFour.from_lattice(-1.0, 2.0, field=0.1)
    size = 0.3 if form is None else 0.8
    phi = torch.randn(30, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    one = HybridMonteCarlo(energy, size, 1, form).step(phi, torch.Generator().manual_seed(1))
    other = Langevin(energy, size**2 / 2, "euler", form, adjusted=True).step(phi, torch.Generator().manual_seed(1))
    torch.testing.assert_close(one.phi, other.phi, atol=1e-10, rtol=0)
    torch.testing.assert_close(one.acceptance, other.acceptance, atol=1e-9, rtol=0)
    assert 0.05 < (one.acceptance < 0.99).double().mean()


@pytest.mark.parametrize(
    ("scheme", "adjusted", "step_size"), [("exponential", True, 0.3), ("euler", False, 0.03)], ids=["exact", "Euler"]
)
def test_the_reference_value(scheme, adjusted, step_size):
    """<phi^2> = 0.1566 for L = 8, m^2 = -1, lambda = 2."""
    energy = PhiFour.from_lattice(-1.0, 2.0)
    chain = Langevin(energy, step_size, scheme, energy.quadratic_form(8, 8, 4.0), adjusted)
    g = torch.Generator().manual_seed(0)
    phi = 0.4 * torch.randn(64, 1, 8, 8, generator=g, dtype=torch.float64)
    steps = 150 if adjusted else 600
    warm = run_chains(chain, phi, steps // 2, generator=g)
    found = estimate_mean(run_chains(chain, warm.phi, steps, {"square": mean_square}, generator=g).records["square"])
    assert found.error < 1.5e-3
    bias = 0 if adjusted else 0.03 / 2 * 0.1566
    assert abs(found.value - 0.1566) < 4 * found.error + bias


def test_the_law_given_held_sites():
    """Two sites of which one is held: the other's mean by quadrature."""
    energy = PhiFour(chi=1.0, kappa=-1.0, gamma=2.0, field=0.2)
    held = 0.9
    chain = Langevin(energy, 0.15, adjusted=True, free=torch.tensor([[[[1.0, 0.0]]]]))
    phi = torch.zeros(500, 1, 1, 2, dtype=torch.float64)
    phi[..., 1] = held
    g = torch.Generator().manual_seed(0)
    warm = run_chains(chain, phi, 40, generator=g)
    run = run_chains(chain, warm.phi, 60, {"x": lambda x: x[:, 0, 0, 0]}, generator=g)
    assert (run.phi[..., 1] == held).all() and run.acceptance > 0.7
    x = np.linspace(-4, 4, 2001)
    weight = np.exp(-((x - held) ** 2 - x**2 / 2 + x**4 / 2 - 0.2 * x))
    found = estimate_mean(run.records["x"])
    assert abs(standard_errors(found, Estimate((weight * x).sum() / weight.sum(), 0))) < 5
    assert found.error < 0.01


@pytest.mark.parametrize("arguments", [{}, {"quadratic_form": FORM, "adjusted": True}])
def test_a_step_stays_where_the_fields_are(arguments):
    """On PyTorch's device without values, which refuses tensors of another as a GPU does."""
    transition = Langevin(FREE, 0.1, **arguments).step(torch.empty(3, 1, SIDE, SIDE, device="meta"), None)
    assert transition.phi.device.type == transition.acceptance.device.type == "meta"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"step_size": 0.0}, "step_size is above 0"),
        ({"step_size": 1.0, "scheme": "exponential"}, "needs a quadratic_form"),
        ({"step_size": 1.0, "scheme": "no"}, "no scheme of Langevin dynamics 'no'"),
        ({"step_size": 1.0, "quadratic_form": FORM - FORM.max()}, "quadratic_form is above 0"),
        ({"step_size": 1.0, "quadratic_form": FORM, "free": torch.ones(1)}, "leave quadratic_form out"),
    ],
)
def test_what_cannot_be_is_refused(arguments, word):
    with pytest.raises(InputError, match=word):
        Langevin(FREE, **arguments)
