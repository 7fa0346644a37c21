"""Replacement and resampling on the Gaussian field: the states by hand, and the distribution of going back."""

import torch
from gaussian_prior import MEAN, STD, draw, gaussian_prior, generators, observed

from latentinpaint.restoration import replacement
from latentinpaint.restoration.replacement import Replacement, Resampling


def velocity(x, t):
    return MEAN + (t * STD**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * STD**2) * (x - t * MEAN)


def states(seen, own, steps, repeats):
    known = seen.model.known > 0
    x = draw(own)
    for number in range(steps):
        t, later = number / steps, (number + 1) / steps
        for repeat in range(repeats):
            if repeat:
                x = t / later * x + ((1 - t) ** 2 - (t / later * (1 - later)) ** 2) ** 0.5 * draw(own)
            x = x + velocity(x, t) / steps
            x = torch.where(known, later * seen.y + (1 - later) * draw(own), x)
    return x


def test_what_was_seen_is_put_in_its_place_at_every_step():
    seen = observed("random:0.4")
    found = Replacement(5)(gaussian_prior(), seen, generators(3, 9))
    torch.testing.assert_close(found, states(seen, generators(3, 9), 5, 1), atol=1e-12, rtol=0)


def test_resampling_repeats_every_step():
    seen = observed("random:0.4")
    found = Resampling(5, 3)(gaussian_prior(), seen, generators(3, 9))
    torch.testing.assert_close(found, states(seen, generators(3, 9), 5, 3), atol=1e-12, rtol=0)


def test_going_back_keeps_the_distribution_of_the_path():
    later, earlier = 0.6, 0.4
    data = torch.randn(200_000, dtype=torch.float64)
    noise = torch.randn(2, 200_000, dtype=torch.float64)
    state = later * data + (1 - later) * noise[0]
    found = replacement._earlier(state, later, earlier, noise[1])
    assert abs((found * data).mean() - earlier) < 0.01
    assert abs(found.var() - (earlier**2 + (1 - earlier) ** 2)) < 0.01


def test_means_over_squares_are_replaced_as_well():
    seen = observed("average:2", noise=0.0)
    found = Replacement(5)(gaussian_prior(), seen, generators(3, 9))
    torch.testing.assert_close(seen.model(found), seen.y, atol=1e-12, rtol=0)
