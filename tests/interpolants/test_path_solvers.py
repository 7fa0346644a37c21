"""Steps along paths, with noise: the laws stay the process's, the orders are those of theory."""

import numpy as np
import pytest
import torch
from oracles import Gaussian, matrix
from scipy.integrate import solve_ivp

from latentinpaint.errors import InputError
from latentinpaint.interpolants import integrate
from latentinpaint.interpolants.interpolant import Endpoints, Process
from latentinpaint.interpolants.operators import Dense, identity
from latentinpaint.interpolants.path_solvers import (
    NOISES,
    PATH_SOLVERS,
    ExponentialMidpoint,
    PathSolver,
    ScaledNoise,
    integrate_path,
)
from latentinpaint.interpolants.paths import ScheduledPath, StraightPath, inpaint
from latentinpaint.interpolants.schedules import Cosine, Linear

SIZE = 4
HOLE = torch.tensor([[0, 1, 1, 1]], dtype=torch.float64)


def number(t):
    return torch.tensor(float(t), dtype=torch.float64)


def gaussian():
    factor = torch.randn(SIZE, SIZE, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    covariance = factor @ factor.T / SIZE + 0.2 * torch.eye(SIZE).double()
    return Gaussian(torch.linspace(-1, 2, SIZE, dtype=torch.float64), covariance)


def positive(seed):
    root = torch.randn(SIZE, SIZE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Dense(root @ root.T / SIZE + 0.3 * torch.eye(SIZE).double())


def skew(seed):
    g = torch.Generator().manual_seed(seed)
    return Dense(torch.eye(SIZE).double() + torch.randn(SIZE, SIZE, generator=g, dtype=torch.float64) / 3)


# "plain" wants an alpha with an inverse, so its path keeps a little noise; "scaled" wants it symmetric.
PATHS = {
    "plain": StraightPath(Process(skew(1), skew(2)), Process(0.3 * identity(), identity())),
    "scaled": StraightPath(Process(positive(1), skew(2)), Process(0.0 * identity(), identity())),
}


def affine(drift):
    constant = drift(torch.zeros(1, SIZE).double())[0].numpy()
    return drift(torch.eye(SIZE).double()).numpy().T - constant[:, None], constant


@pytest.mark.parametrize("epsilon", [0.1, 0.7, 2.0])
@pytest.mark.parametrize("noise", NOISES)
def test_noise_keeps_the_law(noise, epsilon):
    """(8), (8a): m' = M m + c and S' = M S + S M^T + 2 D along matrices that do not commute, down to alpha = 0."""
    path, oracle, equation = PATHS[noise], gaussian(), NOISES[noise]()

    def drift(x, t):
        process = path.at(t)
        ends = oracle(process, x)
        return path.velocity(ends, t) + equation.increment(process, ends, 1.0, torch.zeros_like(x)) * epsilon

    def rate(t, state):
        m, c = affine(lambda x: drift(x, number(t)))
        sigma = state[SIZE:].reshape(SIZE, SIZE)
        alpha = matrix(path.at(number(t)).alpha, (SIZE,))
        diffusion = epsilon * (np.eye(SIZE) if noise == "plain" else alpha)
        change = m @ sigma + sigma @ m.T + 2 * diffusion
        return np.concatenate([m @ state[:SIZE] + c, change.flatten()])

    mean, covariance = oracle.law(path.at(number(0)), (SIZE,))
    start = np.concatenate([mean, covariance.flatten()])
    end = solve_ivp(rate, (0, 1), start, method="DOP853", rtol=1e-10, atol=1e-12).y[:, -1]
    mean, covariance = oracle.law(path.at(number(1)), (SIZE,))
    np.testing.assert_allclose(end[:SIZE], mean, atol=1e-8)
    np.testing.assert_allclose(end[SIZE:].reshape(SIZE, SIZE), covariance, atol=1e-8)


def moments(path, steps, method, epsilon, noise):
    """Mean and covariance that `integrate_path` makes of the path's first law: a step is affine with normal noise."""
    oracle, times = gaussian(), np.linspace(0, 1, steps + 1)
    mean, covariance = oracle.law(path.at(number(0)), (SIZE,))
    for now, then in zip(times, times[1:], strict=False):

        def step(x, zeros=True, now=now, then=then):
            def draw(like, generator):
                return torch.zeros_like(like) if zeros else torch.eye(SIZE).double()

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("latentinpaint.interpolants.path_solvers.draw_normal", draw)
                return integrate_path(path, oracle, x, [now, then], method=method, epsilon=epsilon, noise=noise).x

        m, c = affine(step)
        spread = (step(torch.zeros(SIZE, SIZE).double(), zeros=False) - torch.from_numpy(c)).numpy().T
        mean, covariance = m @ mean + c, m @ covariance @ m.T + spread @ spread.T
    return mean, covariance


@pytest.mark.parametrize("epsilon", [0.0, 0.7])
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("method", PATH_SOLVERS)
def test_the_order_of_the_steps(method, noise, epsilon):
    """The covariance's error (and the mean's) falls with the step, by exact recursion of the moments."""
    path, errors, counts = PATHS[noise], [], (40, 80, 160)
    mean, covariance = gaussian().law(path.at(number(1)), (SIZE,))
    for steps in counts:
        m, c = moments(path, steps, method, epsilon, noise)
        errors.append(np.abs(m - mean).max() + np.abs(c - covariance).max())
    order = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    expected = PATH_SOLVERS[method].order
    if method == "midpoint" and epsilon == 0:
        expected += 1  # on straight paths of a Gaussian, whose law the operators' differences follow
    assert order == pytest.approx(expected, abs=0.2)


@pytest.mark.parametrize("epsilon", [0.2, 0.7, 1.5])
def test_samples_have_the_conditional_law(epsilon):
    """Monte Carlo: 4000 fills of three entries given the first, within four standard errors and the step's bias."""
    oracle, count = gaussian(), 4000
    path = inpaint(HOLE)
    g = torch.Generator().manual_seed(0)
    noise = torch.randn(count, SIZE, generator=g, dtype=torch.float64)
    x = torch.full((count, SIZE), 0.7, dtype=torch.float64)
    found = integrate_path(path, oracle, path.start(x, noise), 200, epsilon=epsilon, generator=g).x
    assert torch.equal(found[:, 0], x[:, 0])
    c = oracle.covariance
    gain = c[1:, 0] / c[0, 0]
    mean = oracle.mean[1:] + gain * (0.7 - oracle.mean[0])
    covariance = c[1:, 1:] - torch.outer(gain, c[0, 1:])
    spread = covariance.diagonal().max().item()
    torch.testing.assert_close(found[:, 1:].mean(dim=0), mean, atol=4 * (spread / count) ** 0.5, rtol=0)
    tolerance = 4 * spread * (2 / count) ** 0.5 + 0.02
    torch.testing.assert_close(torch.cov(found[:, 1:].T), covariance, atol=tolerance, rtol=0)


def test_euler_is_the_solvers_euler():
    """On a straight schedule the operators' differences are the rate times the step."""
    path, oracle = ScheduledPath(), gaussian()
    start = torch.randn(3, SIZE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = integrate_path(path, oracle, start, 7)
    expected = integrate(lambda x, t: path.velocity(oracle(path.at(t[0]), x), t[0]), start, steps=7)
    torch.testing.assert_close(found.x, expected.x, atol=1e-12, rtol=0)
    assert found.nfe == 7


@pytest.mark.parametrize(("name", "order"), [("plain", ExponentialMidpoint.order), ("scaled", 1.75)])
def test_the_order_of_the_exponential_midpoint_rule(name, order):
    """The second where alpha stays away from 0, less on a path to data."""
    path, errors, counts = PATHS[name], [], (40, 80, 160)
    mean, covariance = gaussian().law(path.at(number(1)), (SIZE,))
    for steps in counts:
        m, c = moments(path, steps, ExponentialMidpoint, 0.0, name)
        errors.append(np.abs(m - mean).max() + np.abs(c - covariance).max())
    assert -np.polyfit(np.log(counts), np.log(errors), 1)[0] == pytest.approx(order, abs=0.2)
    with pytest.raises(InputError, match="adds no noise"):
        integrate_path(path, gaussian(), torch.zeros(1, SIZE).double(), 2, method=ExponentialMidpoint, epsilon=0.1)


@pytest.mark.parametrize("method", ["euler", ExponentialMidpoint])
@pytest.mark.parametrize("schedule", [Linear(), Cosine()])
def test_what_is_linear_is_integrated_exactly(method, schedule):
    """Where the expected data is a constant D, x - beta D falls in proportion to alpha, in however few steps."""
    path, data = ScheduledPath(schedule), torch.tensor([[3.0, -1.0, 0.5, 2.0]], dtype=torch.float64)
    start = torch.randn(2, SIZE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def constant(process, x):
        return process.endpoints_from_data(x, data.expand_as(x))

    found = integrate_path(path, constant, start, [0.0, 0.3, 0.8], method=method).x
    alpha, beta = schedule.alpha(number(0.8)), schedule.beta(number(0.8))
    torch.testing.assert_close(found, alpha * start + beta * data, rtol=1e-12, atol=1e-12)


def test_heun_ends_without_looking_at_the_end():
    path, oracle, seen = ScheduledPath(), gaussian(), []

    def drifts(process, x):
        seen.append(process.alpha.values.item())
        return oracle(process, x)

    found = integrate_path(path, drifts, torch.ones(1, SIZE).double(), 2, method="heun")
    assert seen == [1.0, 0.5, 0.5] and found.nfe == 3


def test_every_step_may_have_its_own_noise():
    """The noises of steps without a drift add up; a step of rate 0 draws nothing."""
    path, start, rates = ScheduledPath(), torch.zeros(40_000, 1).double(), [0.5, 0.0, 2.0, 0.0]

    def still(process, x):
        return Endpoints(torch.zeros_like(x), torch.zeros_like(x))

    g = torch.Generator().manual_seed(0)
    found = integrate_path(path, still, start, [0.0, 0.1, 0.4, 0.6, 1.0], epsilon=rates, generator=g).x
    expected = 2 * 0.5 * 0.1 * 1.0 + 2 * 2.0 * 0.2 * 0.6  # 2 epsilon alpha dt, alpha at the step's beginning
    assert found.var().item() == pytest.approx(expected, rel=5 * (2 / 40_000) ** 0.5)
    with pytest.raises(InputError, match="one for each of 4 steps, not 3"):
        integrate_path(path, still, start, 4, epsilon=rates[:3])
    with pytest.raises(InputError, match="epsilon starts at 0"):
        integrate_path(path, still, start, 2, epsilon=[0.0, -1.0])


def test_an_equation_of_ones_own():
    class Half(ScaledNoise):
        def increment(self, process, endpoints, amount, normal):
            return 0.5 * super().increment(process, endpoints, amount, normal)

    path, start = ScheduledPath(), torch.ones(2, SIZE).double()

    def ends(noise, epsilon):
        generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
        return integrate_path(path, gaussian(), start, 1, epsilon=epsilon, noise=noise, generator=generators).x

    still = ends("scaled", 0.0)
    torch.testing.assert_close(ends(Half(), 0.7) - still, 0.5 * (ends("scaled", 0.7) - still))


def test_items_do_not_depend_on_their_neighbours():
    path, oracle = ScheduledPath(), gaussian()
    start = torch.randn(3, SIZE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def seeded(*seeds):
        return [torch.Generator().manual_seed(seed) for seed in seeds]

    together = integrate_path(path, oracle, start, 9, epsilon=0.5, generator=seeded(1, 2, 3)).x
    for item in range(3):
        alone = integrate_path(path, oracle, start[item : item + 1], 9, epsilon=0.5, generator=seeded(item + 1)).x
        torch.testing.assert_close(alone[0], together[item], atol=1e-12, rtol=0)
    first, more = (integrate_path(path, oracle, start[:n], 9, epsilon=0.5, generator=seeded(7)[0]).x for n in (1, 3))
    torch.testing.assert_close(first[0], more[0], atol=1e-12, rtol=0)


def test_what_must_not_move_does_not():
    """Whatever a wrong model says."""

    def wrong(process, x):
        ends = gaussian()(process, x)
        return type(ends)(ends.source + 1, torch.where(HOLE > 0, ends.data - 3, torch.nan))

    path = inpaint(HOLE)
    x = torch.full((2, SIZE), 0.7, dtype=torch.float64)
    start = path.start(x, torch.zeros_like(x))
    g = torch.Generator().manual_seed(0)
    free, held = (
        integrate_path(path, wrong, start, 10, epsilon=0.7, active_mask=mask, generator=g).x for mask in (None, HOLE)
    )
    assert torch.equal(held[:, 0], x[:, 0]) and free[:, 0].isnan().all() and (held[:, 1:] != start[:, 1:]).all()


def test_progress():
    path, oracle = ScheduledPath(), gaussian()
    start, seen = torch.zeros(2, SIZE).double(), []
    integrate_path(path, oracle, start, 4, progress=seen.append)
    assert seen == [0.25, 0.5, 0.75, 1.0]
    seen.clear()
    integrate(lambda x, t: x, start, method="midpoint", steps=2, progress=seen.append)
    assert seen == pytest.approx([0, 0.25, 0.5, 0.75])


def test_a_field_too_steep_for_adaptive_steps():
    """1 / (0.5 - t)^2 has no finite path through t = 0.5: the steps vanish, and the message says what to do."""
    with pytest.raises(InputError, match="rk4"):
        integrate(
            lambda x, t: (0.5 - t[:, None]) ** -2 + 0 * x, torch.zeros(1, 1).double(), method="dopri5", rtol=1e-9
        )


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (dict(times=0), "increase"),
        (dict(times=[0.0]), "increase"),
        (dict(times=[0.0, 0.5, 0.5]), "increase"),
        (dict(epsilon=-1.0), "epsilon"),
        (dict(noise="pink"), "pink"),
        (dict(method="milstein"), "milstein.*euler"),
    ],
)
def test_mistakes(options, word):
    with pytest.raises(InputError, match=word):
        integrate_path(ScheduledPath(), gaussian(), torch.zeros(1, SIZE).double(), **{"times": 3, **options})


class Trapezoid(PathSolver):
    """The trapezoidal rule with an Euler step as its predictor, of the probability flow."""

    order = 2

    def step(self, field, x, t, s, epsilon):
        now, then = number(t), number(s)
        endpoints = field.endpoints(field.path.at(now), x)
        predicted = field.endpoints(field.path.at(then), x + field.path.increment(endpoints, now, then))
        slopes = field.path.velocity(endpoints, now) + field.path.velocity(predicted, then)
        return x + (s - t) / 2 * slopes


def test_a_new_solver_is_one_class_and_a_line_of_the_registry(monkeypatch):
    monkeypatch.setitem(PATH_SOLVERS, "trapezoid", Trapezoid)
    test_the_order_of_the_steps("trapezoid", "scaled", 0.0)
    start = torch.zeros(2, SIZE).double()
    found = integrate_path(PATHS["scaled"], gaussian(), start, 5, method="trapezoid", active_mask=HOLE)
    assert found.nfe == 10 and torch.equal(found.x[:, 0], start[:, 0])
