r"""The discrete Fourier transforms of the spectral blocks as matrix products.

Runtimes have matrix products; few have Fourier transforms, and those differ. With
:math:`C_{jk} = \cos(2\pi jk/n)/\sqrt n` and :math:`S_{jk} = \sin(2\pi jk/n)/\sqrt n`, both symmetric, the orthonormal
transform of a real row :math:`x` is :math:`xC - i\,xS`, that of a column of complex numbers and its inverse are

.. math:: (C \mp iS)(a + ib) = (Ca \pm Sb) + i\,(Cb \mp Sa).

Of the n frequencies of a real row the first n // 2 + 1 are computed. The others are their conjugates, so that in the
inverse transform each computed one has weight 2, except those that are their own conjugates: the first and, if n is
even, the last. These are `torch.fft.rfft2` and `torch.fft.irfft2` with ``norm="ortho"``.

A spectrum is real, its imaginary rows below its real ones: (…, 2 h, w // 2 + 1). The matrices are computed from the
size inside the graph: dynamic sizes are as exact as fixed ones.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor


class FourierMatrices:
    """The transforms of maps of one size.

    Args:
        height, width: of the maps.
        like: a tensor with the dtype and device of the maps.
    """

    def __init__(self, height: int, width: int, like: Tensor) -> None:
        self.height = height
        frequencies = width // 2 + 1
        self.cosines, self.sines = _dft_matrices(width, frequencies, like)
        self.weights = _conjugate_weights(width, frequencies, like)
        cosines, sines = _dft_matrices(height, height, like)
        # The transform of columns of real rows above imaginary ones; (2 h, 2 h), and orthogonal.
        self.columns = torch.cat([torch.cat([cosines, sines], dim=1), torch.cat([-sines, cosines], dim=1)])

    def rfft2(self, x: Tensor) -> Tensor:
        """(…, h, w) to its spectrum (…, 2 h, w // 2 + 1), orthonormal."""
        return self.columns @ torch.cat([x @ self.cosines, x @ -self.sines], dim=-2)

    def irfft2(self, spectrum: Tensor) -> Tensor:
        """A spectrum (…, 2 h, w // 2 + 1) to (…, h, w), orthonormal."""
        rows = (self.columns.T @ spectrum) * self.weights
        real, imaginary = rows.unflatten(-2, (2, self.height)).unbind(-3)
        return real @ self.cosines.T - imaginary @ self.sines.T


def in_frequency_domain(x: Tensor, mix: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply `mix` to a map's spectrum and transform back, as `models.ffc.in_frequency_domain`.

    Args:
        x: (B, C, h, w).
        mix: maps spectra (B, 2 C, h, w // 2 + 1), real and imaginary part of a channel adjacent, to such.

    Returns:
        (B, C, h, w).
    """
    height, width = x.shape[-2:]
    fourier = FourierMatrices(height, width, x)
    # Imaginary rows below real ones are imaginary channels after real ones: the memory order is the same.
    mixed = mix(fourier.rfft2(x).unflatten(-2, (2, height)).flatten(1, 2))
    return fourier.irfft2(mixed.unflatten(1, (-1, 2)).flatten(2, 3))


def _dft_matrices(size: int, frequencies: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """C and S for `size` positions and the first `frequencies`, with the dtype and device of `like`."""
    period = _as_tensor(size, like)
    positions = torch.arange(size, device=like.device)
    # Reduced modulo the period as integers: angles stay below 2 pi, where float32 is exact enough.
    phases = torch.remainder(positions[:, None] * positions[:frequencies], period)
    angles = phases.to(like.dtype) * (2 * math.pi / period.to(like.dtype))
    scale = period.to(like.dtype).rsqrt()
    return angles.cos() * scale, angles.sin() * scale


def _conjugate_weights(width: int, frequencies: int, like: Tensor) -> Tensor:
    """How often each computed frequency of a row stands for itself and its conjugate; (frequencies,)."""
    indices = torch.arange(frequencies, device=like.device)
    own_conjugate = torch.remainder(2 * indices, _as_tensor(width, like)) == 0
    return 2 - own_conjugate.to(like.dtype)


def _as_tensor(size: int, like: Tensor) -> Tensor:
    """A size as a tensor, which an exported graph can compute with."""
    return torch.full((), size, dtype=torch.int64, device=like.device)
