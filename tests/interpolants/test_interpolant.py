"""The process: its drifts by the Gaussian oracle, by least squares on samples, and by their relations."""

import numpy as np
import pytest
import torch
from oracles import Gaussian

from latentinpaint.interpolants.interpolant import Endpoints, Process
from latentinpaint.interpolants.operators import Dense, Hadamard, Scalar, identity

MEAN = torch.tensor([0.5, -1.0], dtype=torch.float64)
COVARIANCE = torch.tensor([[1.0, 0.8], [0.8, 1.0]], dtype=torch.float64)


def row(*values):
    return torch.tensor([values], dtype=torch.float64)


def hadamard(*alpha):
    return Process(Hadamard(row(*alpha)), Hadamard(1 - row(*alpha)))


def random_matrices(seed, size=3):
    g = torch.Generator().manual_seed(seed)
    alpha, beta, root = (torch.randn(size, size, generator=g, dtype=torch.float64) for _ in range(3))
    mean = torch.randn(size, generator=g, dtype=torch.float64)
    x = torch.randn(7, size, generator=g, dtype=torch.float64)
    return Process(Dense(alpha), Dense(beta)), Gaussian(mean, root @ root.T + 0.1 * torch.eye(size).double()), x


def test_the_oracle_at_the_fixtures():
    """Worked out by hand."""
    at, x = hadamard(0.3, 0.6), row(1.0, 0.2)
    oracle = Gaussian(MEAN, COVARIANCE)
    torch.testing.assert_close(oracle(at, x).source, row(0.24293624, 0.48300878), atol=1e-8, rtol=0)
    torch.testing.assert_close(oracle(at, x).data, row(1.3244559, -0.22451317), atol=1e-7, rtol=0)
    torch.testing.assert_close(at.score(oracle(at, x)), row(-0.80978745, -0.80501464), atol=1e-8, rtol=0)
    half = Gaussian(0 * MEAN, COVARIANCE)(hadamard(0.0, 0.5), x)
    torch.testing.assert_close(half.source, row(0, -0.29411765), atol=1e-8, rtol=0)
    torch.testing.assert_close(half.data, row(1.0, 0.69411765), atol=1e-8, rtol=0)


@pytest.mark.parametrize("seed", range(5))
def test_one_end_gives_the_other(seed):
    process, oracle, x = random_matrices(seed)
    ends = oracle(process, x)
    torch.testing.assert_close(process.point(ends.source, ends.data), x, atol=1e-9, rtol=0)
    for found in (process.endpoints_from_source(x, ends.source), process.endpoints_from_data(x, ends.data)):
        torch.testing.assert_close(found.source, ends.source, atol=1e-8, rtol=0)
        torch.testing.assert_close(found.data, ends.data, atol=1e-8, rtol=0)


@pytest.mark.parametrize("seed", range(5))
def test_the_score_has_the_transpose(seed):
    process, oracle, x = random_matrices(seed)
    ends, exact = oracle(process, x), oracle.score(process, x)
    torch.testing.assert_close(process.score(ends), exact, atol=1e-8, rtol=1e-8)
    printed = -process.alpha.inverse(ends.source)
    assert (printed - exact).abs().max() > 0.05


def test_the_score_is_the_slope_of_the_log_density():
    process, oracle, x = random_matrices(11)
    step = 1e-5
    for axis in range(3):
        unit = step * torch.eye(3, dtype=torch.float64)[axis]
        slope = (oracle.log_density(process, x + unit) - oracle.log_density(process, x - unit)) / (2 * step)
        np.testing.assert_allclose(process.score(oracle(process, x))[:, axis].numpy(), slope, atol=1e-6)


def test_the_difference_gives_both_ends():
    """(49)-(51), for operators whose sum is the identity."""
    process, oracle = hadamard(0.3, 0.6), Gaussian(MEAN, COVARIANCE)
    x = torch.randn(6, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ends = oracle(process, x)
    found = process.endpoints_from_difference(x, ends.difference)
    torch.testing.assert_close(found.source, ends.source, atol=1e-12, rtol=0)
    torch.testing.assert_close(found.data, ends.data, atol=1e-12, rtol=0)


def test_one_dimension_in_closed_form():
    """eta = -mu + (alpha - (1 - alpha) s^2) / (alpha^2 + (1 - alpha)^2 s^2) (x - (1 - alpha) mu)."""
    mu, s, alpha = 1.3, 0.7, 0.35
    oracle = Gaussian(torch.tensor([mu], dtype=torch.float64), torch.tensor([[s * s]], dtype=torch.float64))
    x = torch.linspace(-2, 3, 9, dtype=torch.float64)[:, None]
    eta = -mu + (alpha - (1 - alpha) * s**2) / (alpha**2 + (1 - alpha) ** 2 * s**2) * (x - (1 - alpha) * mu)
    torch.testing.assert_close(oracle(hadamard(alpha), x).difference, eta, atol=1e-12, rtol=0)


def test_the_drifts_are_what_least_squares_finds():
    """(2) and (3), (4): the affine maps that predict the ends best from 400 000 points of the process."""
    process, oracle, _ = random_matrices(2)
    g = torch.Generator().manual_seed(3)
    x_0 = torch.randn(400_000, 3, generator=g, dtype=torch.float64)
    root = torch.linalg.cholesky(oracle.covariance)
    x_1 = oracle.mean + torch.randn(400_000, 3, generator=g, dtype=torch.float64) @ root.T
    x = process.point(x_0, x_1)
    design = torch.cat([x, torch.ones(len(x), 1).double()], dim=1)
    expected = oracle(process, x[:200])
    for end, exact in ((x_0, expected.source), (x_1, expected.data)):
        found = design[:200] @ torch.linalg.lstsq(design, end).solution
        torch.testing.assert_close(found, exact, atol=2e-2, rtol=0)


def test_differences_of_processes():
    one, other = hadamard(0.3, 0.6), Process(identity(), Scalar(torch.tensor(0.0)))
    x_0, x_1 = row(1.0, 2.0), row(-1.0, 4.0)
    found = (one - other).point(x_0, x_1)
    torch.testing.assert_close(found, one.point(x_0, x_1) - other.point(x_0, x_1))


def test_ends_that_cannot_be_had():
    x = row(1.0, 2.0)
    with pytest.raises(ValueError, match="no inverse"):
        hadamard(0.0, 0.5).endpoints_from_data(x, x)
    with pytest.raises(ValueError, match="no inverse"):
        hadamard(1.0, 0.5).endpoints_from_source(x, x)
    with pytest.raises(ValueError, match="no inverse"):
        hadamard(0.0, 0.5).score(Endpoints(x, x))
