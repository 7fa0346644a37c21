"""Fourier transforms as matrix products, against numpy's."""

import numpy as np
import pytest
import torch

from latentinpaint.export.transforms import FourierMatrices, in_frequency_domain

SIZES = [(8, 6), (7, 10), (4, 9), (5, 5), (2, 2), (1, 3), (3, 1), (1, 1), (32, 24)]


def random_map(size, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal((2, 3, *size)).astype(dtype)


def matrices(size, dtype=torch.float64):
    return FourierMatrices(*size, torch.zeros(0, dtype=dtype))


def stacked(spectrum):
    return np.concatenate([spectrum.real, spectrum.imag], axis=-2)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_rfft2_is_numpys(size):
    x = random_map(size)
    np.testing.assert_allclose(
        matrices(size).rfft2(torch.from_numpy(x)), stacked(np.fft.rfft2(x, norm="ortho")), atol=1e-13
    )


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_irfft2_is_numpys(size):
    """Also of numbers that are no real map's spectrum, such as those a convolution has mixed."""
    kept = (size[0], size[1] // 2 + 1)
    spectrum = random_map(kept) + 1j * random_map(kept, seed=1)
    expected = np.fft.irfft2(spectrum, s=size, norm="ortho")
    np.testing.assert_allclose(matrices(size).irfft2(torch.from_numpy(stacked(spectrum))), expected, atol=1e-13)


@pytest.mark.parametrize("size", [(2048, 2), (2, 2047)], ids=str)
def test_large_sizes_are_exact_in_float32(size):
    """The angles of 2047 * 2047 parts of a circle have few digits left, unless reduced modulo a full circle first."""
    x = random_map(size, dtype=np.float32)
    expected = stacked(np.fft.rfft2(x.astype(np.float64), norm="ortho"))
    np.testing.assert_allclose(matrices(size, torch.float32).rfft2(torch.from_numpy(x)), expected, atol=1e-5)


@pytest.mark.parametrize("size", [(6, 8), (7, 5)], ids=str)
def test_mixing_sees_real_and_imaginary_parts_as_neighbouring_channels(size):
    x = random_map(size)
    weight = np.random.default_rng(2).standard_normal((6, 6))
    spectrum = np.fft.rfft2(x, norm="ortho")
    pairs = np.stack([spectrum.real, spectrum.imag], axis=2).reshape(2, 6, *spectrum.shape[-2:])
    mixed = np.einsum("oc,bchw->bohw", weight, pairs).reshape(2, 3, 2, *spectrum.shape[-2:])
    expected = np.fft.irfft2(mixed[:, :, 0] + 1j * mixed[:, :, 1], s=size, norm="ortho")
    matrix = torch.from_numpy(weight)
    output = in_frequency_domain(torch.from_numpy(x), lambda z: torch.einsum("oc,bchw->bohw", matrix, z))
    np.testing.assert_allclose(output, expected, atol=1e-13)
