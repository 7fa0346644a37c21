r"""Flow-Priors: Zhang, Yu, Zhu, Chang, Gao, Wu, Leong, "Flow Priors for Linear Inverse Problems via Iterative
Corrupted Trajectory Matching", arXiv 2405.18816, algorithm 1.

The most probable picture is sought step by step along the path. With a fixed :math:`x_0 \sim N(0, 1)`, the times
:math:`t = \epsilon + (1 - \epsilon) i / N` and :math:`h = 1/N`, every state is improved by K steps of Adam, begun
anew at each time, on

.. math:: \lambda\,|H(x + h v) - y_{t+h}|^2 + h\,\mathrm{tr}\,\partial_x v, \qquad
    y_t = t y + (1 - t) H x_0,

plus :math:`|x|^2 / 2` at the first time; at the others the negative score :math:`(x - t v) / (1 - t)` is added to the
gradient. Then :math:`x \leftarrow x + h v`. The trace is Hutchinson's estimate with one probe of signs. A first step
of Adam has the size of its rate in every entry: K = 1 is a step along the gradient's signs. Cost: N (K + 1)
evaluations, of which N K with second derivatives.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from latentinpaint.restoration.base import Restorer, normal_like
from latentinpaint.restoration.observation_models import Observed
from latentinpaint.restoration.velocity_prior import VelocityPrior

FIRST_TIME = 1e-3


@dataclass(frozen=True)
class FlowPriors(Restorer):
    r"""See the module.

    steps: N. inner: K. weight: :math:`\lambda`. rate: of Adam.
    """

    label = "Flow-Priors"
    grid = {"weight": (100.0, 1000.0, 10000.0), "rate": (0.01, 0.1)}

    steps: int = 100
    inner: int = 1
    weight: float = 10000.0
    rate: float = 0.01

    def restore(self, prior: VelocityPrior, observed: Observed, generators: Sequence[torch.Generator]) -> Tensor:
        noise = normal_like(observed, generators)
        x = noise.clone()
        for number in range(self.steps):
            t = FIRST_TIME + (1 - FIRST_TIME) * number / self.steps
            optimiser = torch.optim.Adam([x], lr=self.rate)
            for _ in range(self.inner):
                probe = torch.where(normal_like(observed, generators) < 0, -1.0, 1.0).to(x)
                x.grad = self.gradient(prior, observed, noise, x, t, number == 0, probe)
                optimiser.step()
            with torch.no_grad():
                x = x + prior.at(x, t) / self.steps
        return x

    def gradient(
        self,
        prior: VelocityPrior,
        observed: Observed,
        noise: Tensor,
        x: Tensor,
        t: float,
        is_first: bool,
        probe: Tensor,
    ) -> Tensor:
        """What Adam descends by, (B, C, H, W): at x, with the path's noise and signs for the trace."""
        step = 1 / self.steps
        target = observed.noised(noise, t + step)

        def objective(point: Tensor) -> tuple[Tensor, Tensor]:
            velocity, transposed = prior.pullback(point, t)
            misfit = (observed.model(point + step * velocity) - target).square().sum()
            trace = (probe * transposed(probe)).sum()
            return self.weight * misfit + step * trace, velocity

        # The fused kernels of attention have no second derivative.
        with sdpa_kernel(SDPBackend.MATH):
            gradient, velocity = torch.func.grad(objective, has_aux=True)(x)
        if is_first:
            return gradient + x
        return gradient + (x - t * velocity) / (1 - t)
