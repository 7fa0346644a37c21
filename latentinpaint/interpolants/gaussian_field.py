r"""The drifts of Gaussian pictures whose covariance is a convolution: what the best linear restoration knows.

For :math:`x_1 \sim N(\mu, C)` with C the same at every place of a periodic grid and any convolutions alpha and beta,
every frequency is by itself. With the cross-spectrum of the colours :math:`\hat C = U\,\mathrm{diag}(\lambda)\,U^*`,
:math:`\Delta = |\hat\alpha|^2 + |\hat\beta|^2\lambda` and :math:`r = U^*(\hat x - \hat\beta\hat\mu)`,

.. math::
    \hat\eta_0 = \overline{\hat\alpha}\,U(r / \Delta), \qquad
    \hat\eta_1 = \hat\mu + \overline{\hat\beta}\,U(\lambda\,r / \Delta).

:math:`\eta_1` is Wiener's filter with the spectrum of the data (Wiener 1949), exact for a Gaussian and the linear
estimate of least squared error for anything else of this mean and spectrum. Numbering as in `interpolant`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from latentinpaint.interpolants.broadcasting import per_item
from latentinpaint.interpolants.interpolant import Endpoints, Process
from latentinpaint.interpolants.operators import Fourier, Operator, Scalar


@dataclass(frozen=True, eq=False)
class GaussianField:
    """Gaussian pictures of C colours; called as drifts are.

    Args:
        mean: (1, C, H, W).
        spectrum: the colours' covariance at every frequency of `torch.fft.rfft2`, (H, W // 2 + 1, C, C), Hermitian
            and positive: that of an orthonormal transform, so that white noise of unit variance has the identity.
    """

    mean: Tensor
    spectrum: Tensor

    def __post_init__(self) -> None:
        channels, height, width = self.mean.shape[1:]
        if self.spectrum.shape != (height, width // 2 + 1, channels, channels):
            raise ValueError(f"a spectrum of {tuple(self.spectrum.shape)} is not one of {tuple(self.mean.shape)}")

    @classmethod
    def of(cls, pictures: Tensor) -> GaussianField:
        """The field with the mean and the spectrum of pictures (N, C, H, W), in float64."""
        pictures = pictures.double()
        mean = pictures.mean(dim=0, keepdim=True)
        frequencies = torch.fft.rfft2(pictures - mean, norm="ortho")
        spectrum = torch.einsum("nchw,ndhw->hwcd", frequencies, frequencies.conj()) / len(pictures)
        return cls(mean, spectrum)

    def __call__(self, process: Process, x: Tensor) -> Endpoints:
        alpha = self._transfer(process.alpha)
        beta = self._transfer(process.beta)
        mean = torch.fft.rfft2(self.mean)
        powers, colours = self._colours
        remainder = torch.einsum("hwdc,ndhw->nchw", colours.conj(), torch.fft.rfft2(x.double()) - beta * mean)
        scaled = remainder / (alpha.abs().square() + beta.abs().square() * powers)
        source = alpha.conj() * torch.einsum("hwcd,ndhw->nchw", colours, scaled)
        data = mean + beta.conj() * torch.einsum("hwcd,ndhw->nchw", colours, powers * scaled)
        size = x.shape[-2:]
        return Endpoints(torch.fft.irfft2(source, s=size).to(x), torch.fft.irfft2(data, s=size).to(x))

    def draw(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """`count` samples (count, C, H, W), float64."""
        shape = (count, *self.mean.shape[1:])
        white = torch.randn(shape, generator=generator, dtype=torch.float64).to(self.mean.device)
        powers, colours = self._colours
        own = powers.sqrt() * torch.einsum("hwdc,ndhw->nchw", colours.conj(), torch.fft.rfft2(white))
        shaped = torch.einsum("hwcd,ndhw->nchw", colours, own)
        return self.mean + torch.fft.irfft2(shaped, s=white.shape[-2:])

    @cached_property
    def _colours(self) -> tuple[Tensor, Tensor]:
        """The powers (C, H, W // 2 + 1) of uncorrelated mixtures of the colours, and these (H, W // 2 + 1, C, C)."""
        powers, colours = torch.linalg.eigh(self.spectrum.to(torch.complex128))
        return powers.clamp(min=0).movedim(-1, 0), colours

    def _transfer(self, operator: Operator) -> Tensor:
        """The transfer function of a convolution or a number, where the field is."""
        if isinstance(operator, Scalar):
            return per_item(operator.values, self.mean).to(self.mean)
        if not isinstance(operator, Fourier):
            raise ValueError(f"a Gaussian field takes convolutions and numbers, not a {type(operator).__name__}")
        return operator.values.to(self.mean.device)
