"""The interpolant: points, velocities, what a velocity says of the data, and times that broadcast rightly."""

import numpy as np
import pytest
import torch

from latentinpaint.interpolants import SCHEDULES, Interpolant

WAYS = ("point", "velocity", "data_from_velocity", "velocity_from_data")


@pytest.fixture(params=SCHEDULES)
def interpolant(request):
    return Interpolant(SCHEDULES[request.param]())


def ends(*shape):
    return torch.randn(shape, dtype=torch.float64), torch.randn(shape, dtype=torch.float64)


def below_floor(interpolant, count=9):
    """Times whose alpha is above the floor."""
    t = torch.linspace(0, 0.94, count, dtype=torch.float64)
    assert (interpolant.schedule.alpha(t) > interpolant.floor).all()
    return t


def test_points(interpolant):
    x_0, x_1 = ends(5, 2, 3)
    t = torch.rand(5, dtype=torch.float64)
    for row in range(5):
        alpha, beta = interpolant.schedule.alpha(t[row]).item(), interpolant.schedule.beta(t[row]).item()
        expected = alpha * x_0[row].numpy() + beta * x_1[row].numpy()
        np.testing.assert_allclose(interpolant.point(x_0, x_1, t)[row].numpy(), expected, atol=1e-14)


def test_a_path_joins_its_ends(interpolant):
    x_0, x_1 = ends(4, 3)
    torch.testing.assert_close(interpolant.point(x_0, x_1, torch.zeros(4).double()), x_0)
    torch.testing.assert_close(interpolant.point(x_0, x_1, torch.ones(4).double()), x_1)


def test_velocity_is_the_derivative_of_the_point(interpolant):
    x_0, x_1 = ends(6, 2, 2)
    t = torch.linspace(0.1, 0.9, 6, dtype=torch.float64)
    step = 1e-5
    slope = (interpolant.point(x_0, x_1, t + step) - interpolant.point(x_0, x_1, t - step)) / (2 * step)
    torch.testing.assert_close(interpolant.velocity(x_0, x_1, t), slope, atol=1e-8, rtol=0)


def test_the_true_velocity_gives_the_data(interpolant):
    t = torch.linspace(0, 1, 11, dtype=torch.float64)
    x_0, x_1 = ends(11, 3)
    x_t, velocity = interpolant.point(x_0, x_1, t), interpolant.velocity(x_0, x_1, t)
    torch.testing.assert_close(interpolant.data_from_velocity(x_t, velocity, t), x_1, atol=1e-13, rtol=0)


def test_the_true_data_give_the_velocity(interpolant):
    t = below_floor(interpolant)
    x_0, x_1 = ends(len(t), 3)
    x_t = interpolant.point(x_0, x_1, t)
    expected = interpolant.velocity(x_0, x_1, t)
    torch.testing.assert_close(interpolant.velocity_from_data(x_t, x_1, t), expected, atol=1e-12, rtol=0)


def test_the_two_translations_are_inverse(interpolant):
    """For any estimate, not only the true one."""
    t = below_floor(interpolant)
    x_t, guess = ends(len(t), 2, 2)
    there = interpolant.velocity_from_data(x_t, guess, t)
    torch.testing.assert_close(interpolant.data_from_velocity(x_t, there, t), guess, atol=1e-12, rtol=0)
    there = interpolant.data_from_velocity(x_t, guess, t)
    torch.testing.assert_close(interpolant.velocity_from_data(x_t, there, t), guess, atol=1e-12, rtol=0)


def test_the_linear_translations_by_hand():
    """Flow matching: E[x_1 | x] = x + (1 - t) b."""
    interpolant = Interpolant(SCHEDULES["linear"]())
    x, b = ends(3, 2)
    t = torch.tensor([0.0, 0.4, 0.9], dtype=torch.float64)
    torch.testing.assert_close(interpolant.data_from_velocity(x, b, t), x + (1 - t[:, None]) * b)
    torch.testing.assert_close(interpolant.velocity_from_data(x, b, t), (b - x) / (1 - t[:, None]))


def test_the_floor_acts_only_below_itself(interpolant):
    name = next(n for n, kind in SCHEDULES.items() if type(interpolant.schedule) is kind)
    schedule = SCHEDULES[name]()
    low, high = Interpolant(schedule, floor=1e-9), Interpolant(schedule, floor=0.3)
    t = torch.linspace(0, 0.999, 41, dtype=torch.float64)
    x_t, x_1 = ends(41, 2)
    exact, held = low.velocity_from_data(x_t, x_1, t), high.velocity_from_data(x_t, x_1, t)
    acts = schedule.alpha(t) < 0.3
    assert acts.any() and (~acts).any()
    torch.testing.assert_close(held[~acts], exact[~acts], atol=0, rtol=0)
    torch.testing.assert_close(held[acts], exact[acts] * (schedule.alpha(t) / 0.3)[acts, None], atol=1e-9, rtol=1e-9)
    last = torch.ones(41, dtype=torch.float64)
    assert interpolant.velocity_from_data(x_t, x_1, last).isfinite().all()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", [(4, 4), (4, 2, 4), (4, 3, 4, 4)], ids=str)
def test_a_batch_as_wide_as_the_picture(interpolant, way, shape):
    """(4,) would broadcast along the width without a word: every row must see its own time."""
    first, second = ends(*shape)
    t = torch.tensor([0.1, 0.3, 0.6, 0.9], dtype=torch.float64)
    together = getattr(interpolant, way)(first, second, t)
    for row in range(4):
        alone = getattr(interpolant, way)(first[row], second[row], t[row])
        torch.testing.assert_close(together[row], alone, atol=1e-13, rtol=0)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", [(3,), (1,), (4, 1), (4, 4)], ids=str)
def test_times_of_another_shape(interpolant, way, shape):
    first, second = ends(4, 4)
    with pytest.raises(ValueError, match=r"\(4,\)"):
        getattr(interpolant, way)(first, second, torch.rand(shape, dtype=torch.float64))
