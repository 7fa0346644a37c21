"""The Hadamard flow: every entry has a time of its own, and what was seen is at its own level of noise throughout.

Negrel, Coeurdoux, Albergo, Vanden-Eijnden, arXiv 2508.04605: with noise the posterior by the quadratic reward of the
observation (20, 21, 53-55), without noise the path whose seen entries are data from the beginning (9-11). Exact up
to the model and the steps. One step gives the expected picture, many steps a draw of the posterior: state their
number with every figure. Cost: one evaluation a step.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from latentinpaint.flows import HadamardFlow
from latentinpaint.restoration.base import Report, Restorer
from latentinpaint.restoration.observation_models import Observed
from latentinpaint.restoration.velocity_prior import VelocityPrior


@dataclass(frozen=True)
class HadamardPosterior(Restorer):
    """See the module.

    steps: of Euler's. epsilon: rate of the noise that is added on the way.
    """

    label = "Hadamard flow"
    grid = {"steps": (1, 10, 80)}
    of_hadamard = True
    masks_only = True

    steps: int = 80
    epsilon: float = 0.0

    def restore(
        self, prior: VelocityPrior, observed: Observed, generators: Sequence[torch.Generator], report: Report
    ) -> Tensor:
        flow = prior.flow
        known = observed.model.known
        assert isinstance(flow, HadamardFlow)
        assert known is not None
        hole = (1 - known).to(observed.y).expand(len(observed), 1, *observed.shape[1:])
        config = replace(
            flow.sampler,
            solver="euler",
            steps=self.steps,
            epsilon=self.epsilon,
            generator=list(generators),
            progress=report,
        )
        if observed.noise_std == 0:
            return flow.inpaint(observed.y, hole, config).x
        return flow.posterior(observed.y, hole, observed.noise_std, config).x
