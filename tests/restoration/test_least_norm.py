"""What was seen, as a picture: the least one that agrees with it."""

import pytest
import torch
from gaussian_prior import gaussian_prior, generators, observed

from latentinpaint.restoration.least_norm import LeastNorm


@pytest.mark.parametrize("task", ["random:0.4", "average:2", "denoise"])
def test_it_is_the_least_picture_that_agrees(task):
    seen = observed(task)
    found = LeastNorm()(gaussian_prior(), seen, generators(3))
    assert seen.residual(found).abs().max() < 1e-12
    # Of least norm: in the range of the adjoint, which H H^+ leaves alone.
    torch.testing.assert_close(seen.model.pseudo_inverse(seen.model(found)), found, atol=1e-12, rtol=0)


def test_hidden_pixels_are_grey_and_squares_even():
    seen = observed("random:0.4")
    found = LeastNorm()(gaussian_prior(), seen, generators(3))
    torch.testing.assert_close(found, torch.where(seen.model.known > 0, seen.y, torch.zeros_like(seen.y)))
    means = observed("average:2")
    found = LeastNorm()(gaussian_prior(), means, generators(3))
    assert torch.equal(found[..., ::2, ::2], means.y) and torch.equal(found[..., 1::2, 1::2], means.y)
