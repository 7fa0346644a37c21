r"""Guidance by the gradient of the misfit, in the manner of diffusion posterior sampling: Chung, Kim, Mccann, Klasky,
Ye, "Diffusion Posterior Sampling for General Noisy Inverse Problems", arXiv 2209.14687, algorithm 1, on a flow's ODE.

With every step of Euler's the state descends along the gradient of the distance of what was seen to what is expected,

.. math:: x \leftarrow x + h v - \zeta\,\nabla_x |y - H \hat x_1|, \qquad \hat x_1 = x + (1 - t) v,

from standard normal noise; the step is the paper's :math:`\zeta / |y - H \hat x_1|` times the gradient of the square.
Cost: N evaluations with as many transposed derivatives.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.restoration.base import Restorer, normal_like
from latentinpaint.restoration.observation_models import Observed
from latentinpaint.restoration.velocity_prior import VelocityPrior

SMALLEST_NORM = 1e-12


@dataclass(frozen=True)
class Guidance(Restorer):
    r"""See the module.

    steps: N. strength: :math:`\zeta`.
    """

    label = "DPS-style guidance"
    grid = {"strength": (0.1, 0.3, 1.0)}

    steps: int = 100
    strength: float = 0.3

    @torch.no_grad()
    def restore(self, prior: VelocityPrior, observed: Observed, generators: Sequence[torch.Generator]) -> Tensor:
        x = normal_like(observed, generators)
        for number in range(self.steps):
            t = number / self.steps
            velocity, transposed = prior.pullback(x, t)
            missing = observed.residual(x + (1 - t) * velocity)
            norm = missing.flatten(1).norm(dim=1).clamp(min=SMALLEST_NORM)
            u = observed.model.adjoint(missing) / norm.view(-1, 1, 1, 1)
            x = x + velocity / self.steps + self.strength * (u + (1 - t) * transposed(u))
        return x
