r"""Noise with the covariance of what the smooth continuation, or a first fill, misses, for flows to start from.

Latents are standardised channel by channel, but their channels are correlated and neighbouring cells alike: of the
default autoencoder's variance of 64, 60 lie in one direction, the brightness, and less than a hundredth in each of
the last ones. Against white noise the brightness of a large area is decided in the first hundredth of the way, which
a few steps pass over, and the details in the last. Noise that is distributed as the difference itself,

.. math:: r = z_1 - \text{continuation},

leaves as much to decide at every time, in every direction and at every scale. A path may start from any noise that
does not depend on what the hole hides (Albergo et al., "Stochastic interpolants with data-dependent couplings", arXiv
2310.03725).

The noise is a stationary Gaussian field with the covariance of a linear model of coregionalisation,

.. math:: E[r(x) r(x + d)^T] = \sum_s C_s \, \rho_s(d),

where :math:`\rho_s` is the correlation of white noise that was blurred as far as the scale s says, and the matrices
:math:`C_s` over channels have no eigenvalue below 0. They are fitted to the covariances of residuals in holes of any
shape, by the iteration of Goulard and Voltz, "Linear coregionalization model: tools for estimation and choice of
cross-variogram matrix", Mathematical Geology 24, 1992.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from latentinpaint.runtime.randomness import Generators, draw_normal

DILATIONS = (1, 2, 4, 8, 16)  # cells between a kernel's taps (1/4, 1/2, 1/4); each scale has one kernel more
SCALES = len(DILATIONS) + 1
LAGS = (0, 1, 2, 4, 8, 16)  # cells along either axis, at which covariances are measured
SWEEPS = 100  # of the fit
GRID = 256  # cells a side, on which the scales' correlations are computed


class ResidualNoise(nn.Module):
    """Gaussian noise over cells, white until it has been measured.

    Args:
        channels: of the latent, C.

    Attributes:
        roots: (SCALES, C, C), symmetric roots of the C_s.
        measured: (), whether they have been measured.
    """

    roots: Tensor
    measured: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        roots = torch.zeros(SCALES, channels, channels)
        roots[0] = torch.eye(channels)
        self.register_buffer("roots", roots)
        self.register_buffer("measured", torch.zeros((), dtype=torch.bool))

    def draw(self, like: Tensor, generator: Generators = None) -> Tensor:
        """Noise shaped like `like` (B, C, h, w); an item depends on its own draws alone."""
        height, width = like.shape[-2:]
        normal = draw_normal(like.new_empty(len(like), SCALES * like.shape[1], height, width), generator)
        transfer = blurs(height, width, like.device)[..., : width // 2 + 1]
        with torch.autocast(like.device.type, enabled=False):
            return torch.stack([self._field(item.float(), transfer) for item in normal]).to(like)

    def _field(self, normal: Tensor, transfer: Tensor) -> Tensor:
        """One field (C, h, w) of independent standard normal numbers (SCALES C, h, w), by half of `blurs`."""
        mixed = torch.einsum("scd,sdhw->schw", self.roots.float(), normal.unflatten(0, (SCALES, -1)))
        waves = (torch.fft.rfft2(mixed) * transfer.unsqueeze(1)).sum(dim=0)
        return torch.fft.irfft2(waves, s=normal.shape[-2:])

    @torch.no_grad()
    def measure(self, examples: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Fit the covariance of residuals in holes.

        Args:
            examples: residuals (B, C, h, w) and the hole's cells (B, 1, h, w), 1 or 0; read once.

        Raises:
            ValueError: if no example has a hole.
        """
        sums = torch.zeros(len(LAGS), *self.roots.shape[1:], dtype=torch.float64, device=self.roots.device)
        counts = torch.zeros(len(LAGS), dtype=torch.float64, device=self.roots.device)
        for residual, hole in examples:
            for number, (products, count) in enumerate(lagged_products(residual.double() * hole, hole.double())):
                sums[number] += products
                counts[number] += count
        if counts[0] == 0:
            raise ValueError("the covariance of the residuals takes examples with holes")
        seen = counts > 0
        covariances = sums[seen] / counts[seen].view(-1, 1, 1)
        self.roots.copy_(_symmetric_root(fitted(covariances, _correlations(counts.device)[:, seen])))
        self.measured.fill_(True)


def blurs(height: int, width: int, device: torch.device) -> Tensor:
    """The transfer functions (SCALES, height, width) for `torch.fft.fft2`, each of mean square 1."""
    rows = torch.fft.fftfreq(height, device=device)
    columns = torch.fft.fftfreq(width, device=device)
    passed = torch.ones(height, width, device=device)
    scales = [passed]
    for dilation in DILATIONS:
        passed = passed * torch.outer(_response(rows * dilation), _response(columns * dilation))
        scales.append(passed)
    stacked = torch.stack(scales)
    return stacked / stacked.square().mean(dim=(1, 2), keepdim=True).sqrt()


def _response(frequency: Tensor) -> Tensor:
    """The transfer function of the taps (1/4, 1/2, 1/4) at frequencies in cycles a tap."""
    return (1 + torch.cos(2 * torch.pi * frequency)) / 2


def _correlations(device: torch.device) -> Tensor:
    """The scales' correlations at the lags, (SCALES, LAGS) float64."""
    power = blurs(GRID, GRID, device).double().square()
    return torch.fft.ifft2(power).real[:, 0, list(LAGS)]


def lagged_products(residual: Tensor, hole: Tensor) -> Iterable[tuple[Tensor, Tensor]]:
    """For each lag the products of a residual with itself so many cells apart, and how many pairs of cells there are.

    Args:
        residual: (B, C, h, w), 0 outside the hole.
        hole: (B, 1, h, w), 1 or 0.

    Returns:
        Pairs of the symmetric part of the sum of products, (C, C), over pairs of the hole's cells along either axis,
        and their number ().
    """
    for lag in LAGS:
        total = residual.new_zeros(residual.shape[1], residual.shape[1])
        count = residual.new_zeros(())
        for axis in (-2, -1):
            length = max(0, residual.shape[axis] - lag)
            first = residual.narrow(axis, 0, length)
            second = residual.narrow(axis, residual.shape[axis] - length, length)
            product = torch.einsum("bchw,bdhw->cd", first, second)
            total = total + (product + product.T) / 2
            both = hole.narrow(axis, 0, length) * hole.narrow(axis, hole.shape[axis] - length, length)
            count = count + both.sum()
        yield total, count


def fitted(covariances: Tensor, correlations: Tensor) -> Tensor:
    """The matrices C_s (S, C, C) without negative eigenvalues that are nearest in the squares over all lags.

    Args:
        covariances: (L, C, C) at the lags, symmetric.
        correlations: (S, L) of the scales.
    """
    matrices = covariances.new_zeros(len(correlations), *covariances.shape[1:])
    for _ in range(SWEEPS):
        for scale, correlation in enumerate(correlations):
            matrices[scale] = 0
            left = covariances - torch.einsum("sl,scd->lcd", correlations, matrices)
            best = torch.einsum("l,lcd->cd", correlation, left) / correlation.square().sum()
            values, vectors = torch.linalg.eigh(best)
            matrices[scale] = vectors * values.clamp(min=0) @ vectors.mT
    return matrices


def _symmetric_root(matrices: Tensor) -> Tensor:
    """The symmetric roots of matrices (…, C, C) without negative eigenvalues."""
    values, vectors = torch.linalg.eigh(matrices)
    return vectors * values.clamp(min=0).sqrt().unsqueeze(-2) @ vectors.mT
