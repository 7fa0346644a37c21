"""Sums of corruptions, alpha = sum a_j A_j and beta = sum b_i B_i (12): frequency by frequency against matrices."""

import numpy as np
import pytest
import torch
from oracles import Stationary, matrix

from latentinpaint.interpolants import Fourier, Process, StraightPath, identity, integrate_path
from latentinpaint.interpolants.transfers import gaussian_blur, high_pass, lorentzian, motion_blur, power_law

HEIGHT, WIDTH = 4, 5


def full(half):
    """A transfer function on all frequencies from its half grid: that of a real kernel."""
    kernel = np.fft.irfft2(half.numpy()[0, 0], s=(HEIGHT, WIDTH))
    return np.fft.fft2(kernel)


def stationary():
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    frequencies = 2 - np.cos(2 * np.pi * rows / HEIGHT) - np.cos(2 * np.pi * columns / WIDTH)
    return Stationary(np.sin(rows + 0.5 * columns), 2 / (1 + frequencies))


# Weights of white, coloured and lorentzian noise; of the picture itself, a blur, a complex motion blur, a high pass.
CASES = [
    ((0.5, 0.0, 0.0), (0.2, 0.7, 0.0, 0.0)),
    ((0.1, 0.6, 0.0), (0.0, 0.0, 1.0, 0.0)),
    ((0.2, 0.3, 0.4), (0.3, 0.2, 0.4, 0.5)),
]


def parts():
    white = torch.ones(1, 1, HEIGHT, WIDTH // 2 + 1, dtype=torch.float64)
    motion = motion_blur(HEIGHT, WIDTH, 2.3, 0.6, centred=False)
    assert motion.imag.abs().max() > 0.1
    noises = (white, power_law(HEIGHT, WIDTH, 1.0), lorentzian(HEIGHT, WIDTH, 0.7))
    return noises, (white, gaussian_blur(HEIGHT, WIDTH, 0.8), motion, high_pass(HEIGHT, WIDTH, 1.5))


def mixed(weights, transfers):
    """The operator's algebra, and the same by hand."""
    total = 0.0 * identity()
    for weight, transfer in zip(weights, transfers, strict=True):
        total = total + weight * Fourier(transfer)
    return total, sum(weight * full(transfer) for weight, transfer in zip(weights, transfers, strict=True))


@pytest.mark.parametrize(("a", "b"), CASES)
def test_the_oracle_by_frequencies_is_that_of_matrices(a, b):
    oracle, (noises, blurs) = stationary(), parts()
    (alpha, a_hat), (beta, b_hat) = mixed(a, noises), mixed(b, blurs)
    assert isinstance(alpha, Fourier) and isinstance(beta, Fourier)
    x = torch.randn(3, 1, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = oracle.gaussian()(Process(alpha, beta), x)
    eta_0, eta_1 = oracle.ends(a_hat, b_hat, x[:, 0].numpy())
    np.testing.assert_allclose(found.source[:, 0], eta_0, atol=1e-12)
    np.testing.assert_allclose(found.data[:, 0], eta_1, atol=1e-12)


@pytest.mark.parametrize(("a", "b"), CASES)
def test_the_algebra_gives_the_oracle_back(a, b):
    """The library alone: C b* (a a* + b C b*)^-1 with Fourier operators, and (5), (6)."""
    oracle, (noises, blurs) = stationary(), parts()
    (alpha, _), (beta, _) = mixed(a, noises), mixed(b, blurs)
    covariance = Fourier(torch.from_numpy(oracle.spectrum[None, None, :, : WIDTH // 2 + 1].copy()))
    mean = torch.from_numpy(oracle.mean)[None, None]
    x = torch.randn(3, 1, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    sigma = alpha @ alpha.adjoint + beta @ covariance @ beta.adjoint
    solved = sigma.inverse(x - beta(mean))
    exact = oracle.gaussian()(Process(alpha, beta), x)
    torch.testing.assert_close(alpha.adjoint(solved), exact.source, atol=1e-12, rtol=0)
    torch.testing.assert_close(mean + covariance(beta.adjoint(solved)), exact.data, atol=1e-12, rtol=0)
    torch.testing.assert_close(
        Process(alpha, beta).endpoints_from_data(x, exact.data).source, exact.source, atol=1e-9, rtol=0
    )
    torch.testing.assert_close(Process(alpha, beta).score(exact), -solved, atol=1e-9, rtol=0)


def test_deblurring_and_denoising_end_at_the_data():
    """From the corruption's weights to a = 0 and b = (1, 0, 0, 0): mean and covariance arrive, at first order."""
    oracle, (noises, blurs) = stationary(), parts()
    (alpha, _), (beta, _) = mixed(CASES[2][0], noises), mixed(CASES[2][1], blurs)
    path = StraightPath(Process(alpha, beta), Process(0.0 * identity(), identity()))
    gaussian, size = oracle.gaussian(), HEIGHT * WIDTH
    start = path.at(torch.tensor(0.0).double())
    a, b = matrix(start.alpha, (1, HEIGHT, WIDTH)), matrix(start.beta, (1, HEIGHT, WIDTH))
    errors = []
    for steps in (40, 80):
        zero = integrate_path(path, gaussian, torch.zeros(1, 1, HEIGHT, WIDTH).double(), steps).x.flatten().numpy()
        units = torch.eye(size, dtype=torch.float64).reshape(size, 1, HEIGHT, WIDTH)
        linear = integrate_path(path, gaussian, units, steps).x.reshape(size, size).numpy().T - zero[:, None]
        np.testing.assert_allclose(linear @ (b @ gaussian.mean.numpy()) + zero, gaussian.mean, atol=1e-9)
        first = a @ a.T + b @ gaussian.covariance.numpy() @ b.T
        errors.append(np.abs(linear @ first @ linear.T - gaussian.covariance.numpy()).max())
    assert errors[1] < 0.05 and 1.6 < errors[0] / errors[1] < 2.4
