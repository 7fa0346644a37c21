"""Flower on the Gaussian field: the refinement against dense matrices, its spread, and the states draw for draw."""

import pytest
import torch
from gaussian_prior import SHAPE, denoised, draw, gaussian_prior, generators, observed

from latentinpaint.restoration.flower import Flower

ENTRIES = SHAPE[0] * SHAPE[1] * SHAPE[2]
TASKS = ["random:0.4", "blur:0.6", "average:2"]


def posterior(seen, expected, t):
    """Mean and covariance by the precisions of one item, with dense matrices."""
    spread = (1 - t) / (t**2 + (1 - t) ** 2) ** 0.5
    h = seen.model(torch.eye(ENTRIES).double().view(ENTRIES, *SHAPE)).flatten(1).T
    eye = torch.eye(ENTRIES).double()
    covariance = torch.linalg.inv(eye / spread**2 + h.T @ h / seen.noise_std**2)
    mean = covariance @ (expected.flatten() / spread**2 + h.T @ seen.y.flatten() / seen.noise_std**2)
    return mean, covariance


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("t", [0.0, 0.4, 0.9])
def test_the_refinement_is_the_posteriors_mean(task, t):
    seen = observed(task, count=1)
    expected = draw(generators(1, 4))
    mean, _ = posterior(seen, expected, t)
    torch.testing.assert_close(Flower().refined(seen, expected, t).flatten(), mean, atol=1e-9, rtol=0)


@pytest.mark.parametrize("task", TASKS)
def test_the_spread_is_that_of_the_posterior(task):
    seen = observed(task, count=1)
    _, covariance = posterior(seen, draw(generators(1, 4)), 0.4)
    count = 4000
    many = type(seen)(seen.model, seen.y.expand(count, *seen.y.shape[1:]), seen.noise_std, seen.shape)
    deviations = Flower().deviation(many, 0.4, [torch.Generator().manual_seed(n) for n in range(count)]).flatten(1)
    found = deviations.T @ deviations / count
    size = covariance.diagonal().max()
    assert (found - covariance).abs().max() < 6 * size * (2 / count) ** 0.5


@pytest.mark.parametrize("samples", [1, 2])
def test_the_states_draw_for_draw(samples):
    seen = observed("random:0.4")
    own = generators(3, 9)
    total = 0
    for _ in range(samples):
        x = draw(own)
        for number in range(5):
            t = number / 5
            variance = (1 - t) ** 2 / ((1 - t) ** 2 + t**2)
            expected = denoised(x, t)
            gain = variance / (variance + seen.noise_std**2)
            refined = expected + seen.model.known * gain * (seen.y - expected)
            x = (number + 1) / 5 * refined + (4 - number) / 5 * draw(own)
        total = total + x / samples
    found = Flower(5, samples)(gaussian_prior(), seen, generators(3, 9))
    torch.testing.assert_close(found, total, atol=1e-12, rtol=0)


def test_the_spread_takes_part():
    seen = observed("random:0.4")
    plain = Flower(5)(gaussian_prior(), seen, generators(3, 9))
    assert (Flower(5, spread=1.0)(gaussian_prior(), seen, generators(3, 9)) - plain).abs().max() > 0.01
