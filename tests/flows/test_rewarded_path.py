"""Paths under a reward: where they begin, and rewards that none leads to."""

import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.flows.rewarded_path import REWARD_LEVEL, rewarded_path
from latentinpaint.interpolants import Endpoints


def standard_normal_drifts(process, x):
    """The expected endpoints of data that are standard normal: x alpha / (alpha^2 + beta^2), likewise with beta."""
    alpha, beta = process.alpha.values, process.beta.values
    whole = alpha**2 + beta**2
    return Endpoints(x * alpha / whole, x * beta / whole)


@pytest.mark.parametrize("quadratic", [0.0, -1.5])
def test_the_beginning_is_one_step_from_noise(quadratic):
    """Standard normal data under the reward are N(m, v) with v = 1 / (1 - A) and m = v b, so that what is expected
    of them at x = alpha noise is m + v beta (x - beta m) / (alpha^2 + v beta^2)."""
    noise = torch.randn(3, 2, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    nothing = torch.zeros(1, 2, 2, 2, dtype=torch.float64)
    linear = nothing + torch.tensor([0.5, -1.0]).view(1, 2, 1, 1)
    begun = rewarded_path(standard_normal_drifts, nothing + quadratic, linear).begin(noise)
    alpha, beta = REWARD_LEVEL, 1 - REWARD_LEVEL
    variance = 1 / (1 - quadratic)
    mean = variance * linear
    expected = mean + variance * beta * (alpha * noise - beta * mean) / (alpha**2 + variance * beta**2)
    torch.testing.assert_close(begun, alpha * noise + beta * expected, atol=1e-10, rtol=0)


def test_rewards_that_no_path_leads_to():
    nothing = torch.zeros(1, 2, 2, 2)
    with pytest.raises(InputError, match="0 or below"):
        rewarded_path(standard_normal_drifts, nothing + 0.1, nothing)
    with pytest.raises(InputError, match="all channels"):
        rewarded_path(standard_normal_drifts, -torch.ones(1, 2, 2, 2).cumsum(dim=1), nothing)
