"""Exact drifts: what the ends are expected to be when the data are Gaussian, or a mixture of Gaussians.

For x_0 ~ N(0, Id) independent of x_1 ~ N(mu, C), Sigma = alpha alpha^T + beta C beta^T and r = x - beta mu,

    eta_0 = alpha^T Sigma^{-1} r,   eta_1 = mu + C beta^T Sigma^{-1} r,   score = -Sigma^{-1} r

with the operators as matrices. A mixture weighs its components' drifts with their responsibilities.
The matrices are those of NumPy, made by applying an operator to unit vectors: nothing here uses the library's
adjoints, inverses or products.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from latentinpaint.interpolants.interpolant import Endpoints, Process


def matrix(operator, shape) -> np.ndarray:
    """The matrix of an operator that is the same for every sample, on samples of `shape`."""
    size = int(np.prod(shape))
    return operator(torch.eye(size, dtype=torch.float64).reshape(size, *shape)).reshape(size, size).T.numpy()


@dataclass(frozen=True)
class Gaussian:
    """x_1 ~ N(mean, covariance), x_0 ~ N(0, Id); called as drifts are."""

    mean: Tensor
    covariance: Tensor

    def __call__(self, process: Process, x: Tensor) -> Endpoints:
        alpha, beta, solved = self._solved(process, x)
        eta_0 = solved @ alpha
        eta_1 = self.mean.numpy() + solved @ beta @ self.covariance.numpy()
        return Endpoints(*(torch.from_numpy(eta).reshape(x.shape) for eta in (eta_0, eta_1)))

    def score(self, process: Process, x: Tensor) -> Tensor:
        return torch.from_numpy(-self._solved(process, x)[2]).reshape(x.shape)

    def law(self, process: Process, shape) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of the process."""
        alpha, beta = matrix(process.alpha, shape), matrix(process.beta, shape)
        return beta @ self.mean.numpy(), alpha @ alpha.T + beta @ self.covariance.numpy() @ beta.T

    def log_density(self, process: Process, x: Tensor) -> np.ndarray:
        mean, sigma = self.law(process, x.shape[1:])
        r = x.flatten(1).numpy() - mean
        return -0.5 * (r * np.linalg.solve(sigma, r.T).T).sum(axis=1) - 0.5 * np.linalg.slogdet(2 * np.pi * sigma)[1]

    def _solved(self, process, x):
        alpha, beta = matrix(process.alpha, x.shape[1:]), matrix(process.beta, x.shape[1:])
        mean, sigma = self.law(process, x.shape[1:])
        return alpha, beta, np.linalg.solve(sigma, (x.flatten(1).numpy() - mean).T).T


@dataclass(frozen=True)
class Mixture:
    """x_1 ~ sum of weight_k N(mean_k, covariance_k); called as drifts are."""

    weights: tuple[float, ...]
    components: tuple[Gaussian, ...]

    def __call__(self, process: Process, x: Tensor) -> Endpoints:
        logs = np.stack([component.log_density(process, x) for component in self.components])
        shares = np.array(self.weights)[:, None] * np.exp(logs - logs.max(axis=0))
        shares = torch.from_numpy(shares / shares.sum(axis=0))
        ends = [component(process, x) for component in self.components]
        each = [s.view(-1, *[1] * (x.ndim - 1)) for s in shares]
        return Endpoints(
            sum(s * e.source for s, e in zip(each, ends, strict=True)),
            sum(s * e.data for s, e in zip(each, ends, strict=True)),
        )


@dataclass(frozen=True)
class Stationary:
    """x_1 ~ N(mean, C) on a periodic grid (1, H, W), C a convolution with the transfer function `spectrum` (H, W).

    For Fourier multipliers a and b, every frequency is by itself: with D = |a|^2 + |b|^2 C and r = x - b mean,

        eta_0 = conj(a) r / D,   eta_1 = mean + C conj(b) r / D.

    Computed with NumPy's full complex transform; `a` and `b` are transfer functions (H, W) there.
    """

    mean: np.ndarray
    spectrum: np.ndarray

    def ends(self, a: np.ndarray, b: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x_hat, mean_hat = np.fft.fft2(x), np.fft.fft2(self.mean)
        scaled = (x_hat - b * mean_hat) / (np.abs(a) ** 2 + np.abs(b) ** 2 * self.spectrum)
        eta_0, eta_1 = np.conj(a) * scaled, mean_hat + self.spectrum * np.conj(b) * scaled
        return np.fft.ifft2(eta_0).real, np.fft.ifft2(eta_1).real

    def gaussian(self) -> Gaussian:
        """The same law with a matrix for its covariance."""
        height, width = self.mean.shape
        units = np.eye(height * width).reshape(-1, height, width)
        columns = np.fft.ifft2(self.spectrum * np.fft.fft2(units)).real.reshape(height * width, -1)
        return Gaussian(torch.from_numpy(self.mean.flatten()), torch.from_numpy(columns.T.copy()))
