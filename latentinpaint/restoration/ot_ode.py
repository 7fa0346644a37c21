r"""OT-ODE: Pokle, Muckley, Chen, Karrer, "Training-free Linear Image Inverses via Flows", arXiv 2310.04432.

The flow's velocity is corrected by the gradient of what was seen, under a Gaussian around the expected picture
:math:`\hat x_1 = x + (1 - t) v` of variance :math:`r_t^2 = (1 - t)^2 / ((1 - t)^2 + t^2)`:

.. math:: u = H^\top (r_t^2 H H^\top + \sigma^2)^{-1} (y - H \hat x_1), \qquad
    g = u + (1 - t)\,(\partial_x v)^\top u, \qquad \dot x = v + \frac{1 - t}t\,\gamma_t\,g,

from :math:`t_0 H^\top y + (1 - t_0)\,\varepsilon` by Euler's steps of 1/N. With :math:`\gamma = 1` the velocity is
that of the posterior for pictures distributed as :math:`N(\mu, 1)`; the variant for boxes has
:math:`\gamma_t = \sqrt{t / (t^2 + (1 - t)^2)}`. Cost: :math:`(1 - t_0) N` evaluations with as many transposed
derivatives.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.errors import InputError, choose, whole_number
from latentinpaint.restoration.base import Restorer, normal_like
from latentinpaint.restoration.observation_models import Observed
from latentinpaint.restoration.velocity_prior import VelocityPrior, data_variance

GAMMAS = {"constant": lambda t: 1.0, "rising": lambda t: math.sqrt(t / (t**2 + (1 - t) ** 2))}


@dataclass(frozen=True)
class OTODE(Restorer):
    """See the module.

    steps: N, 2 or more. start: t_0, above 0 and below 1, rounded to a whole step.
    gamma: "constant", 1, or "rising", the variant for boxes.
    """

    label = "OT-ODE"
    grid = {"start": (0.1, 0.2, 0.4), "gamma": ("constant", "rising")}

    steps: int = 100
    start: float = 0.1
    gamma: str = "constant"

    def __post_init__(self) -> None:
        super().__post_init__()
        choose(GAMMAS, self.gamma, "gamma")
        whole_number("steps", self.steps, 2)
        if not 0 < self.start < 1:
            raise InputError(f"start is a time above 0 and below 1, not {self.start}")

    @torch.no_grad()
    def restore(self, prior: VelocityPrior, observed: Observed, generators: Sequence[torch.Generator]) -> Tensor:
        first = min(max(round(self.steps * self.start), 1), self.steps - 1)
        start = first / self.steps
        x = start * observed.model.adjoint(observed.y) + (1 - start) * normal_like(observed, generators)
        for number in range(first, self.steps):
            x = x + self.guided_velocity(prior, observed, x, number / self.steps) / self.steps
        return x

    def guided_velocity(self, prior: VelocityPrior, observed: Observed, x: Tensor, t: float) -> Tensor:
        """The corrected velocity (B, C, H, W) at x (B, C, H, W), 0 < t <= 1."""
        velocity, transposed = prior.pullback(x, t)
        missing = observed.residual(x + (1 - t) * velocity)
        u = observed.likelihood_score(missing, data_variance(t))
        gradient = u + (1 - t) * transposed(u)
        return velocity + (1 - t) / t * GAMMAS[self.gamma](t) * gradient
