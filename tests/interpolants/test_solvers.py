"""Solvers on problems whose solution is known: the exact flow between Gaussians, point by point.

For x_0 ~ N(0, I) and x_1 ~ N(mu, C), independent, all covariances on the path commute, so the flow map is
X_t = beta mu + (alpha^2 I + beta^2 C)^(1/2) x_0: at the end mu + C^(1/2) x_0.
"""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from latentinpaint.errors import InputError
from latentinpaint.interpolants import SCHEDULES, SOLVERS, integrate
from latentinpaint.interpolants.solvers import FixedStepSolver

MEAN = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
COVARIANCE = torch.tensor([[2.0, 0.8, -0.3], [0.8, 1.0, 0.4], [-0.3, 0.4, 0.5]], dtype=torch.float64)
FIXED = [name for name, solver in SOLVERS.items() if not solver.adaptive]
ADAPTIVE = [name for name, solver in SOLVERS.items() if solver.adaptive]
EVALUATIONS = {"euler": 1, "midpoint": 2, "rk4": 4}


def gaussian_field(schedule, mean=MEAN, covariance=COVARIANCE):
    """alpha' eta_0 + beta' eta_1 with the Gaussian drifts; one time for each item."""

    def field(x, t):
        assert t.shape == x.shape[:1]
        alpha, beta = schedule.alpha(t)[:, None], schedule.beta(t)[:, None]
        alpha_dot, beta_dot = schedule.alpha_dot(t)[:, None], schedule.beta_dot(t)[:, None]
        sigma = alpha[..., None] ** 2 * torch.eye(len(mean)).double() + beta[..., None] ** 2 * covariance
        solved = torch.linalg.solve(sigma, x - beta * mean)
        return alpha_dot * alpha * solved + beta_dot * (mean + beta * solved @ covariance)

    return field


def flow_map(schedule, x_0, t=1.0):
    t = torch.tensor(t, dtype=torch.float64)
    alpha, beta = schedule.alpha(t).item(), schedule.beta(t).item()
    root = np.real(sqrtm(alpha**2 * np.eye(3) + beta**2 * COVARIANCE.numpy()))
    # Where the source is not quite pure the flow starts with what it holds of the data.
    zero = torch.tensor(0.0, dtype=torch.float64)
    alpha, beta_0 = schedule.alpha(zero).item(), schedule.beta(zero).item()
    begun = np.real(sqrtm(alpha**2 * np.eye(3) + beta_0**2 * COVARIANCE.numpy()))
    return beta * MEAN + (x_0 - beta_0 * MEAN) @ torch.from_numpy(np.linalg.solve(begun, root))


def starts(count=5):
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.fixture(params=SCHEDULES)
def schedule(request):
    return SCHEDULES[request.param]()


@pytest.mark.parametrize("share", [0.3, 1.0])
@pytest.mark.parametrize("method", SOLVERS)
def test_the_gaussian_flow_map(schedule, method, share):
    """A map right at every point has the exact mean and covariance: those of N(mu, C) at the end."""
    order, until = SOLVERS[method].order, share * schedule.last
    steps, tolerance = {1: (500, 2e-2), 2: (200, 1e-4), 4: (100, 1e-7), 5: (1, 1e-7)}[order]
    if schedule.last < 1:  # its end is steep: alpha falls like a square root
        steps, tolerance = {1: (2000, 2e-2), 2: (1000, 1e-3), 4: (400, 1e-4), 5: (1, 1e-7)}[order]
    found = integrate(
        gaussian_field(schedule), starts(), method=method, steps=steps, span=(0.0, until), rtol=1e-9, atol=1e-9
    )
    torch.testing.assert_close(found.x, flow_map(schedule, starts(), until), atol=tolerance, rtol=0)


def test_the_flow_map_carries_the_covariance():
    """The reference itself: its linear part squared is C."""
    linear_part = flow_map(SCHEDULES["linear"](), torch.eye(3).double()) - MEAN
    torch.testing.assert_close(linear_part.T @ linear_part, COVARIANCE, atol=1e-12, rtol=0)


@pytest.mark.parametrize("method", ["rk4", *ADAPTIVE])
def test_unit_covariance_ends_translated(schedule, method):
    """N(0, I) to N(mu, I) ends at x_0 + mu."""
    field = gaussian_field(schedule, MEAN, torch.eye(3).double())
    found = integrate(field, starts(), method=method, steps=60, span=(0.0, schedule.last), rtol=1e-9, atol=1e-9).x
    grown = schedule.beta(torch.tensor([0.0, schedule.last], dtype=torch.float64)).diff()
    torch.testing.assert_close(found, starts() + grown * MEAN, atol=1e-6, rtol=0)


def slope(counts, ends, exact):
    errors = [(end - exact).norm().item() for end in ends]
    return -np.polyfit(np.log(counts), np.log(errors), 1)[0]


@pytest.mark.parametrize("method", SOLVERS)
def test_order_of_convergence(method):
    """dx/dt = (1 + t) x (1 - x), whose solution is the logistic curve of t + t^2 / 2.

    With tolerances that accept every step, the adaptive method takes the longest steps it may: equal ones.
    """
    counts = (16, 32, 64, 128)
    start = torch.tensor([[0.1], [0.4]], dtype=torch.float64)
    growth = np.exp(1.5) * start / (1 - start)
    exact = growth / (1 + growth)

    def field(x, t):
        return (1 + t[:, None]) * x * (1 - x)

    loose = dict(rtol=1.0, atol=1.0)
    ends = [integrate(field, start, method=method, steps=n, max_step=1 / n, **loose).x for n in counts]
    assert slope(counts, ends, exact) == pytest.approx(SOLVERS[method].order, abs=0.2)


@pytest.mark.parametrize("method", FIXED)
def test_order_of_convergence_of_the_gaussian_flow(schedule, method):
    """At least the solver's: midpoint happens to reach 3 with the linear schedule, where its error term vanishes."""
    order = SOLVERS[method].order
    counts = {1: (128, 256, 512), 2: (64, 128, 256), 4: (32, 64, 128)}[order]
    field, until = gaussian_field(schedule), 1.0 if schedule.last == 1 else 0.9
    ends = [integrate(field, starts(2), method=method, steps=n, span=(0.0, until)).x for n in counts]
    assert slope(counts, ends, flow_map(schedule, starts(2), until)) > order - 0.15


@pytest.mark.parametrize("method", ADAPTIVE)
def test_tighter_tolerances_are_met(schedule, method):
    exact, span = flow_map(schedule, starts(2), schedule.last), (0.0, schedule.last)
    runs = [
        integrate(gaussian_field(schedule), starts(2), method=method, span=span, rtol=tolerance, atol=tolerance)
        for tolerance in (1e-3, 1e-6, 1e-9)
    ]
    errors = [(run.x - exact).abs().max().item() for run in runs]
    for tolerance, error in zip((1e-3, 1e-6, 1e-9), errors, strict=True):
        assert error < 100 * tolerance
    assert errors[0] > 1e-6  # the loose one is loose: tolerances arrive at the solver
    assert runs[0].nfe < runs[1].nfe < runs[2].nfe


@pytest.mark.parametrize("method", ADAPTIVE)
def test_an_adaptive_method_ignores_steps(method):
    field = gaussian_field(SCHEDULES["linear"]())
    one, many = (integrate(field, starts(2), method=method, steps=n) for n in (1, 50))
    assert torch.equal(one.x, many.x) and one.nfe == many.nfe


@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("method", FIXED)
def test_evaluations_of_the_field(method, steps):
    calls = []

    def field(x, t):
        calls.append(t)
        return -x

    assert integrate(field, starts(), method=method, steps=steps).nfe == EVALUATIONS[method] * steps
    assert len(calls) == EVALUATIONS[method] * steps


@pytest.mark.parametrize("method", ADAPTIVE)
def test_evaluations_are_those_of_the_busiest_item(method):
    def field(x, t):
        return torch.sin(x[:, :1] * 40 * t[:, None]) * x

    items = torch.tensor([[0.0, 1.0], [5.0, 1.0]])
    alone = [integrate(field, item[None], method=method).nfe for item in items]
    assert alone[0] < alone[1]
    assert integrate(field, items, method=method).nfe == alone[1]


def test_one_euler_step_is_the_conditional_mean():
    """From t = 0 the linear flow's first velocity points at the mean of the data."""
    found = integrate(gaussian_field(SCHEDULES["linear"]()), starts(), method="euler", steps=1).x
    torch.testing.assert_close(found, MEAN.expand(5, 3), atol=1e-14, rtol=0)


@pytest.mark.parametrize("steps", [1, 3, 20])
def test_euler_steps_by_hand(steps):
    """dx/dt = -x: (1 - 1/N)^N."""
    found = integrate(lambda x, t: -x, torch.ones(1, 1).double(), method="euler", steps=steps).x
    assert found.item() == pytest.approx((1 - 1 / steps) ** steps, abs=1e-14)


@pytest.mark.parametrize("method", SOLVERS)
def test_items_do_not_depend_on_their_neighbours(schedule, method):
    field = gaussian_field(schedule)
    x = starts()
    x[3] *= 100  # an item that would shrink everybody's steps
    options = dict(method=method, steps=10, span=(0.0, schedule.last))
    together = integrate(field, x, **options).x
    for item in range(len(x)):
        alone = integrate(field, x[item : item + 1], **options).x
        torch.testing.assert_close(together[item], alone[0], atol=1e-10, rtol=1e-12)


@pytest.mark.parametrize("method", ADAPTIVE)
def test_shared_steps_are_right_for_every_item(method):
    """One hard item among many easy ones, whose share of a common mean would be lost: dx/dt = w cos(w t) ends at
    sin(w). Evaluations are those of the hardest item, and each is of the whole batch."""
    rates = torch.ones(200, 1, dtype=torch.float64)
    rates[77] = 60.0
    sizes = []

    def field(x, t, rate):
        sizes.append(len(x))
        return rate * torch.cos(rate * t[:, None])

    options = dict(method=method, rtol=1e-6, atol=1e-6)
    together = integrate(field, torch.zeros_like(rates), extra_args=(rates,), shared_steps=True, **options)
    assert together.nfe == len(sizes) and set(sizes) == {200}
    torch.testing.assert_close(together.x, torch.sin(rates), atol=1e-5, rtol=0)
    hardest = integrate(field, torch.zeros(1, 1).double(), extra_args=(rates[77:78],), **options)
    assert 0.7 < together.nfe / hardest.nfe < 1.3
    # The item itself is solved as finely as alone, to a few tolerances.
    torch.testing.assert_close(together.x[77], hardest.x[0], atol=5e-6, rtol=0)


@pytest.mark.parametrize("method", SOLVERS)
def test_backwards_returns_to_the_start(schedule, method):
    steps, tolerance = {1: (1000, 2e-2), 2: (200, 1e-3), 4: (60, 1e-5), 5: (1, 1e-6)}[SOLVERS[method].order]
    options = dict(method=method, steps=steps, rtol=1e-9, atol=1e-9)
    last = 1.0 if schedule.last == 1 else 0.9
    there = integrate(gaussian_field(schedule), starts(2), span=(0.0, last), **options).x
    back = integrate(gaussian_field(schedule), there, span=(last, 0.0), **options).x
    assert (there - starts(2)).abs().max() > 0.5
    torch.testing.assert_close(back, starts(2), atol=tolerance, rtol=0)


@pytest.mark.parametrize("method", SOLVERS)
def test_shape_and_dtype_are_the_starts(method):
    start = torch.randn(2, 3, 2, 2)

    def field(x, t):
        assert x.dtype == t.dtype == torch.float32 and t.shape == x.shape[:1] and x.shape[1:] == (3, 2, 2)
        return torch.ones_like(x)

    found = integrate(field, start, method=method, steps=3).x
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, start + 1)


@pytest.mark.parametrize("method", SOLVERS)
def test_extra_arguments_go_with_their_item(method):
    rates = torch.tensor([[1.0], [2.0], [-3.0]], dtype=torch.float64)

    def field(x, t, rate):
        assert rate.shape == (len(x), 1)
        return rate.expand_as(x)

    found = integrate(field, torch.zeros(3, 2).double(), method=method, extra_args=(rates,), steps=4).x
    torch.testing.assert_close(found, rates.expand(3, 2))


def test_unknown_solver():
    with pytest.raises(InputError, match="heun.*euler"):
        integrate(lambda x, t: x, starts(), method="heun")


@pytest.mark.parametrize("steps", [0, -3])
@pytest.mark.parametrize("method", SOLVERS)
def test_steps_start_at_one(method, steps):
    with pytest.raises(InputError, match=str(steps)):
        integrate(lambda x, t: x, starts(), method=method, steps=steps)


@pytest.mark.parametrize("method", ADAPTIVE)
def test_steps_of_an_adaptive_method_can_be_limited(method):
    """Seven stages a step, the first one being the last of the step before."""
    field = gaussian_field(SCHEDULES["linear"]())
    found = integrate(field, starts(1), method=method, rtol=1.0, atol=1.0, max_step=1 / 64)
    assert found.nfe >= 6 * 64


@pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.2)], ids=["forwards", "backwards"])
@pytest.mark.parametrize("method", SOLVERS)
def test_the_field_is_evaluated_inside_the_span(method, span):
    """Beyond it a field that leads to data need not be finite: this one runs to 3 and ends there."""
    times = []

    def field(x, t):
        times.append(t[0].item())
        return (3 - x) / (1.0001 - t[:, None])

    integrate(field, torch.zeros(1, 1).double(), method=method, span=span)
    assert min(span) <= min(times) and max(times) <= max(span)


def test_low_precision_times():
    """In bfloat16 300 equal steps would not be told apart."""
    found = integrate(lambda x, t: torch.ones_like(x), torch.zeros(2, 1, dtype=torch.bfloat16), steps=300).x
    assert found.dtype == torch.bfloat16


def test_an_empty_span():
    with pytest.raises(InputError, match="span"):
        integrate(lambda x, t: x, torch.zeros(1, 1), span=(0.5, 0.5))


@pytest.mark.parametrize("max_step", [0.0, -0.1, float("nan")])
def test_longest_step_is_above_zero(max_step):
    with pytest.raises(InputError, match="max_step"):
        integrate(lambda x, t: x, torch.zeros(1, 1), method="dopri5", max_step=max_step)


class Heun(FixedStepSolver):
    """The trapezoidal rule with an Euler step as its predictor."""

    order = 2

    def step(self, field, x, t, s):
        slope = field(x, t)
        return x + (s - t) / 2 * (slope + field(x + (s - t) * slope, s))


def test_a_new_solver_is_one_class_and_a_line_of_the_registry(monkeypatch):
    monkeypatch.setitem(SOLVERS, "heun", Heun)
    test_order_of_convergence("heun")
    assert integrate(lambda x, t: -x, starts(), method="heun", steps=5).nfe == 10
