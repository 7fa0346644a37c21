"""Operators, paths and solvers: states on the GPU are those of the processor."""

import math

import pytest
import torch
from small_flow_refiners import seeded
from two_devices import NEAR, near

from latentinpaint.interpolants import (
    PATH_SOLVERS,
    SOLVERS,
    Dense,
    Endpoints,
    Fourier,
    Hadamard,
    Scalar,
    identity,
    integrate,
    integrate_path,
)
from latentinpaint.interpolants.adaptive import integrate_adaptively
from latentinpaint.interpolants.paths import inpaint, morton, raster, sequential
from latentinpaint.interpolants.transfers import gaussian_blur

pytestmark = pytest.mark.gpu

SHAPE = (3, 2, 6, 8)


def operators():
    torch.manual_seed(0)
    matrix = torch.randn(96, 96, dtype=torch.float64)
    return {
        "scalar": Scalar(torch.tensor([0.5, 0.25, 2.0])),
        "hadamard": Hadamard(torch.rand(1, 1, 6, 8) + 0.5),
        "fourier": Fourier(gaussian_blur(6, 8, 0.8)),
        "dense": Dense(matrix @ matrix.T / 96 + torch.eye(96, dtype=torch.float64)),
    }


@pytest.mark.parametrize("name", operators())
def test_operators_act_where_the_pictures_are(name, device):
    """Whatever device the operator's own numbers are on."""
    operator = operators()[name]
    x = torch.randn(SHAPE)
    for act in (operator, operator.adjoint, operator.inverse, operator.sqrt, 2 * operator + identity()):
        found = act(x.to(device))
        assert found.device.type == device.type and found.dtype == x.dtype
        assert near(found, act(x))


@pytest.mark.parametrize("name", operators())
def test_operators_whose_numbers_are_there(name, device):
    operator = operators()[name]
    values = operator.matrix if name == "dense" else operator.values
    there = type(operator)(values.to(device))
    x = torch.randn(SHAPE)
    for find in (lambda a: a, lambda a: a.inverse, lambda a: a.sqrt, lambda a: a @ a - 0.5 * identity()):
        assert near(find(there)(x.to(device)), find(operator)(x))


@pytest.mark.parametrize("method", SOLVERS)
def test_solvers_of_a_velocity(method, device):
    """dx/dt = -k x from 1, whose end is e^-k, and the same end as on the processor."""
    rates = torch.tensor([0.5, 1.0, 2.0]).view(3, 1)
    start = torch.ones(3, 1)

    def solve(where):
        return integrate(
            lambda x, t, k: -k * x,
            start.to(where),
            method=method,
            steps=16,
            extra_args=[rates.to(where)],
            rtol=1e-5,
            atol=1e-5,
        )

    found, expected = solve(device), solve("cpu")
    assert found.x.device.type == device.type and found.nfe == expected.nfe
    assert near(found.x, expected.x, 1e-5)
    tolerance = {1: 0.05, 2: 2e-3}.get(SOLVERS[method].order, 1e-4)
    torch.testing.assert_close(found.x.cpu(), torch.exp(-rates), atol=tolerance, rtol=0)


def towards_waves(process, x):
    """A model of the ends: data that depend on x smoothly, the source by the process's own equation."""
    data = torch.tanh(x.roll(1, -1) - 0.3 * x)
    return Endpoints(x - data, data) if process is None else process.endpoints_from_data(x, data)


@pytest.mark.parametrize("epsilon", [0.0, 0.5])
@pytest.mark.parametrize("method", PATH_SOLVERS)
def test_solvers_along_a_path(method, epsilon, device):
    x = torch.randn(SHAPE)
    hole = (torch.rand(SHAPE[0], 1, *SHAPE[2:]) < 0.5).float()

    def solve(where):
        there = hole.to(where)
        path = inpaint(0.9 * there + 0.05)
        return integrate_path(
            path,
            towards_waves,
            x.to(where),
            6,
            method=method,
            epsilon=epsilon,
            active_mask=there,
            generator=seeded(1, 2, 3),
        )

    found, expected = solve(device), solve("cpu")
    assert found.x.device.type == device.type and found.nfe == expected.nfe
    assert near(found.x, expected.x)
    known = (hole == 0).expand_as(x)
    assert torch.equal(found.x.cpu()[known], x[known]) and not torch.equal(found.x.cpu()[~known], x[~known])


@pytest.mark.parametrize("order", [raster, morton])
def test_blocks_one_after_the_other(order, device):
    hole = (torch.rand(SHAPE[0], 1, *SHAPE[2:]) < 0.7).float()
    blocks = order(6, 8, 3)
    path_here = sequential(hole, blocks)
    path_there = sequential(hole.to(device), blocks.to(device))
    for time in (0.0, 0.3, 1.0):
        t = torch.tensor(time)
        assert near(path_there.at(t.to(device)).alpha.values, path_here.at(t).alpha.values, 1e-6)


def test_the_least_certain_block_next(device):
    """What a block is filled with is exp(-i) for the block's number i, and so is its certainty's place."""
    hole = torch.ones(SHAPE[0], 1, *SHAPE[2:])
    blocks = raster(6, 8, 3)
    values = torch.exp(-blocks.float() / blocks.max()).expand(SHAPE)

    def drifts(process, x):
        data = values.to(x)
        noisy = process.alpha.values > 0
        return Endpoints(torch.where(noisy, x - (1 - process.alpha.values) * data, 0.0), data)

    start = torch.randn(SHAPE)
    solutions = [
        integrate_adaptively(drifts, start.to(where), hole.to(where), blocks, 1, generator=seeded(1, 2, 3))
        for where in ("cpu", device)
    ]
    assert near(solutions[1].x, solutions[0].x)
    assert math.isclose(solutions[1].nfe, solutions[0].nfe)
    assert near(solutions[1].x, values, NEAR)
