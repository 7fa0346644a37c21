r"""Langevin dynamics of the phi^4 model, plain and preconditioned by the quadratic part of the energy.

.. math::
    d\hat\phi &= -M\hat\phi\,dt - \hat U'\,dt + \sqrt2\,d\hat W, \tag{45} \\
    d\hat\phi &= -\hat\phi\,dt - M^{-1}\hat U'\,dt + \sqrt{2 M^{-1}}\,d\hat W, \tag{47}

with M and U of `energy` and :math:`U' = (\kappa - \kappa_0)\phi + \gamma\phi^3 - h` (46). In (47) every wave relaxes
in the same time, so the step need not follow the fastest. Euler's scheme is

.. math::
    \hat\phi^{n+1} = \hat\phi^n - \Delta t\,\hat\phi^n - \Delta t\,M^{-1}\hat U'^n
                     + \sqrt{2\Delta t\,M^{-1}}\,\hat\xi^n, \tag{48}

and the exponential scheme has :math:`e^{-\Delta t}` for :math:`1 - \Delta t`, :math:`1 - e^{-\Delta t}` for the
second :math:`\Delta t` and :math:`1 - e^{-2\Delta t}` for :math:`2\Delta t`: it is exact where U' is 0. Both have an
error of the order of the step, of which Metropolis's decision leaves nothing: (48) with it is hybrid Monte Carlo with
one leapfrog step of :math:`\sqrt{2\Delta t}`. Numbering and source as in `energy`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.errors import InputError, check_above_zero, choose
from latentinpaint.interpolants import Fourier, Operator, identity
from latentinpaint.lattice.energy import PhiFour
from latentinpaint.lattice.markov import MarkovChain, Transition, accept, check_waves


@dataclass(frozen=True)
class LangevinCoefficients:
    """A scheme's step: what a field keeps of itself, the weight of the drift, and the variance of the noise."""

    kept: float
    drift: float
    noise: float


def _euler(step_size: float) -> LangevinCoefficients:
    return LangevinCoefficients(1 - step_size, step_size, 2 * step_size)


def _exponential(step_size: float) -> LangevinCoefficients:
    return LangevinCoefficients(math.exp(-step_size), -math.expm1(-step_size), -math.expm1(-2 * step_size))


LANGEVIN_SCHEMES: dict[str, Callable[[float], LangevinCoefficients]] = {"euler": _euler, "exponential": _exponential}


class Langevin(MarkovChain):
    """One step of a scheme.

    Args:
        energy: of the density exp(-E).
        step_size: Delta t, above 0.
        scheme: a key of `LANGEVIN_SCHEMES`; exponential with a quadratic form alone.
        quadratic_form: M_k (1, 1, H, W // 2 + 1), positive, see `PhiFour.quadratic_form`: (47). None is (45), whose
            noise and drift are equal for all waves.
        adjusted: whether Metropolis decides on every step, which makes it exact.
        free: see `MarkovChain`; held sites need (45).

    Raises:
        InputError: if an argument is out of its range, or two do not go together.
    """

    def __init__(
        self,
        energy: PhiFour,
        step_size: float,
        scheme: str = "euler",
        quadratic_form: Tensor | None = None,
        adjusted: bool = False,
        free: Tensor | None = None,
    ) -> None:
        super().__init__(energy, free)
        check_above_zero("step_size", step_size)
        self.coefficients = choose(LANGEVIN_SCHEMES, scheme, "scheme of Langevin dynamics")(step_size)
        self.adjusted = adjusted
        self.form: Operator = identity()
        self.inverse_form: Operator = identity()
        self.inverse_root: Operator = identity()
        if quadratic_form is None:
            if scheme != "euler":
                raise InputError("the exponential scheme needs a quadratic_form")
            return
        check_waves("quadratic_form", quadratic_form, free)
        self.form = Fourier(quadratic_form)
        self.inverse_form = Fourier(1 / quadratic_form)
        self.inverse_root = Fourier(quadratic_form.rsqrt())

    def step(self, phi: Tensor, generator: torch.Generator | None) -> Transition:
        noise = torch.randn(phi.shape, generator=generator, dtype=phi.dtype).to(phi.device)
        centre = self.mean(phi)
        proposal = centre + math.sqrt(self.coefficients.noise) * self.held(self.inverse_root(noise))
        if not self.adjusted:
            return Transition(proposal, phi.new_ones(len(phi), dtype=torch.float64))
        there = self._log_probability(proposal, centre) - self.energy.energy(phi)
        back = self._log_probability(phi, self.mean(proposal)) - self.energy.energy(proposal)
        return accept(phi, proposal, back - there, generator)

    def mean(self, phi: Tensor) -> Tensor:
        """Where a step leads without its noise, (B, 1, H, W).

        With the force F = -M phi - U', the drift -M^{-1} U' is phi + M^{-1} F.
        """
        pull = self.held(self.inverse_form(self.energy.force(phi)))
        coefficients = self.coefficients
        return (coefficients.kept + coefficients.drift) * phi + coefficients.drift * pull

    def _log_probability(self, proposal: Tensor, centre: Tensor) -> Tensor:
        """The log density (B,) of a proposal, but for a constant."""
        distance = proposal - centre
        squares = (distance * self.form(distance)).flatten(1).sum(dim=1, dtype=torch.float64)
        return -0.5 * squares / self.coefficients.noise
