"""Scheduled flows with an exact velocity in the network's place: the exact map, and the variance on the way."""

import numpy as np
import pytest
import torch
from oracles import Gaussian
from scipy.linalg import sqrtm
from small_flows import make, samples

from latentinpaint.flows import ScheduledFlow
from latentinpaint.interpolants import SCHEDULES

MEAN = torch.tensor([0.5, -1.0], dtype=torch.float64)
COVARIANCE = torch.tensor([[1.0, 0.6], [0.6, 0.5]], dtype=torch.float64)


def exact_scheduled(schedule, **arguments):
    """A flow of points whose velocity is that of Gaussian data."""
    flow = ScheduledFlow((2,), schedule=schedule, **arguments).double()
    oracle = Gaussian(MEAN, COVARIANCE)

    def velocity(x, t):
        assert (t == t[0]).all()
        return flow.path.velocity(oracle(flow.path.at(t[0]), x), t[0])

    flow.velocity = velocity
    return flow


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_an_exact_velocity_carries_noise_to_the_data(schedule):
    """The map is mu + C^(1/2) x_0 for a pure source: every point is where it belongs."""
    flow = exact_scheduled(schedule, solver="rk4", steps=400)
    source = torch.randn(6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    root = torch.from_numpy(np.real(sqrtm(COVARIANCE.numpy())))
    # The variance-preserving source still holds 0.0066 of the data, and its last step is an expectation.
    tolerance = 2e-2 if schedule == "variance_preserving" else 1e-6
    torch.testing.assert_close(flow.transport(source).x, MEAN + source @ root, atol=tolerance, rtol=0)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_variance_on_the_way(schedule):
    """Between standard normal ends: (1 - t)^2 + t^2 for the linear schedule, 1 for the cosine one."""
    flow = ScheduledFlow((2,), schedule=schedule, solver="rk4", steps=40).double()
    oracle = Gaussian(torch.zeros(2).double() + 4, torch.eye(2).double())
    flow.velocity = lambda x, t: flow.path.velocity(oracle(flow.path.at(t[0]), x), t[0])
    # Rows whose variance is 1 exactly.
    source = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)
    times = torch.tensor([0, 0.25, 0.5, 0.75, 1.0], dtype=torch.float64)
    variances = flow.trajectory(source, times).var(dim=1, correction=0).mean(dim=1)
    expected = [1, 0.625, 0.5, 0.625, 1] if schedule == "linear" else [1] * 5
    assert variances.tolist() == pytest.approx(expected, abs=1e-5)


def test_the_loss_of_a_schedule_by_hand():
    flow = make("points", schedule="cosine")
    source, target = samples(flow, 5)
    t = torch.rand(5, generator=torch.Generator().manual_seed(3))
    loss = flow.loss(source, target, torch.Generator().manual_seed(3))["loss"].item()
    angle = np.pi / 2 * t[:, None]
    x = angle.cos() * source + angle.sin() * target
    rate = np.pi / 2 * (-angle.sin() * source + angle.cos() * target)
    assert loss == pytest.approx((flow.network(x, t) - rate).square().mean().item(), rel=1e-5)
