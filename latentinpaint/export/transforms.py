r"""The discrete Fourier transforms of the spectral blocks as matrix products.

Runtimes have matrix products; few have Fourier transforms, and those differ. With
:math:`C_{jk} = \cos(2\pi jk/n)/\sqrt n` and :math:`S_{jk} = \sin(2\pi jk/n)/\sqrt n`, both symmetric, the orthonormal
transform of a real row :math:`x` is :math:`xC - i\,xS`, that of a column of complex numbers and its inverse are

.. math:: (C \mp iS)(a + ib) = (Ca \pm Sb) + i\,(Cb \mp Sa).

Of a real row's n frequencies the first n // 2 + 1 are kept. The others are their conjugates, so that on the way back
each of the kept counts twice, but for those that are their own conjugates: the first and, if n is even, the last.
These are `torch.fft.rfft2` and `torch.fft.irfft2` with ``norm="ortho"``.

A spectrum is real, its imaginary rows below its real ones: (…, 2 h, w // 2 + 1). The matrices are made of the size
inside the graph: a size that is not known in advance is as exact as any other.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor


def rfft2(x: Tensor) -> Tensor:
    """(…, h, w) to its spectrum (…, 2 h, w // 2 + 1), orthonormal."""
    height, width = x.shape[-2:]
    cosines, sines = _waves(width, width // 2 + 1, x)
    rows = torch.cat([x @ cosines, x @ -sines], dim=-2)
    cosines, sines = _waves(height, height, x)
    return _blocks(cosines, sines) @ rows


def irfft2(spectrum: Tensor, width: int) -> Tensor:
    """A spectrum (…, 2 h, w // 2 + 1) to (…, h, w), orthonormal; w is `width`."""
    height, kept = spectrum.shape[-2] // 2, spectrum.shape[-1]
    cosines, sines = _waves(height, height, spectrum)
    real, imaginary = (_blocks(cosines, -sines) @ spectrum).unflatten(-2, (2, height)).unbind(-3)
    cosines, sines = _waves(width, kept, spectrum)
    counts = _counts(width, kept, spectrum)
    return real @ (cosines * counts).T - imaginary @ (sines * counts).T


def in_frequencies(x: Tensor, mix: Callable[[Tensor], Tensor]) -> Tensor:
    """What `mix` makes of a map's spectrum, back in space, as `models.ffc.in_frequencies`.

    Args:
        x: (B, C, h, w).
        mix: maps spectra (B, 2 C, h, w // 2 + 1), real and imaginary part of a channel side by side, to such.

    Returns:
        (B, C, h, w).
    """
    height, width = x.shape[-2:]
    # Imaginary rows below real ones are imaginary channels beside real ones: the numbers lie in this order already.
    mixed = mix(rfft2(x).unflatten(-2, (2, height)).flatten(1, 2))
    return irfft2(mixed.unflatten(1, (-1, 2)).flatten(2, 3), width)


def _waves(size: int, frequencies: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """C and S for `size` positions and so many frequencies, of the type and device of `like`."""
    whole = _whole(size, like)
    positions = torch.arange(size, device=like.device)
    # Full turns are taken off while numbers are whole: angles stay below 2 pi, where float32 is exact enough.
    turns = torch.remainder(positions[:, None] * positions[:frequencies], whole)
    angles = turns.to(like.dtype) * (2 * math.pi / whole.to(like.dtype))
    scale = whole.to(like.dtype).rsqrt()
    return angles.cos() * scale, angles.sin() * scale


def _blocks(cosines: Tensor, sines: Tensor) -> Tensor:
    """What takes real rows above imaginary ones through a transform of columns; (2 h, 2 h)."""
    return torch.cat([torch.cat([cosines, sines], dim=1), torch.cat([-sines, cosines], dim=1)])


def _counts(width: int, kept: int, like: Tensor) -> Tensor:
    """How often each kept frequency of a row stands for itself and its conjugate; (kept,)."""
    frequencies = torch.arange(kept, device=like.device)
    own_conjugate = torch.remainder(2 * frequencies, _whole(width, like)) == 0
    return 2 - own_conjugate.to(like.dtype)


def _whole(size: int, like: Tensor) -> Tensor:
    """A size as a tensor, which an exported graph can compute with."""
    return torch.full((), size, dtype=torch.int64, device=like.device)
