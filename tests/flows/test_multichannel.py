"""Multichannel flows: exact drifts in the network's place, a network trained on a Gaussian field, and mistakes."""

import math

import numpy as np
import pytest
import torch
from small_flows import SMALL_UNET, make, samples, seeded

from latentinpaint.errors import InputError
from latentinpaint.flows import MultichannelFlow, SamplerConfig
from latentinpaint.flows.multichannel import read_channels
from latentinpaint.interpolants.gaussian_field import GaussianField

MIXTURE = {"blur": 0.5, "motion": 0.2, "noise": 0.2, "coloured": 0.1}


def rough_field(side):
    """A Gaussian field of one colour whose power falls with the frequency."""
    rows, columns = torch.fft.fftfreq(side)[:, None].double(), torch.fft.rfftfreq(side)[None].double()
    power = 1 / (1 + 400 * (rows.square() + columns.square()))
    return GaussianField(torch.zeros(1, 1, side, side).double(), power[..., None, None].to(torch.complex128))


def flow_with_exact_drifts(side):
    flow = MultichannelFlow((1, side, side), **SMALL_UNET, blur_std=1.0, motion_length=3.0, steps=1).double()
    field = rough_field(side)
    flow.drifts = field
    return flow, field


def transfers(flow, chosen):
    """alpha and beta (H, W // 2 + 1) by NumPy from the flow's own channels, (12) by hand."""
    channels = flow.channels
    beta = 1.0 - sum(chosen.get(name, 0.0) for name in channels.damages)
    beta = beta + sum(chosen.get(name, 0.0) * part.numpy()[0, 0] for name, part in channels.damages.items())
    return sum(chosen.get(name, 0.0) * part.numpy()[0, 0] for name, part in channels.noises.items()), beta


def test_one_step_with_exact_drifts_is_wieners_filter():
    flow, field = flow_with_exact_drifts(8)
    picture = field.draw(2, torch.Generator().manual_seed(0))
    noise = torch.randn(picture.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    seen = flow.corrupt(picture, noise, MIXTURE)
    alpha, beta = transfers(flow, MIXTURE)
    expected_seen = alpha * np.fft.rfft2(noise.numpy()) + beta * np.fft.rfft2(picture.numpy())
    np.testing.assert_allclose(seen, np.fft.irfft2(expected_seen, s=(8, 8)), atol=1e-12)
    power = field.spectrum[..., 0, 0].real.numpy()
    wiener = power * beta.conj() / (np.abs(alpha) ** 2 + np.abs(beta) ** 2 * power)
    expected = np.fft.irfft2(wiener * np.fft.rfft2(seen.numpy()), s=(8, 8))
    restored = flow.restore(seen, MIXTURE)
    np.testing.assert_allclose(restored.x, expected, atol=1e-9)
    assert restored.nfe == 1


@pytest.mark.parametrize("exponent", [0.0, 2.0])
def test_the_first_estimate_is_exact_for_pictures_of_the_power_law(exponent):
    """An untrained network adds nothing: what it starts from is the best linear estimate, and the loss its squared
    error in units of what theory says, 1 on average."""
    flow = MultichannelFlow((1, 16, 16), **SMALL_UNET, data_std=0.7, data_exponent=exponent).eval()
    source, white = samples(flow, 400)
    frequencies = np.hypot(np.fft.fftfreq(16)[:, None], np.fft.rfftfreq(16)[None])
    amplitude = np.maximum(frequencies, 1 / 16) ** (-exponent / 2)
    kernel = np.fft.irfft2(amplitude, s=(16, 16))
    amplitude = 0.7 * amplitude / np.sqrt((kernel**2).sum())
    target = torch.fft.irfft2(torch.from_numpy(amplitude).float() * torch.fft.rfft2(white), s=(16, 16))
    losses = flow.loss(source, target, torch.Generator().manual_seed(0))
    assert losses["loss"].item() == pytest.approx(1, abs=0.03)
    assert losses["picture_mse"].item() < 0.49


def test_a_trained_network_comes_near_the_oracle():
    """On a Gaussian field, over all corruptions of the measure: less than half the untrained excess over the least
    squared error; `benchmarks/gaussian_channels.py` trains to within 3 %."""
    torch.manual_seed(0)
    field = rough_field(8)
    flow = MultichannelFlow((1, 8, 8), width=16, multipliers=(1,), attention=False, data_exponent=0.0)
    optimiser = torch.optim.Adam(flow.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(1)

    def batch(count):
        picture = field.draw(count, generator).float()
        return torch.randn(picture.shape, generator=generator), picture

    def excess():
        """Mean squared error over the oracle's, less 1, on pictures that were not trained on."""
        amounts = flow.measure.draw(500, torch.Generator().manual_seed(2))
        picture = field.draw(500, torch.Generator().manual_seed(3)).float()
        process = flow.channels.process(amounts)
        noise = torch.randn(picture.shape, generator=torch.Generator().manual_seed(4))
        x = process.point(noise, picture)
        with torch.no_grad():
            errors = [(drifts(process, x).data - picture).square().mean() for drifts in (flow.drifts, field)]
        return (errors[0] / errors[1] - 1).item()

    untrained = excess()
    for step in range(120):
        for group in optimiser.param_groups:
            group["lr"] = 3e-3 * (1 + math.cos(math.pi * step / 120)) / 2
        loss = flow.loss(*batch(64), generator)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert -0.01 < excess() < 0.5 * untrained


def test_without_noise_what_can_be_undone_is_undone_exactly():
    flow = make("multichannel").double()
    picture = samples(flow)[1].double()
    seen = flow.corrupt(picture, torch.zeros_like(picture), {"blur": 0.9})
    restored = flow.restore(seen, {"blur": 0.9})
    assert (seen - picture).abs().max() > 0.1 and restored.nfe == 0
    torch.testing.assert_close(restored.x, picture, atol=1e-6, rtol=0)  # amounts are those of float32 transfers
    for lost in ({"high_pass": 1.0}, {"blur": 1.0}):
        with pytest.raises(InputError, match="without noise .* give noise of 0.01 or more"):
            flow.restore(seen, lost)


def test_noise_on_the_way_changes_the_samples_and_not_their_law():
    """On a Gaussian field the output's power is the field's, with noise on the way or without."""
    flow, field = flow_with_exact_drifts(8)
    picture = field.draw(300, torch.Generator().manual_seed(0))
    noise = torch.randn(picture.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    seen = flow.corrupt(picture, noise, {"blur": 0.5, "noise": 0.5})
    made = []
    for epsilon in (0.0, 1.0):
        config = SamplerConfig(steps=60, epsilon=epsilon, generator=seeded(*range(300)))
        made.append(flow.restore(seen, {"blur": 0.5, "noise": 0.5}, config).x)
    assert (made[0] - made[1]).abs().mean() > 0.05
    for restored in made:
        power = torch.fft.rfft2(restored, norm="ortho").abs().square().mean(dim=(0, 1))
        ratio = power / field.spectrum[..., 0, 0].real
        # 300 samples, and a covariance that shrinks by about 1 / steps
        assert ((ratio - 1).abs() < 5 * (2 / 300) ** 0.5 + 0.1).all()


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (["blur"], "such as blur=0.8, not as blur"),
        (["blur=much"], "such as blur=0.8, not as blur=much"),
        (["blur=.1", "blur=.2"], "the channel blur is given twice"),
    ],
)
def test_words_that_are_no_channels(words, word):
    with pytest.raises(InputError, match=word):
        read_channels(words)


def test_channels_from_words_and_impossible_flows():
    assert read_channels(["blur=.8", "noise=0.25"]) == {"blur": 0.8, "noise": 0.25}
    with pytest.raises(InputError, match="no channel 'haze': choose of blur"):
        make("multichannel").restore(samples(make("multichannel"))[1], {"haze": 0.1})
    with pytest.raises(InputError, match="Euler"):
        make("multichannel").restore(samples(make("multichannel"))[1], {"noise": 0.1}, SamplerConfig("rk4"))
    with pytest.raises(InputError, match="are above 0"):
        MultichannelFlow((1, 8, 8), cutoff=0.0)
