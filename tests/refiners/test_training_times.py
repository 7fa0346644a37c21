"""The times of training: their distribution, by Kolmogorov and Smirnov's test."""

import numpy as np
import pytest
import torch
from scipy import stats
from small_flow_refiners import build

from latentinpaint.errors import InputError
from latentinpaint.refiners.training_times import TrainingTimes


@pytest.mark.parametrize(("mean", "deviation"), [(-0.8, 1.0), (0.5, 0.3)])
def test_times_are_logit_normal(mean, deviation):
    like = torch.empty(1500, 1, dtype=torch.float64)
    times = TrainingTimes(mean, deviation, 0.0).sample(like, 2, torch.Generator().manual_seed(0))
    assert times.shape == (1500, 2) and times.min() > 0 and times.max() < 1
    times = times.flatten()
    logits = np.log(times.numpy() / (1 - times.numpy()))
    assert stats.kstest(logits, stats.norm(mean, deviation).cdf).pvalue > 1e-3
    assert stats.kstest(logits, stats.norm(mean + 0.15, deviation).cdf).pvalue < 1e-3


def mixed(t):
    return 0.4 * t + 0.6 * stats.norm(-1.6, 0.8).cdf(np.log(t / (1 - t)))


def test_a_share_of_the_times_is_uniform():
    times = TrainingTimes(-1.6, 0.8, 0.4).sample(torch.empty(2000, 1).double(), 2, torch.Generator().manual_seed(0))
    assert stats.kstest(times.flatten().numpy(), mixed).pvalue > 1e-3
    assert abs(np.corrcoef(times.numpy().T)[0, 1]) < 5 / 2000**0.5


def test_the_share_before_a_time():
    t = torch.linspace(0.01, 0.99, 20, dtype=torch.float64)
    np.testing.assert_allclose(TrainingTimes(-1.6, 0.8, 0.4).share_before(t), mixed(t.numpy()), rtol=1e-9)


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_is_from_0_to_1(share):
    with pytest.raises(InputError, match="uniform_times is a share"):
        build(uniform_times=share)
