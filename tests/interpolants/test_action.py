"""The action in one dimension, where it is known: x_1 ~ N(m, s^2) has m^2 + (s - 1)^2 at best."""

import math

import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.interpolants import SCHEDULES, Endpoints, ScheduledPath
from latentinpaint.interpolants.action import action, least_action
from latentinpaint.interpolants.paths import TabulatedPath

M, S = 1.3, 2.0


def drifts(process, x):
    """The Gaussian's, differentiable in the process."""
    alpha, beta = process.alpha.values, process.beta.values
    solved = (x - beta * M) / (alpha**2 + beta**2 * S**2)
    return Endpoints(alpha * solved, M + beta * S**2 * solved)


def four_pairs():
    """Signs with the ends' mean and covariance: the squared speed is quadratic in them, so no more is needed."""
    signs = torch.tensor([[1, 1], [1, -1], [-1, 1], [-1, -1]], dtype=torch.float64)
    return signs[:, :1], M + S * signs[:, 1:]


def best(count):
    """beta = t, alpha^2 = (1 - t) (1 - t + 2 t s)."""
    t = torch.linspace(0, 1, count, dtype=torch.float64)
    return TabulatedPath(((1 - t) * (1 - t + 2 * t * S)).sqrt(), t)


@pytest.mark.parametrize(("name", "expected"), [("linear", 3.5484), ("cosine", 3.3187)])
def test_actions_of_schedules(name, expected):
    found = action(ScheduledPath(SCHEDULES[name]()), drifts, *four_pairs(), intervals=400)
    assert found.item() == pytest.approx(expected, abs=1e-4)


def test_the_best_path_reaches_the_wasserstein_distance():
    assert action(best(4001), drifts, *four_pairs(), intervals=4000).item() == pytest.approx(2.6900, abs=1e-3)


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_the_least_action_is_found(name):
    seen = []
    path = least_action(drifts, *four_pairs(), ScheduledPath(SCHEDULES[name]()), progress=seen.append)
    found = action(path, drifts, *four_pairs(), intervals=1600).item()
    assert 2.69 < found < 2.72
    t = torch.linspace(0, 1, 17, dtype=torch.float64)
    torch.testing.assert_close(path.betas, t, atol=0.02, rtol=0)
    torch.testing.assert_close(path.alphas, best(17).alphas, atol=0.03, rtol=0)
    assert seen[-1] == 1 and len(seen) == 500
    assert not path.alphas.requires_grad


def test_a_table_is_straight_between_its_knots():
    path = TabulatedPath(torch.tensor([1.0, 0.2, 0.0]), torch.tensor([0.0, 0.6, 1.0]))
    times = torch.tensor([0.0, 0.25, 0.5, 0.9, 1.0])
    torch.testing.assert_close(path.at(times).alpha.values, torch.tensor([1.0, 0.6, 0.2, 0.04, 0.0]))
    torch.testing.assert_close(path.at(times).beta.values, torch.tensor([0.0, 0.3, 0.6, 0.92, 1.0]))
    torch.testing.assert_close(path.rate(times).alpha.values, torch.tensor([-1.6, -1.6, -0.4, -0.4, -0.4]))
    assert math.isclose(path.at(torch.tensor(0.25)).alpha.values.item(), 0.6, abs_tol=1e-6)


def test_the_models_gradients_are_left_alone():
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)

    def model(process, x):
        ends = drifts(process, x)
        return Endpoints(scale * ends.source, scale * ends.data)

    least_action(model, *four_pairs(), iterations=2)
    assert scale.grad is None


def test_too_few_knots():
    with pytest.raises(InputError, match="3 knots"):
        least_action(drifts, *four_pairs(), knots=2)
