r"""What is measured of fields (B, 1, H, W) with V sites, field by field.

The magnetisation is the mean of a field. Means over samples, such as the susceptibility, are in `estimates`.
"""

import torch
from torch import Tensor

from latentinpaint.lattice.energy import PhiFour
from latentinpaint.lattice.markov import Observable


def magnetisation(phi: Tensor) -> Tensor:
    """The mean over the sites of every field, (B,)."""
    return phi.flatten(1).mean(dim=1)


def absolute_magnetisation(phi: Tensor) -> Tensor:
    """|magnetisation| (B,)."""
    return magnetisation(phi).abs()


def mean_square(phi: Tensor) -> Tensor:
    """The mean of phi^2 over the sites, (B,)."""
    return phi.square().flatten(1).mean(dim=1)


def action_per_site(energy: PhiFour) -> Observable:
    """The observable E / V of an energy."""

    def measure(phi: Tensor) -> Tensor:
        return energy.energy(phi) / phi[0].numel()

    return measure


def two_point(phi: Tensor) -> Tensor:
    """The two-point function along the axes of square fields (B, 1, L, L): (B, L // 2 + 1).

    Entry r is the mean of phi_a phi_{a + r e} over all sites a and both directions e.
    """
    spectrum = torch.fft.rfft2(phi[:, 0], norm="ortho")
    length = phi.shape[-1]
    correlation = torch.fft.irfft2(spectrum.abs().square(), s=phi.shape[-2:])
    both = 0.5 * (correlation[:, 0, :] + correlation[:, :, 0])
    return both[:, : length // 2 + 1]


def free_two_point(energy: PhiFour, side: int) -> Tensor:
    """The exact two-point function (side // 2 + 1,) of a free field: kappa a number above 0, gamma and h 0."""
    spectrum = 1 / energy.quadratic_form(side, side, float(energy.kappa))
    return torch.fft.irfft2(spectrum[0, 0], s=(side, side))[0, : side // 2 + 1]
