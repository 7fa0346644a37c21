"""D-Flow on the Gaussian field, where T is affine: the start, the objective, and the minimum by linear algebra."""

import math

import pytest
import torch
from gaussian_prior import MEAN, STD, draw, gaussian_prior, generators, observed

from latentinpaint.restoration.d_flow import DFlow


def affine(steps):
    """Offset and slope of `steps` midpoint steps of v = MEAN + slope(t) (x - t MEAN), by hand."""

    def step_of(x, t, h):
        def v(x, t):
            return MEAN + (t * STD**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * STD**2) * (x - t * MEAN)

        return x + h * v(x + h / 2 * v(x, t), t + h / 2)

    values = []
    for x in (0.0, 1.0):
        for number in range(steps):
            x = step_of(x, number / steps, 1 / steps)
        values.append(x)
    return values[0], values[1] - values[0]


def test_many_steps_are_the_transport_of_the_normal():
    offset, slope = affine(200)
    assert (offset, slope) == (pytest.approx(MEAN, abs=1e-4), pytest.approx(STD, abs=1e-4))


def test_it_begins_at_a_blend_of_the_noise_of_what_was_seen_and_new_noise():
    seen = observed()
    back = (seen.model.adjoint(seen.y) - MEAN) / STD
    exact = math.sqrt(0.1) * back + math.sqrt(0.9) * draw(generators(3, 9))
    found = DFlow(blend=0.1).start(gaussian_prior(), seen, generators(3, 9))
    torch.testing.assert_close(found, exact, atol=1e-3, rtol=0)
    assert torch.equal(DFlow(blend=0.0).start(gaussian_prior(), seen, generators(3, 9)), draw(generators(3, 9)))


def test_the_objective():
    seen = observed()
    z = draw(generators(3, 4))
    offset, slope = affine(5)
    misfit = (seen.model.known * (offset + slope * z - seen.y)).flatten(1).norm(dim=1) ** 2
    norm = z.flatten(1).norm(dim=1)
    exact = misfit + 0.01 * (norm**2 / 2 - (z[0].numel() - 1) * (norm + 1e-5).log())
    torch.testing.assert_close(DFlow(weight=0.01).objective(gaussian_prior(), seen, z), exact, atol=1e-10, rtol=0)


def test_without_a_penalty_what_was_seen_is_explained_and_the_rest_stays():
    seen = observed()
    method = DFlow(weight=0.0, iterations=3)
    found = method(gaussian_prior(), seen, generators(3, 9))
    start = method.start(gaussian_prior(), seen, generators(3, 9))
    offset, slope = affine(5)
    exact = torch.where(seen.model.known > 0, seen.y, offset + slope * start)
    torch.testing.assert_close(found, exact, atol=1e-6, rtol=0)


def test_with_a_penalty_the_noise_has_the_norm_that_is_likeliest():
    """|z|^2 / 2 - (d - 1) log |z| is least at |z|^2 = d - 1, and the hidden entries can have it so."""
    seen = observed()
    method = DFlow(weight=0.1, iterations=6)
    offset, slope = affine(5)
    found = method(gaussian_prior(), seen, generators(3, 9))
    norm = ((found - offset) / slope).flatten(1).norm(dim=1)
    entries = found[0].numel()
    torch.testing.assert_close(norm, torch.full_like(norm, (entries - 1) ** 0.5), atol=1e-4, rtol=0)
    assert (found - seen.y)[(seen.model.known > 0).expand_as(found)].abs().max() < 1e-4
    start = method.start(gaussian_prior(), seen, generators(3, 9))
    assert (start.flatten(1).norm(dim=1) - (entries - 1) ** 0.5).abs().max() > 0.1
