"""A flow as a prior: its expected data, derivatives and the way there and back, against the Gaussian field."""

import pytest
import torch
from gaussian_prior import MEAN, SHAPE, STD, denoised, draw, gaussian_prior, generators

from latentinpaint.errors import InputError
from latentinpaint.flows import HadamardFlow, MaskConditionedFlow, ScheduledFlow
from latentinpaint.restoration.velocity_prior import VelocityPrior, prior_of

X = draw(generators(3, 2))
TIME = 0.35
VARIANCE = (1 - TIME) ** 2 + TIME**2 * STD**2
SLOPE = (TIME * STD**2 - (1 - TIME)) / VARIANCE


def test_the_expected_data_are_those_of_the_normal():
    prior = gaussian_prior()
    torch.testing.assert_close(prior.data(X, TIME), denoised(X, TIME), atol=1e-13, rtol=0)


def test_derivatives_are_those_of_the_normal():
    prior = gaussian_prior()
    velocity, transposed = prior.pullback(X, TIME)
    torch.testing.assert_close(velocity, prior.at(X, TIME))
    torch.testing.assert_close(transposed(X), SLOPE * X, atol=1e-13, rtol=0)


def test_noise_is_carried_to_the_normal_and_back():
    prior = gaussian_prior()
    exact = MEAN + STD * X
    errors = [(prior.carry(X, steps) - exact).abs().max().item() for steps in (20, 40)]
    assert errors[1] < 1e-3
    assert errors[0] / errors[1] > 3.9  # the midpoint rule is of second order
    torch.testing.assert_close(prior.back(exact, 1e-9), X, atol=1e-7, rtol=0)


def test_gradients_pass_through_the_steps_that_are_computed_again():
    noise = X.clone().requires_grad_(True)
    gaussian_prior().carry(noise, 40).sum().backward()
    torch.testing.assert_close(noise.grad, torch.full_like(X, STD), atol=1e-3, rtol=0)


def test_of_the_way_only_its_stations_are_kept():
    """Two evaluations a midpoint step, and the same again for the gradient."""
    times = []
    field = gaussian_prior().velocity

    def counted(x, t):
        times.append(t[0].item())
        return field(x, t)

    noise = X.clone().requires_grad_(True)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.numel()) or tensor, lambda t: t):
        picture = VelocityPrior(counted, SHAPE).carry(noise, 4)
    assert len(times) == 8
    assert sum(kept) <= 4 * X.numel()
    picture.sum().backward()
    assert len(times) == 16


def test_flows_are_priors():
    scheduled = ScheduledFlow((1, 8, 8), "time_unet", {"width": 8, "multipliers": (1, 2), "blocks": 1})
    hadamard = HadamardFlow((1, 8, 8), width=8, multipliers=(1, 2), blocks=1)
    x = torch.randn(2, 1, 8, 8)
    for flow in (scheduled, hadamard):
        torch.nn.init.normal_(getattr(flow.network, "network", flow.network).answer.weight, std=0.3)
    t = torch.tensor([0.3, 0.3])
    assert torch.equal(prior_of(scheduled).at(x, 0.3), scheduled.velocity(x, t))
    difference = hadamard.difference(x, torch.full((2, 1, 8, 8), 0.7))
    torch.testing.assert_close(prior_of(hadamard).at(x, 0.3), -difference)
    assert difference.abs().max() > 0.1
    assert prior_of(scheduled).network is scheduled.network


@pytest.mark.parametrize(
    ("flow", "named"),
    [
        (lambda: ScheduledFlow((2,)), "one of points"),
        (lambda: ScheduledFlow((1, 8, 8), "add_unet", schedule="cosine"), "linear schedule"),
        (lambda: MaskConditionedFlow((1, 8, 8), base_channels=8), "a scheduled or a Hadamard flow"),
        (lambda: HadamardFlow((1, 8, 8), width=8, multipliers=(1,), blocks=1, scale=2.0), "scale 1"),
    ],
)
def test_flows_that_are_no_priors(flow, named):
    with pytest.raises(InputError, match=named):
        prior_of(flow())
