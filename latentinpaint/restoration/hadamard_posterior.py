"""The Hadamard flow: every entry has a time of its own, and what was seen is at its own level of noise throughout.

Negrel, Coeurdoux, Albergo, Vanden-Eijnden, arXiv 2508.04605: with noise the posterior by the quadratic reward of the
observation (20, 21, 53-55), without noise the path whose seen entries are data from the beginning (9-11). Exact up
to the model and the steps. One step gives the expected picture, many steps a draw of the posterior: state their
number with every figure. Cost: one evaluation a step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.flows import HadamardFlow, SamplerConfig
from latentinpaint.restoration.base import Restorer
from latentinpaint.restoration.observation_models import Observed
from latentinpaint.restoration.velocity_prior import VelocityPrior


@dataclass(frozen=True)
class HadamardPosterior(Restorer):
    """See the module.

    steps: of Euler's.
    """

    label = "Hadamard flow"
    grid = {"steps": (1, 10, 80)}
    of_hadamard = True
    masks_only = True

    steps: int = 80

    def restore(self, prior: VelocityPrior, observed: Observed, generators: Sequence[torch.Generator]) -> Tensor:
        flow = prior.flow
        known = observed.model.known
        assert isinstance(flow, HadamardFlow)
        assert known is not None
        hole = (1 - known).to(observed.y).expand(len(observed), 1, *observed.shape[1:])
        config = SamplerConfig("euler", self.steps, generator=list(generators))
        if observed.noise_std == 0:
            return flow.inpaint(observed.y, hole, config).x
        return flow.posterior(observed.y, hole, observed.noise_std, config).x
