r"""Hybrid Monte Carlo: trajectories of Hamilton's equations, accepted with Metropolis's probability.

.. math::
    H(\phi, p) = E(\phi) + \tfrac12\sum_k |\hat p_k|^2 / M_k

Momenta are normal with the mass :math:`M_k`; leapfrog steps follow the equations reversibly and preserve volume, so
that accepting with probability :math:`\min(1, e^{-\Delta H})` leaves :math:`e^{-E}` invariant (Duane, Kennedy,
Pendleton, Roweth, Phys. Lett. B 195 (1987) 216). With :math:`M_k` that of the energy's quadratic part the long waves,
which are soft, move as fast as the short ones (Fourier acceleration; Batrouni et al., Phys. Rev. D 32 (1985) 2736);
without, all masses are 1.
"""

import torch
from torch import Tensor

from latentinpaint.errors import check_above_zero, whole_number
from latentinpaint.interpolants import Fourier, Operator, identity
from latentinpaint.lattice.energy import PhiFour
from latentinpaint.lattice.markov import MarkovChain, Transition, accept, check_waves


class HybridMonteCarlo(MarkovChain):
    """One step is a new momentum and a trajectory of leapfrog steps.

    Args:
        energy: of the density exp(-E).
        step_size: of a leapfrog step, above 0.
        leapfrogs: steps of a trajectory, 1 or more.
        mass: M_k (1, 1, H, W // 2 + 1), see `PhiFour.quadratic_form`, positive; None is 1 for every wave.
        free: see `MarkovChain`; held sites need equal masses.

    Raises:
        InputError: if a number is out of its range, a mass is not positive, or sites are held while masses differ.
    """

    def __init__(
        self,
        energy: PhiFour,
        step_size: float = 0.07,
        leapfrogs: int = 10,
        mass: Tensor | None = None,
        free: Tensor | None = None,
    ) -> None:
        super().__init__(energy, free)
        check_above_zero("step_size", step_size)
        whole_number("leapfrogs", leapfrogs, 1)
        self.step_size = step_size
        self.leapfrogs = leapfrogs
        self.root_mass: Operator = identity()
        self.inverse_mass: Operator = identity()
        if mass is not None:
            check_waves("mass", mass, free)
            self.root_mass = Fourier(mass.sqrt())
            self.inverse_mass = Fourier(1 / mass)

    def step(self, phi: Tensor, generator: torch.Generator | None) -> Transition:
        noise = torch.randn(phi.shape, generator=generator, dtype=phi.dtype).to(phi.device)
        momentum = self.held(self.root_mass(noise))
        before = self.hamiltonian(phi, momentum)
        proposal, ended = self.trajectory(phi, momentum)
        return accept(phi, proposal, before - self.hamiltonian(proposal, ended), generator)

    def hamiltonian(self, phi: Tensor, momentum: Tensor) -> Tensor:
        """H (B,) of fields and momenta (B, 1, H, W)."""
        kinetic = 0.5 * momentum * self.inverse_mass(momentum)
        return self.energy.energy(phi) + kinetic.flatten(1).sum(dim=1, dtype=torch.float64)

    def trajectory(self, phi: Tensor, momentum: Tensor) -> tuple[Tensor, Tensor]:
        """The fields and momenta (B, 1, H, W) after the leapfrog steps from these."""
        size = self.step_size
        momentum = momentum + 0.5 * size * self._force(phi)
        for number in range(1, self.leapfrogs + 1):
            phi = phi + size * self.inverse_mass(momentum)
            kick = 0.5 * size if number == self.leapfrogs else size
            momentum = momentum + kick * self._force(phi)
        return phi, momentum

    def _force(self, phi: Tensor) -> Tensor:
        return self.held(self.energy.force(phi))
