r"""The phi^4 model on a periodic lattice: a random field :math:`\phi` of density :math:`e^{-E(\phi)} / Z` (23).

.. math::
    E(\phi) = \sum_a \Big[\tfrac\chi2 \sum_i (\phi_{a+\hat e_i} - \phi_a)^2 + \tfrac\kappa2\phi_a^2
              + \tfrac\gamma4\phi_a^4\Big] - \sum_a h\,\phi_a \tag{24, 25}

with a over the sites and i over the d directions. In Fourier space the quadratic part is diagonal: with the
orthonormal transform and any :math:`\kappa_0`,

.. math::
    E = \tfrac12\sum_k M_k |\hat\phi_k|^2 + U, \qquad
    M_k = 2\chi\sum_i\Big(1 - \cos\frac{2\pi k_i}{L}\Big) + \kappa_0, \qquad
    U = \sum_a \tfrac{\kappa - \kappa_0}2\phi_a^2 + \tfrac\gamma4\phi_a^4 - h\,\phi_a. \tag{43, 44}

Fields are (B, 1, H, W), of H x W sites; a direction of one site has no differences. Source and numbering: Negrel,
Coeurdoux, Albergo, Vanden-Eijnden, arXiv 2508.04605, whose (44) has no field h.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_AXES = (-2, -1)


@dataclass(frozen=True, eq=False)
class PhiFour:
    """The energy of fields (B, 1, H, W), and its force.

    Args:
        chi: stiffness, 0 or more.
        kappa: twice the coefficient of phi^2: a number, or a tensor that broadcasts against fields.
        gamma: four times the coefficient of phi^4, 0 or more; 0 is the free field.
        field: the external field h, like `kappa`.
    """

    chi: float
    kappa: float | Tensor
    gamma: float
    field: float | Tensor = 0.0

    @classmethod
    def from_lattice(cls, mass_squared: float, coupling: float, field: float = 0.0) -> PhiFour:
        r"""The model in the parameters of lattice field theory.

        .. math::
            E = \sum_a \Big[-2\sum_i\phi_a\phi_{a+\hat e_i} + (2d + m^2)\phi_a^2 + \lambda\phi_a^4 - h\,\phi_a\Big]

        Args:
            mass_squared: m^2, of either sign.
            coupling: lambda, 0 or more.
            field: h.
        """
        return cls(chi=2.0, kappa=2 * mass_squared, gamma=4 * coupling, field=field)

    def energy(self, phi: Tensor) -> Tensor:
        """E (B,), summed in double precision: differences of energies decide what is accepted."""
        density = 0.5 * self.kappa * phi.square() + 0.25 * self.gamma * phi.square().square() - self.field * phi
        for axis in _AXES:
            density = density + 0.5 * self.chi * (phi.roll(-1, axis) - phi).square()
        return density.flatten(1).sum(dim=1, dtype=torch.float64)

    def force(self, phi: Tensor) -> Tensor:
        """-dE/dphi (B, 1, H, W)."""
        neighbours = phi.roll(1, -1)
        neighbours += phi.roll(-1, -1)
        neighbours += phi.roll(1, -2)
        neighbours += phi.roll(-1, -2)
        local = (2 * len(_AXES) * self.chi + self.kappa + self.gamma * phi.square()) * phi
        return self.chi * neighbours - local + self.field

    def quadratic_form(self, height: int, width: int, kappa_0: float) -> Tensor:
        """M_k (43) on the frequencies of `torch.fft.rfft2`, (1, 1, H, W // 2 + 1), float64.

        It is positive for kappa_0 > 0.
        """
        rows = 1 - torch.cos(2 * math.pi * torch.fft.fftfreq(height, dtype=torch.float64))
        columns = 1 - torch.cos(2 * math.pi * torch.fft.rfftfreq(width, dtype=torch.float64))
        return (2 * self.chi * (rows[:, None] + columns[None, :]) + kappa_0)[None, None]

    def rewarded(self, quadratic: float | Tensor, linear: float | Tensor) -> PhiFour:
        """The energy of the density times exp r, with r(phi) = sum of A phi^2 / 2 + b phi (13).

        Args:
            quadratic: A, a number or a tensor that broadcasts against fields.
            linear: b, likewise.
        """
        return PhiFour(self.chi, self.kappa - quadratic, self.gamma, self.field + linear)
