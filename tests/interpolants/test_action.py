"""The action in one dimension, where it is known: x_1 ~ N(m, s^2) has m^2 + (s - 1)^2 at best."""

import math

import pytest
import torch
from scipy import integrate

from latentinpaint.errors import InputError
from latentinpaint.interpolants import SCHEDULES, Endpoints, ScheduledPath
from latentinpaint.interpolants.action import action, least_action, least_clock_action
from latentinpaint.interpolants.paths import ClockTable, TabulatedPath

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


MEANS = torch.tensor([1.3, -0.2, 0.0], dtype=torch.float64)
STDS = torch.tensor([2.0, 0.3, 0.05], dtype=torch.float64)


def entrywise_drifts(process, x):
    """Of independent Gaussian entries."""
    alpha, beta = process.alpha.values, process.beta.values
    solved = (x - beta * MEANS) / (alpha**2 + beta**2 * STDS**2)
    return Endpoints(alpha * solved, MEANS + beta * STDS**2 * solved)


def entrywise_pairs():
    signs = torch.tensor([[1, 1], [1, -1], [-1, 1], [-1, -1]], dtype=torch.float64)
    return signs[:, :1].expand(-1, 3), MEANS + STDS * signs[:, 1:]


def speed(alpha, mean, std):
    """Root mean squared speed of an entry where its alpha falls by one a unit of time: the mean moves by m, the
    standard deviation by that of sqrt(alpha^2 + (1 - alpha)^2 s^2)."""
    slope = (alpha - (1 - alpha) * std**2) / math.sqrt(alpha**2 + (1 - alpha) ** 2 * std**2)
    return math.hypot(mean, slope)


def test_the_least_action_of_clocks_is_that_of_a_constant_speed():
    """An entry's way is fixed, so the least action is the square of its length, and the straight path's the mean of
    the squared speed; entries of one clock share the way that is best for their sum."""
    law = list(zip(MEANS.tolist(), STDS.tolist(), strict=True))
    lengths = [integrate.quad(speed, 0, 1, args=entry)[0] for entry in law]
    squares = [integrate.quad(lambda a, m, s: speed(a, m, s) ** 2, 0, 1, args=entry)[0] for entry in law]
    shared = integrate.quad(lambda a: math.sqrt(sum(speed(a, *entry) ** 2 for entry in law)), 0, 1)[0] ** 2
    pairs = entrywise_pairs()

    def straight_or_best(clocks, iterations):
        path = least_clock_action(entrywise_drifts, *pairs, torch.tensor(clocks), knots=17, iterations=iterations)
        assert torch.equal(path.alphas[0], torch.ones(3).double()) and not path.alphas[-1].any()
        assert (path.alphas.diff(dim=0) < 0).all()
        return action(path, entrywise_drifts, *pairs, intervals=160).item()

    assert straight_or_best([0, 1, 2], 0) == pytest.approx(sum(squares), rel=2e-3)
    found = straight_or_best([0, 1, 2], 80)
    best_sum = sum(length**2 for length in lengths)
    assert (
        best_sum - 1e-3 < found < best_sum + 0.09 * (sum(squares) - best_sum)
    )  # not with one place in each interval
    together = straight_or_best([0, 0, 0], 80)
    assert shared - 1e-3 < together < shared + 0.15 * (sum(squares) - shared) and found < together


def test_a_table_of_clocks_is_straight_between_its_knots():
    path = ClockTable(torch.tensor([[1.0, 1.0], [0.2, 1.0], [0.0, 0.0]]))
    times = torch.tensor([0.25, 0.75, 1.0])
    torch.testing.assert_close(path.at(times).alpha.values, torch.tensor([[0.6, 1.0], [0.1, 0.5], [0.0, 0.0]]))
    torch.testing.assert_close(path.at(times).beta.values, torch.tensor([[0.4, 0.0], [0.9, 0.5], [1.0, 1.0]]))
    torch.testing.assert_close(path.rate(times).alpha.values, torch.tensor([[-1.6, 0.0], [-0.4, -2.0], [-0.4, -2.0]]))
    one = path.at(torch.tensor(0.25)).alpha.values
    torch.testing.assert_close(one, torch.tensor([[0.6, 1.0]]))
    torch.testing.assert_close(path.rate(times).beta.values, -path.rate(times).alpha.values)


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
    with pytest.raises(InputError, match="3 knots"):
        least_clock_action(entrywise_drifts, *entrywise_pairs(), torch.zeros(3, dtype=torch.long), knots=2)
