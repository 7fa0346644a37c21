"""Guidance on the Gaussian field: the gradient by finite differences of the distance, and the states by hand."""

import pytest
import torch
from gaussian_prior import MEAN, STD, denoised, draw, gaussian_prior, generators, observed

from latentinpaint.restoration.guidance import Guidance


@pytest.mark.parametrize("task", ["random:0.4", "blur:0.6", "average:2"])
def test_the_states_are_those_of_the_recursion(task):
    seen = observed(task)
    x = draw(generators(3, 9))
    for number in range(5):
        t = number / 5
        variance = (1 - t) ** 2 + t**2 * STD**2
        velocity = MEAN + (t * STD**2 - (1 - t)) / variance * (x - t * MEAN)
        missing = seen.y - seen.model(denoised(x, t))
        if seen.model.known is not None:
            missing = missing * seen.model.known
        distance = missing.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        # The expected picture has the slope t s^2 / sigma_t^2.
        x = x + velocity / 5 + 0.4 * t * STD**2 / variance * seen.model.adjoint(missing) / distance
    found = Guidance(5, 0.4)(gaussian_prior(), seen, generators(3, 9))
    torch.testing.assert_close(found, x, atol=1e-12, rtol=0)


def test_it_brings_what_is_expected_nearer_to_what_was_seen():
    seen = observed("random:0.4")
    free, guided = (Guidance(20, strength)(gaussian_prior(), seen, generators(3, 9)) for strength in (0.0, 1.0))
    assert seen.residual(guided).mul(seen.model.known).norm() < 0.7 * seen.residual(free).mul(seen.model.known).norm()
