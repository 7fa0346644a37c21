"""Densities along paths: of Gaussian data, where every step is affine and the density is that of a normal law."""

import numpy as np
import pytest
import torch
from scipy import stats

from latentinpaint.errors import InputError
from latentinpaint.interpolants import integrate_path
from latentinpaint.interpolants.interpolant import Endpoints
from latentinpaint.interpolants.likelihood import VOLUMES, Determinant, Hutchinson, carry_along_path
from latentinpaint.interpolants.path_solvers import PATH_SOLVERS
from latentinpaint.interpolants.paths import inpaint

SIZE = 5
G = torch.Generator().manual_seed(5)
FACTOR = torch.randn(SIZE, SIZE, generator=G, dtype=torch.float64)
COVARIANCE = FACTOR @ FACTOR.T / SIZE + 0.2 * torch.eye(SIZE).double()
MEAN = torch.linspace(-1, 2, SIZE, dtype=torch.float64)
EVERYWHERE = inpaint(torch.ones(1, SIZE).double())


def gaussian(process, x):
    """The exact drifts, with derivatives."""
    alpha, beta = torch.diag(process.alpha.values[0]), torch.diag(process.beta.values[0])
    solved = torch.linalg.solve(alpha @ alpha + beta @ COVARIANCE @ beta, (x - MEAN @ beta).T).T
    return Endpoints(solved @ alpha, MEAN + solved @ beta @ COVARIANCE)


def start(count=6):
    return torch.randn(count, SIZE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("method", PATH_SOLVERS)
def test_the_density_of_the_discrete_samples(method):
    """Affine steps carry N(0, 1) to N(m, A A^T), A and m from the images of zero and the unit vectors."""
    carried = carry_along_path(EVERYWHERE, gaussian, start(), 4, method=method)
    torch.testing.assert_close(carried.x, integrate_path(EVERYWHERE, gaussian, start(), 4, method=method).x)
    units = torch.cat([torch.zeros(1, SIZE), torch.eye(SIZE)]).double()
    ends = integrate_path(EVERYWHERE, gaussian, units, 4, method=method).x
    matrix = (ends[1:] - ends[0]).T.numpy()
    law = stats.multivariate_normal(ends[0].numpy(), matrix @ matrix.T)
    found = stats.norm.logpdf(start()).sum(1) - carried.log_volume.numpy()
    np.testing.assert_allclose(found, law.logpdf(carried.x.numpy()), atol=1e-10)
    exact = stats.multivariate_normal(MEAN.numpy(), COVARIANCE.numpy()).logpdf(carried.x.numpy())
    assert np.abs(found - exact).max() > 5e-3  # four steps are not the data's law yet


def test_many_steps_have_the_density_of_the_data():
    carried = carry_along_path(EVERYWHERE, gaussian, start(), 200, method="midpoint")
    found = stats.norm.logpdf(start()).sum(1) - carried.log_volume.numpy()
    exact = stats.multivariate_normal(MEAN.numpy(), COVARIANCE.numpy()).logpdf(carried.x.numpy())
    np.testing.assert_allclose(found, exact, atol=1e-3)


def test_known_entries_leave_the_conditional_density():
    hole = torch.tensor([[0.0, 1, 0, 1, 1]]).double()
    path = inpaint(hole)
    known = torch.full((6, SIZE), 0.7, dtype=torch.float64)
    carried = carry_along_path(path, gaussian, path.start(known, start()), 200, method="midpoint")
    inside = hole[0].bool()
    gain = COVARIANCE[inside][:, ~inside] @ torch.linalg.inv(COVARIANCE[~inside][:, ~inside])
    mean = MEAN[inside] + gain @ (0.7 - MEAN[~inside])
    covariance = COVARIANCE[inside][:, inside] - gain @ COVARIANCE[~inside][:, inside]
    found = stats.norm.logpdf(start()[:, inside]).sum(1) - carried.log_volume.numpy()
    exact = stats.multivariate_normal(mean.numpy(), covariance.numpy()).logpdf(carried.x[:, inside].numpy())
    np.testing.assert_allclose(found, exact, atol=1e-3)


def test_hutchinson_s_estimate():
    """Its mean over many probes is the sum of the traces, which for short steps is the exact change."""
    exact = carry_along_path(EVERYWHERE, gaussian, start(3), 150).log_volume
    estimated = carry_along_path(EVERYWHERE, gaussian, start(3), 150, volume="hutchinson", probes=20).log_volume
    torch.testing.assert_close(estimated, exact, atol=0.1, rtol=0)
    again = carry_along_path(
        EVERYWHERE, gaussian, start(3), 20, volume="hutchinson", generator=torch.Generator().manual_seed(0)
    )
    alone = carry_along_path(
        EVERYWHERE, gaussian, start(1), 20, volume="hutchinson", generator=torch.Generator().manual_seed(0)
    )
    torch.testing.assert_close(alone.log_volume, again.log_volume[:1])


def test_both_changes_of_volume_of_a_linear_map():
    """log |det A|, and the trace of A - 1 to five standard errors: v^T B v has the variance of the sum of
    (B_ij + B_ji)^2 over i < j for random signs v."""
    matrix = torch.eye(SIZE).double() + 0.5 * FACTOR
    x = start(2)
    exact = Determinant().carry(lambda x: x @ matrix, x)
    torch.testing.assert_close(exact.log_volume, torch.linalg.slogdet(matrix).logabsdet.expand(2))
    probes = 2000
    generators = [torch.Generator().manual_seed(seed) for seed in range(2)]
    estimated = Hutchinson(probes, generators).carry(lambda x: x @ matrix, x)
    torch.testing.assert_close(estimated.x, exact.x)
    pairs = (FACTOR + FACTOR.T).triu(1) / 2
    error = pairs.square().sum().sqrt() / probes**0.5
    assert ((estimated.log_volume - 0.5 * FACTOR.trace()).abs() < 5 * error).all()
    assert not x.requires_grad  # the caller's own


@pytest.mark.parametrize("arguments", [{"volume": "no"}, {"method": "no"}, {"times": 0}, {"probes": 0}], ids=str)
def test_what_cannot_be_is_refused(arguments):
    with pytest.raises(InputError):
        carry_along_path(EVERYWHERE, gaussian, start(1), **arguments)
    assert set(VOLUMES) == {"exact", "hutchinson"}
