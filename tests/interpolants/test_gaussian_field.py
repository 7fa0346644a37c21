"""Gaussian pictures of several colours against matrices, and their samples' covariance."""

import numpy as np
import pytest
import torch
from oracles import Gaussian

from latentinpaint.interpolants import Dense, Fourier, Process, identity
from latentinpaint.interpolants.gaussian_field import GaussianField
from latentinpaint.interpolants.transfers import gaussian_blur, motion_blur, power_law

COLOURS, HEIGHT, WIDTH = 2, 3, 4
SIZE = COLOURS * HEIGHT * WIDTH


def kernel():
    """Covariance of two colours between a pixel and one that is (row, column) away: of two correlated white noises,
    each spread by a kernel of its own."""
    generator = np.random.default_rng(0)
    spread = generator.normal(size=(COLOURS, COLOURS, HEIGHT, WIDTH))
    frequencies = np.fft.fft2(spread)
    return np.einsum("ckhw,dkhw->cdhw", frequencies, frequencies.conj()) / 12


def field_and_matrix():
    power = kernel()
    mean = torch.linspace(-1, 1, SIZE, dtype=torch.float64).view(1, COLOURS, HEIGHT, WIDTH)
    spectrum = torch.from_numpy(power.transpose(2, 3, 0, 1)[:, : WIDTH // 2 + 1].copy())
    covariance = np.zeros((COLOURS, HEIGHT, WIDTH, COLOURS, HEIGHT, WIDTH))
    lags = np.fft.ifft2(power).real
    for row, column, i, j in np.ndindex(HEIGHT, WIDTH, HEIGHT, WIDTH):
        covariance[:, row, column, :, i, j] = lags[:, :, (row - i) % HEIGHT, (column - j) % WIDTH]
    matrix = torch.from_numpy(covariance.reshape(SIZE, SIZE))
    return GaussianField(mean, spectrum), Gaussian(mean.flatten(), matrix)


PROCESSES = [
    Process(0.3 * identity(), Fourier(gaussian_blur(HEIGHT, WIDTH, 0.8))),
    Process(Fourier(power_law(HEIGHT, WIDTH, 1.0)), Fourier(motion_blur(HEIGHT, WIDTH, 1.7, 0.5, centred=False))),
    Process(Fourier(motion_blur(HEIGHT, WIDTH, 1.3, 1.1, centred=False)), Fourier(gaussian_blur(HEIGHT, WIDTH, 0.8))),
]


@pytest.mark.parametrize("process", PROCESSES)
def test_drifts_are_those_of_matrices(process):
    field, oracle = field_and_matrix()
    x = torch.randn(3, COLOURS, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found, expected = field(process, x), oracle(process, x)
    torch.testing.assert_close(found.source, expected.source, atol=1e-10, rtol=0)
    torch.testing.assert_close(found.data, expected.data, atol=1e-10, rtol=0)


def test_samples_have_the_covariance_and_the_fit_finds_the_spectrum():
    field, oracle = field_and_matrix()
    samples = field.draw(20_000, torch.Generator().manual_seed(0))
    found = np.cov(samples.flatten(1).numpy().T)
    scale = oracle.covariance.diagonal().max().item()
    np.testing.assert_allclose(found, oracle.covariance, atol=5 * scale * (2 / 20_000) ** 0.5)
    np.testing.assert_allclose(samples.mean(dim=0)[None], field.mean, atol=5 * (scale / 20_000) ** 0.5)
    fitted = GaussianField.of(samples)
    difference = (fitted.spectrum - field.spectrum).abs().max()
    assert difference < 5 * field.spectrum.abs().max() * (2 / 20_000) ** 0.5


def test_fewer_pictures_than_colours():
    """Their spectrum has no full rank, and rounding makes powers of it negative: samples are numbers all the same."""
    pictures = torch.randn(2, 4, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(2))
    field = GaussianField.of(pictures)
    assert torch.linalg.eigvalsh(field.spectrum).min() < 0
    assert field.draw(3, torch.Generator().manual_seed(0)).isfinite().all()


@pytest.mark.parametrize("process", PROCESSES)
def test_it_computes_where_its_mean_is(process):
    """On PyTorch's device without values, which refuses tensors of another as a GPU does."""
    field = GaussianField.of(torch.empty(5, COLOURS, HEIGHT, WIDTH, device="meta"))
    assert field.draw(3).device.type == "meta"
    ends = field(process, torch.empty(3, COLOURS, HEIGHT, WIDTH, device="meta"))
    assert ends.source.device.type == ends.data.device.type == "meta"


def test_what_does_not_fit():
    field, _ = field_and_matrix()
    with pytest.raises(ValueError, match="is not one of"):
        GaussianField(field.mean, field.spectrum[:, :1])
    with pytest.raises(ValueError, match="not a Dense"):
        field(Process(Dense(torch.eye(SIZE)), identity()), field.mean)
