r"""Flower: Pourya, El Rawas, Unser, "FLOWER: A Flow-Matching Solver for Inverse Problems", arXiv 2509.26287.

For t = 0, 1/N, …: the expected picture :math:`\hat x_1 = x + (1 - t) v`, taken as a Gaussian of variance
:math:`\nu_t^2 = (1 - t)^2 / ((1 - t)^2 + t^2)`, is refined by what was seen to the mean :math:`m` and covariance
:math:`\Sigma` of the posterior,

.. math:: \Sigma = (\nu_t^{-2} + \sigma^{-2} H^\top H)^{-1}, \qquad
    m = \Sigma\,(\nu_t^{-2} \hat x_1 + \sigma^{-2} H^\top y)
      = \hat x_1 + \nu_t^2 H^\top (\nu_t^2 H H^\top + \sigma^2)^{-1} (y - H \hat x_1),

and put back onto the path at the next time s with new noise,
:math:`x \leftarrow s\,(m + \gamma\kappa) + (1 - s)\,\varepsilon`, :math:`\kappa \sim N(0, \Sigma)`. Several runs are
averaged. Cost: N evaluations a run.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.restoration.base import Restorer, normal_like
from latentinpaint.restoration.observation_models import Observed
from latentinpaint.restoration.velocity_prior import VelocityPrior, data_variance
from latentinpaint.runtime.randomness import draw_normal


@dataclass(frozen=True)
class Flower(Restorer):
    r"""See the module.

    steps: N. samples: runs that are averaged. spread: :math:`\gamma`; 0 leaves :math:`\kappa` out.
    """

    label = "Flower"
    grid = {"spread": (0.0, 1.0), "samples": (1, 5)}

    steps: int = 100
    samples: int = 1
    spread: float = 0.0

    @torch.no_grad()
    def restore(self, prior: VelocityPrior, observed: Observed, generators: Sequence[torch.Generator]) -> Tensor:
        total = observed.blank()
        for _ in range(self.samples):
            x = normal_like(observed, generators)
            for number in range(self.steps):
                t = number / self.steps
                later = (number + 1) / self.steps
                refined = self.refined(observed, prior.data(x, t), t)
                if self.spread > 0:
                    refined = refined + self.spread * self.deviation(observed, t, generators)
                x = later * refined + (1 - later) * normal_like(observed, generators)
            total += x
        return total / self.samples

    def refined(self, observed: Observed, expected: Tensor, t: float) -> Tensor:
        """The posterior's mean (B, C, H, W) around the expected pictures (B, C, H, W)."""
        variance = data_variance(t)
        return expected + variance * observed.likelihood_score(observed.residual(expected), variance)

    def deviation(self, observed: Observed, t: float, generators: Sequence[torch.Generator]) -> Tensor:
        """A draw of N(0, Sigma), (B, C, H, W): the error of the posterior's mean for a drawn picture and noise."""
        variance = data_variance(t)
        picture = variance**0.5 * normal_like(observed, generators)
        noise = observed.noise_std * draw_normal(observed.y, generators)
        return picture - variance * observed.likelihood_score(observed.model(picture) + noise, variance)
