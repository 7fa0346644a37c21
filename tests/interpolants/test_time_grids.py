"""Time grids: where steps lie."""

import numpy as np
import pytest
import torch
from scipy import stats

from latentinpaint.errors import InputError
from latentinpaint.interpolants.time_grids import TIME_GRIDS


def mixed(t):
    """0.3 of uniform times, 0.7 of logit-normal ones."""
    return 0.3 * t + 0.7 * torch.special.ndtr((torch.logit(t) + 1.6) / 1.2)


@pytest.mark.parametrize("name", TIME_GRIDS)
@pytest.mark.parametrize("steps", [1, 2, 5, 50])
def test_a_grid_increases_from_noise_to_data(name, steps):
    times = TIME_GRIDS[name](steps, mixed)
    assert len(times) == steps + 1 and times[0] == 0 and times[-1] == 1
    assert (np.diff(times) > 0).all()


def test_uniform_and_power():
    np.testing.assert_allclose(TIME_GRIDS["uniform"](4, mixed), [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(np.array(TIME_GRIDS["power"](4, mixed)) ** (1 / 0.7), [0, 0.25, 0.5, 0.75, 1])


def test_trained_times_are_quantiles():
    """Against SciPy's quantiles of the logit-normal, and the levels of a mixture; the grid's error is its square."""

    def logistic(t):
        return torch.special.ndtr((torch.logit(t) + 1.6) / 1.2)

    found = TIME_GRIDS["trained"](8, logistic)[1:-1]
    expected = 1 / (1 + np.exp(-stats.norm(-1.6, 1.2).ppf(np.arange(1, 8) / 8)))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    inner = torch.tensor(TIME_GRIDS["trained"](5, mixed)[1:-1], dtype=torch.float64)
    np.testing.assert_allclose(mixed(inner), np.arange(1, 5) / 5, atol=1e-6)


@pytest.mark.parametrize("name", TIME_GRIDS)
def test_no_steps(name):
    with pytest.raises(InputError, match="steps"):
        TIME_GRIDS[name](0, mixed)
