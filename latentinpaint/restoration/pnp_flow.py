r"""PnP-Flow: Martin, Gagneux, Hagemann, Steidl, "PnP-Flow: Plug-and-Play Image Restoration with Flow Matching",
arXiv 2410.02423, algorithm 3.

The data are approached by a gradient step, the step's result is put back onto the flow's path at time t, and the
flow's denoiser :math:`D_t(u) = u + (1 - t)\,v(u, t)` takes it to the pictures. For t = 0, 1/N, …, 1 - 1/N,

.. math:: z = x - (1 - t)^a H^\top (H x - y), \qquad
    x \leftarrow \frac1J \sum_{j=1}^J D_t\bigl(t z + (1 - t)\,\varepsilon_j\bigr).

The step is :math:`\sigma^2 (1 - t)^a` times the gradient of :math:`|H x - y|^2 / 2\sigma^2`. It begins at
:math:`H^\top 1`. Cost: N J evaluations.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.restoration.base import Restorer, normal_like
from latentinpaint.restoration.observation_models import Observed
from latentinpaint.restoration.velocity_prior import VelocityPrior


@dataclass(frozen=True)
class PnPFlow(Restorer):
    """See the module.

    steps: N. samples: J. exponent: a, of the gradient's step.
    """

    label = "PnP-Flow"
    grid = {"exponent": (0.01, 0.1, 0.3, 0.5, 1.0)}

    steps: int = 100
    samples: int = 5
    exponent: float = 0.5

    @torch.no_grad()
    def restore(self, prior: VelocityPrior, observed: Observed, generators: Sequence[torch.Generator]) -> Tensor:
        x = observed.model.adjoint(torch.ones_like(observed.y))
        for number in range(self.steps):
            t = number / self.steps
            z = x + (1 - t) ** self.exponent * observed.model.adjoint(observed.residual(x))
            total = torch.zeros_like(x)
            for _ in range(self.samples):
                total += prior.data(t * z + (1 - t) * normal_like(observed, generators), t)
            x = total / self.samples
        return x
