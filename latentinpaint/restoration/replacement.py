r"""Replacement of what was seen at every step, the weak baselines: plain, and with resampling as in RePaint (Lugmayr,
Danelljan, Romero, Yu, Timofte, Van Gool, arXiv 2201.09865, algorithm 1).

A step of Euler's leads from t to s = t + 1/N; then what was seen is put in its place, at the noise of that time,

.. math:: x_s \leftarrow x_s + H^+\bigl(y_s - H x_s\bigr), \qquad y_s = s y + (1 - s) H\varepsilon .

RePaint goes back from s to t and repeats the step, so that the hidden part can agree with the seen one,

.. math:: x_t = \tfrac ts x_s + \sqrt{(1-t)^2 - \tfrac{t^2}{s^2}(1-s)^2}\;\varepsilon,

which has the distribution of the path at t. The result is not that of the posterior, however many steps there are.
Cost: N evaluations for every time that a step is done.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.restoration.base import Restorer, normal_like
from latentinpaint.restoration.observation_models import Observed
from latentinpaint.restoration.velocity_prior import VelocityPrior


@dataclass(frozen=True)
class Replacement(Restorer):
    """See the module.

    steps: N. repeats: how often each step is done.
    """

    label = "replace"

    steps: int = 100
    repeats: int = 1

    @torch.no_grad()
    def restore(self, prior: VelocityPrior, observed: Observed, generators: Sequence[torch.Generator]) -> Tensor:
        x = normal_like(observed, generators)
        for number in range(self.steps):
            t = number / self.steps
            later = (number + 1) / self.steps
            for repeat in range(self.repeats):
                if repeat > 0:
                    x = _earlier(x, later, t, normal_like(observed, generators))
                x = x + prior.at(x, t) / self.steps
                x = self._replaced(observed, x, later, normal_like(observed, generators))
        return x

    def _replaced(self, observed: Observed, x: Tensor, t: float, noise: Tensor) -> Tensor:
        return x + observed.model.pseudo_inverse(observed.noised(noise, t) - observed.model(x))


@dataclass(frozen=True)
class Resampling(Replacement):
    """Replacement with every step repeated."""

    label = "RePaint-style resampling"
    grid = {"repeats": (3, 10)}

    repeats: int = 10


def _earlier(x: Tensor, t: float, earlier: float, noise: Tensor) -> Tensor:
    """A state at time t brought back to an earlier time by noise."""
    ratio = earlier / t
    return ratio * x + math.sqrt((1 - earlier) ** 2 - (ratio * (1 - t)) ** 2) * noise
