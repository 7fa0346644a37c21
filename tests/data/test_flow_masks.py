"""Squares and pins against closed forms."""

import math

import numpy as np
import pytest
from mask_draws import draws, standard_error

from latentinpaint.data.flow_masks import PatchMask, PinMask
from latentinpaint.errors import InputError


@pytest.mark.parametrize(("last", "expected"), [(False, 0.21905), (True, 0.22106)])
def test_the_hole_of_four_patches(last, expected):
    """By inclusion and exclusion: an entry is known with (1 - p)^4, p its probability to lie in one square."""
    starts = 25 if last else 24
    covering = np.array([sum(1 for s in range(starts) if s <= i < s + 8) for i in range(32)]) / starts
    exact = (1 - (1 - np.outer(covering, covering)) ** 4).mean()
    assert exact == pytest.approx(expected, abs=5e-6)
    fractions = [float(m.mean()) for m in draws(PatchMask(4, 8, last), 3000, 32, 32)]
    assert np.mean(fractions) == pytest.approx(exact, abs=5 * standard_error(fractions))
    covered = np.stack(draws(PatchMask(4, 8, last), 2000, 32, 32)).any(axis=0)
    assert covered[:31, :31].all() and covered[31, :].any() == last and covered[:, 31].any() == last


def test_the_mean_weight_of_the_study():
    """w = 1 outside and 10 inside: its mean is 1 + 9 f = 2.97."""
    fractions = [float(m.mean()) for m in draws(PatchMask(4, 8, last=False), 3000, 32, 32)]
    assert 1 + 9 * np.mean(fractions) == pytest.approx(2.97, abs=45 * standard_error(fractions))


def test_patches_without_room():
    with pytest.raises(InputError, match="8 pixels has no room in a picture of 7 x 9"):
        PatchMask()(7, 9)
    with pytest.raises(InputError, match="has no room"):
        PatchMask(last=False)(8, 9)


def test_pins_are_the_first_point_and_a_few_others():
    """On a path of 50 points: half of the time one other, else one to three alike, anywhere; rows that coincide are
    one, and so the least of them are as often as 1/2 + 1/6 and what coincides."""
    holes = np.stack(draws(PinMask(), 6000, 50, 1))[..., 0]
    assert (holes[:, 0] == 0).all()
    others = (holes[:, 1:] == 0).sum(axis=1)
    assert set(others) == {1, 2, 3}
    coincide = 1 / 49  # of two rows
    one = 2 / 3 + coincide / 6 + coincide**2 / 6
    assert abs((others == 1).mean() - one) < 4 * math.sqrt(one * (1 - one) / 6000)
    places = np.nonzero(holes[others == 1, 1:] == 0)[1]
    assert set(places) == set(range(49))
    assert abs(places.mean() - 24) < 4 * 14.2 / math.sqrt(len(places))


def test_pins_are_whole_rows():
    for mask in draws(PinMask(most=1), 20, 6, 4):
        assert (mask == mask[:, :1]).all() and (mask == 0).all(axis=1).sum() == 2
    with pytest.raises(InputError, match="no room"):
        PinMask()(1, 5)
    with pytest.raises(InputError, match="most"):
        PinMask(most=0)
