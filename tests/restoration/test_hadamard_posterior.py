"""The Hadamard flow: on the Gaussian field, one step is the posterior's mean and many are the posterior."""

import pytest
import torch
from gaussian_prior import MEAN, SHAPE, STD, gaussian_prior, generators, observed

from latentinpaint.errors import InputError
from latentinpaint.flows import HadamardFlow
from latentinpaint.restoration.hadamard_posterior import HadamardPosterior
from latentinpaint.restoration.velocity_prior import prior_of


@pytest.fixture
def prior(monkeypatch):
    """A Hadamard flow whose eta is that of independent N(MEAN, STD^2)."""
    flow = HadamardFlow(SHAPE, width=8, multipliers=(1,), blocks=1).double()

    def difference(x, alpha):
        rate = (alpha - (1 - alpha) * STD**2) / (alpha**2 + (1 - alpha) ** 2 * STD**2)
        return -MEAN + rate * (x - (1 - alpha) * MEAN)

    monkeypatch.setattr(flow, "difference", difference)
    return prior_of(flow)


def test_one_step_is_the_mean_of_the_posterior(prior):
    seen = observed("random:0.4", noise=0.2)
    weight = STD**2 / (STD**2 + 0.2**2)
    exact = MEAN + seen.model.known * weight * (seen.y - MEAN)
    found = HadamardPosterior(steps=1)(prior, seen, generators(3, 9))
    torch.testing.assert_close(found, exact, atol=1e-10, rtol=0)


def test_without_noise_what_was_seen_stays(prior):
    seen = observed("random:0.4", noise=0.0)
    found = HadamardPosterior(steps=1)(prior, seen, generators(3, 9))
    exact = torch.where(seen.model.known > 0, seen.y, torch.full_like(seen.y, MEAN))
    torch.testing.assert_close(found, exact, atol=1e-10, rtol=0)


def test_many_steps_have_the_spread_of_the_posterior(prior):
    seen = observed("random:0.4", noise=0.2, count=1)
    count = 600
    many = type(seen)(seen.model, seen.y.expand(count, *SHAPE), seen.noise_std, seen.shape)
    found = HadamardPosterior(steps=80)(prior, many, [torch.Generator().manual_seed(n) for n in range(count)])
    known = (seen.model.known > 0).expand(1, *SHAPE)[0]
    deviation = found.std(dim=0)
    of_seen = (1 / STD**2 + 1 / 0.2**2) ** -0.5
    assert deviation[known].mean() == pytest.approx(of_seen, rel=0.04)
    assert deviation[~known].mean() == pytest.approx(STD, rel=0.04)


@pytest.mark.parametrize("noise", [0.2, 0.0])
def test_a_picture_is_the_same_whatever_is_beside_it_and_is_hidden(prior, noise):
    seen = observed("random:0.4", noise)
    method = HadamardPosterior(steps=4)
    together = method(prior, seen, generators(3, 9))
    other = type(seen)(seen.model, seen.y + 5 * (1 - seen.model.known), noise, seen.shape)
    torch.testing.assert_close(method(prior, other, generators(3, 9)), together, atol=1e-10, rtol=0)
    for number in range(3):
        alone = method(prior, seen.item(number), generators(3, 9)[number : number + 1])
        torch.testing.assert_close(alone, together[number : number + 1], atol=1e-10, rtol=0)


def test_it_needs_a_hadamard_flow_and_a_mask(prior):
    with pytest.raises(InputError, match="needs one, in which every pixel"):
        HadamardPosterior()(gaussian_prior(), observed(), generators(3))
    with pytest.raises(InputError, match="take a task with a mask"):
        HadamardPosterior()(prior, observed("blur:0.6"), generators(3))
