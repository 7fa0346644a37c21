"""PnP-Flow on the Gaussian field: the recursion of its states in closed form, draw for draw and in the mean."""

import pytest
import torch
from gaussian_prior import MEAN, STD, denoised, draw, gaussian_prior, generators, observed

from latentinpaint.restoration.pnp_flow import PnPFlow


@pytest.mark.parametrize("task", ["random:0.4", "blur:0.6", "average:2"])
@pytest.mark.parametrize("exponent", [0.01, 0.5])
def test_the_states_are_those_of_the_recursion(task, exponent):
    seen = observed(task)
    own = generators(3, 9)
    x = seen.model.adjoint(torch.ones_like(seen.y))
    for number in range(10):
        t = number / 10
        z = x - (1 - t) ** exponent * seen.model.adjoint(seen.model(x) - seen.y)
        made = [denoised(t * z + (1 - t) * draw(own), t) for _ in range(2)]
        x = (made[0] + made[1]) / 2
    found = PnPFlow(10, 2, exponent)(gaussian_prior(), seen, generators(3, 9))
    torch.testing.assert_close(found, x, atol=1e-12, rtol=0)


def test_the_mean_follows_its_own_recursion():
    """x <- mu + t^2 s^2 / sigma_t^2 (z - mu), the expectation over the noise that is put back."""
    seen = observed("random:0.4", count=1)
    x = seen.model.adjoint(torch.ones_like(seen.y))
    for number in range(10):
        t = number / 10
        z = x - (1 - t) ** 0.5 * seen.model.adjoint(seen.model(x) - seen.y)
        x = MEAN + t**2 * STD**2 / ((1 - t) ** 2 + t**2 * STD**2) * (z - MEAN)
    found = PnPFlow(10, 400, 0.5)(gaussian_prior(), seen, generators(1, 9))
    assert (found - x).abs().max() < 5 * STD / 400**0.5
