"""Channels: the operators of amounts against transforms of NumPy, and paths against the map in closed form."""

import numpy as np
import pytest
import torch
from oracles import Stationary

from latentinpaint.errors import InputError
from latentinpaint.interpolants import integrate, integrate_path
from latentinpaint.interpolants.channels import ChannelPath, Channels, clean_path
from latentinpaint.interpolants.gaussian_field import GaussianField
from latentinpaint.interpolants.transfers import gaussian_blur, high_pass, motion_blur, power_law

HEIGHT, WIDTH = 6, 5
AMOUNTS = {"blur": 0.3, "motion": 0.5, "noise": 0.2, "coloured": 0.1}


def small_channels():
    """A motion blur that is not centred: its transfer function is complex."""
    white = torch.ones(1, 1, HEIGHT, WIDTH // 2 + 1, dtype=torch.float64)
    damages = {
        "blur": gaussian_blur(HEIGHT, WIDTH, 1.0),
        "motion": motion_blur(HEIGHT, WIDTH, 2.0, 0.7, centred=False),
        "high_pass": high_pass(HEIGHT, WIDTH, 1.0),
    }
    return Channels(damages, {"noise": white, "coloured": power_law(HEIGHT, WIDTH, 1.0)})


def full(half):
    """A transfer function on all frequencies from its half grid: that of a real kernel."""
    return np.fft.fft2(np.fft.irfft2(half.numpy()[0, 0], s=(HEIGHT, WIDTH)))


def transfers(channels, chosen):
    """alpha and beta on all frequencies, (12) by hand."""
    damages = {name: full(transfer) for name, transfer in channels.damages.items()}
    noises = {name: full(transfer) for name, transfer in channels.noises.items()}
    kept = 1 - sum(amount for name, amount in chosen.items() if name in damages)
    beta = kept + sum(amount * damages[name] for name, amount in chosen.items() if name in damages)
    return sum(amount * noises[name] for name, amount in chosen.items() if name in noises), beta


def stationary():
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    waves = 2 - np.cos(2 * np.pi * rows / HEIGHT) - np.cos(2 * np.pi * columns / WIDTH)
    return Stationary(np.sin(rows + 0.5 * columns), 2 / (1 + 3 * waves))


def field(oracle):
    half = torch.from_numpy(oracle.spectrum[:, : WIDTH // 2 + 1].copy())[..., None, None]
    return GaussianField(torch.from_numpy(oracle.mean)[None, None], half)


def pictures(count=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 1, HEIGHT, WIDTH, generator=generator, dtype=torch.float64)


def test_the_operators_are_the_sums_of_the_paper():
    channels = small_channels()
    alpha, beta = transfers(channels, AMOUNTS)
    process = channels.process(channels.amounts(AMOUNTS))
    x_0, x_1 = pictures(seed=1), pictures(seed=2)
    expected = np.fft.ifft2(alpha * np.fft.fft2(x_0.numpy()) + beta * np.fft.fft2(x_1.numpy())).real
    np.testing.assert_allclose(process.point(x_0, x_1), expected, atol=1e-12)


def test_items_of_a_batch_have_amounts_of_their_own():
    channels = small_channels()
    one, other = channels.amounts(AMOUNTS), channels.amounts({"high_pass": 1.0, "noise": 1.0})
    x_0, x_1 = pictures(2, seed=1), pictures(2, seed=2)
    together = channels.process(torch.cat([one, other])).point(x_0, x_1)
    torch.testing.assert_close(together[1:], channels.process(other).point(x_0[1:], x_1[1:]), atol=1e-12, rtol=0)


def test_one_step_to_the_clean_picture_is_wieners_filter():
    """With exact drifts: eta_1 = mean + C conj(b) r / (|a|^2 + |b|^2 C), to 1e-9."""
    channels, oracle = small_channels(), stationary()
    amounts = channels.amounts(AMOUNTS).expand(3, -1)
    y = pictures()
    found = integrate_path(clean_path(channels, amounts), field(oracle), y, 1).x
    alpha, beta = transfers(channels, AMOUNTS)
    expected = oracle.ends(alpha, beta, y[:, 0].numpy())[1]
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-9)


def test_the_path_to_the_clean_picture_ends_at_the_map_in_closed_form():
    """Every frequency is stretched by sqrt(C / (|a|^2 + |b|^2 C)), and turned by the integral of
    C Im(b' conj(b)) / (|a|^2 + |b|^2 C), which along a straight path is one of 1 / (p t^2 + q t + r): an arctangent.
    """
    channels, oracle = small_channels(), stationary()
    amounts = channels.amounts(AMOUNTS).expand(3, -1)
    path = clean_path(channels, amounts)
    y = pictures()
    exact = field(oracle)

    def velocity(x, t):
        return path.velocity(exact(path.at(t), x), t)

    found = integrate(velocity, y, method="rk4", steps=160).x
    alpha, beta = transfers(channels, AMOUNTS)
    spectrum, noise, step = oracle.spectrum, np.abs(alpha) ** 2, 1 - beta
    # |a|^2 (1 - t)^2 + C |b + t (1 - b)|^2 = p t^2 + q t + r
    p = noise + spectrum * np.abs(step) ** 2
    q = -2 * noise + 2 * spectrum * (beta * step.conj()).real
    r = noise + spectrum * np.abs(beta) ** 2
    root = np.sqrt(np.maximum(4 * p * r - q**2, 1e-300))
    angle = spectrum * (step * beta.conj()).imag * 2 / root * (np.arctan((2 * p + q) / root) - np.arctan(q / root))
    assert np.abs(angle).max() > 0.1
    mean = np.fft.fft2(oracle.mean)
    expected = mean + np.sqrt(spectrum / r) * np.exp(1j * angle) * (np.fft.fft2(y[:, 0].numpy()) - beta * mean)
    np.testing.assert_allclose(found[:, 0], np.fft.ifft2(expected).real, atol=1e-9)


def test_rates_are_derivatives():
    channels = small_channels()
    path = ChannelPath(channels, channels.amounts(AMOUNTS), channels.amounts({"high_pass": 0.4, "noise": 0.1}))
    t, h = torch.tensor(0.3, dtype=torch.float64), 1e-4
    before, after, rate = path.at(t - h), path.at(t + h), path.rate(t)
    for name in ("alpha", "beta"):
        slope = (getattr(after, name).values - getattr(before, name).values) / (2 * h)
        torch.testing.assert_close(slope, getattr(rate, name).values.to(slope), atol=1e-9, rtol=0)
    several = path.at(torch.tensor([0.0, 1.0], dtype=torch.float64)).amounts
    torch.testing.assert_close(several, torch.cat([path.begin, path.end]), atol=0, rtol=0)


def test_amounts_that_sum_to_one_but_for_rounding():
    chosen = {"blur": 0.33, "motion": 0.56, "high_pass": 0.11}
    assert sum(chosen.values()) > 1
    assert small_channels().amounts(chosen)[0].tolist() == [0.33, 0.56, 0.11, 0, 0]


@pytest.mark.parametrize(
    ("chosen", "word"),
    [
        ({"blurr": 0.5}, "no channel 'blurr': choose of blur, motion, high_pass, noise, coloured"),
        ({"noise": -0.1}, "from 0 to 1, not -0.1 as that of noise"),
        ({"noise": float("nan")}, "from 0 to 1, not nan"),
        ({"blur": 0.7, "motion": 0.5}, "sum to 1 at most"),
    ],
)
def test_impossible_amounts(chosen, word):
    with pytest.raises(InputError, match=word):
        small_channels().amounts(chosen)
