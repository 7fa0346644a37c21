"""The measure over amounts: what it never draws, and what it draws as often as its probabilities say."""

import pytest
import torch
from scipy import stats

from latentinpaint.errors import InputError
from latentinpaint.interpolants.channel_measure import ChannelMeasure

MANY = 20_000


def draw(**settings):
    return ChannelMeasure(3, 2, **settings).draw(MANY, torch.Generator().manual_seed(0))


def test_amounts_are_of_paths_to_the_clean_picture():
    amounts = draw()
    assert amounts.shape == (MANY, 5) and amounts.min() == 0 and amounts.max() <= 1
    assert (amounts[:, :3].sum(dim=1) <= 1 + 1e-6).all()
    assert (amounts[:, 3:] > 0).any(dim=1).all()  # without noise a lost frequency would be 0 / 0


def test_channels_are_on_as_often_as_said():
    on = (draw(share_on=0.3) > 0).double().mean(dim=0)
    error = 5 * (0.25 / MANY) ** 0.5
    assert ((on[:3] - 0.3).abs() < error).all()
    assert ((on[3:] - (0.5 + 0.5 * 0.3)).abs() < error).all()  # the certain one of two, else by chance


def test_damages_are_uniform_in_sum():
    sums = draw(share_on=1.0, share_begun=1.0)[:, :3].sum(dim=1)
    assert stats.kstest(sums.numpy(), "uniform").pvalue > 1e-3


def test_beginnings_and_times_between():
    """A noise that is always on is uniform at a beginning, and elsewhere a product of two uniform numbers."""
    begun, between = draw(share_on=1.0, share_begun=1.0)[:, 3], draw(share_on=1.0, share_begun=0.0)[:, 3]
    assert stats.kstest(begun.numpy(), "uniform").pvalue > 1e-3
    assert stats.kstest(between.numpy(), lambda v: v * (1 - torch.as_tensor(v).log().numpy())).pvalue > 1e-3
    assert stats.kstest(begun.numpy(), between.numpy()).statistic > 0.2


def test_seeds_and_impossible_measures():
    one, same, other = (ChannelMeasure(1, 1).draw(4, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)
    with pytest.raises(InputError, match="at least one channel of noise"):
        ChannelMeasure(2, 0)
    for settings in ({"share_on": 0.0}, {"share_begun": 1.5}):
        with pytest.raises(InputError, match="are probabilities"):
            ChannelMeasure(1, 1, **settings)
