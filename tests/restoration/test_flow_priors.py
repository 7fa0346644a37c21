"""Flow-Priors on the Gaussian field: the gradient by hand, and the states by Adam's formula."""

import pytest
import torch
from gaussian_prior import MEAN, SHAPE, STD, draw, gaussian_prior, generators, observed

from latentinpaint.flows import ScheduledFlow
from latentinpaint.restoration.flow_priors import FlowPriors
from latentinpaint.restoration.observation_models import observe
from latentinpaint.restoration.observation_tasks import read_task
from latentinpaint.restoration.velocity_prior import VelocityPrior, prior_of


def slope(t):
    return (t * STD**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * STD**2)


def velocity(x, t):
    return MEAN + slope(t) * (x - t * MEAN)


def gradient(seen, noise, x, t, steps, weight, is_first):
    """Of a field whose divergence is constant."""
    h = 1 / steps
    target = (t + h) * seen.y + (1 - t - h) * seen.model(noise)
    misfit = seen.model.adjoint(seen.model(x + h * velocity(x, t)) - target)
    found = 2 * weight * (1 + h * slope(t)) * misfit
    if is_first:
        return found + x
    # The negative score of N(t mu, (1 - t)^2 + t^2 s^2).
    return found + (x - t * MEAN) / ((1 - t) ** 2 + t**2 * STD**2)


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("task", ["random:0.4", "blur:0.6", "average:2"])
def test_the_gradient(task, is_first):
    seen = observed(task)
    noise, x = draw(generators(3, 4)), draw(generators(3, 5))
    method = FlowPriors(steps=10, weight=3.0)
    found = method.gradient(gaussian_prior(), seen, noise, x, 0.3, is_first, torch.ones_like(x))
    exact = gradient(seen, noise, x, 0.3, 10, 3.0, is_first)
    torch.testing.assert_close(found, exact, atol=1e-11, rtol=0)


def test_the_trace_counts_by_its_gradient():
    """v = x^3 / 3 has the divergence |x|^2, whose gradient 2 x / N is left where nothing was seen."""
    seen = observed("box:1")
    x = draw(generators(3, 5))
    prior = VelocityPrior(lambda x, t: x**3 / 3, SHAPE)
    probe = torch.where(draw(generators(3, 6)) < 0, -1.0, 1.0)
    found = FlowPriors(steps=10, weight=3.0).gradient(prior, seen, x, x, 0.3, True, probe)
    hidden = (seen.model.known == 0).expand_as(x)
    torch.testing.assert_close(found[hidden], (x + 2 * x / 10)[hidden], atol=1e-12, rtol=0)


@pytest.mark.parametrize("inner", [1, 3])
def test_the_states_are_those_of_adam_begun_anew_at_each_time(inner):
    """With one inner step the quotient of Adam's moments is the gradient's sign, up to 1e-8."""
    seen = observed()
    noise = draw(generators(3, 9))
    x = noise
    for number in range(10):
        t = 1e-3 + (1 - 1e-3) * number / 10
        first = second = 0
        for k in range(1, inner + 1):
            slopes = gradient(seen, noise, x, t, 10, 100.0, number == 0)
            first = 0.9 * first + 0.1 * slopes
            second = 0.999 * second + 0.001 * slopes**2
            x = x - 0.02 * first / (1 - 0.9**k) / ((second / (1 - 0.999**k)).sqrt() + 1e-8)
        x = x + velocity(x, t) / 10
    found = FlowPriors(10, inner, 100.0, 0.02)(gaussian_prior(), seen, generators(3, 9))
    torch.testing.assert_close(found, x, atol=1e-9, rtol=0)


def test_a_network_with_attention_has_the_second_derivatives():
    flow = ScheduledFlow((1, 8, 8), "time_unet", {"width": 32, "multipliers": (1, 2), "blocks": 1}).double()
    for parameter in flow.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    x = torch.randn(2, 1, 8, 8, dtype=torch.float64)
    seen = observe(read_task("denoise").model((1, 8, 8), generators(2)), x, 0.2, generators(2))
    probe = torch.where(torch.randn_like(x) < 0, -1.0, 1.0)
    direction = torch.randn_like(x)
    method = FlowPriors(steps=10, weight=0.0)
    found = (method.gradient(prior_of(flow), seen, x, x, 0.3, True, probe) - x).mul(direction).sum()

    def trace(point):
        _, transposed = prior_of(flow).pullback(point, 0.3)
        return 0.1 * (probe * transposed(probe)).sum()

    with torch.no_grad():
        difference = (trace(x + 1e-5 * direction) - trace(x - 1e-5 * direction)) / 2e-5
    torch.testing.assert_close(found, difference, rtol=1e-6, atol=1e-9)
