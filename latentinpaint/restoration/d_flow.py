r"""D-Flow: Ben-Hamu, Puny, Gat, Karrer, Singer, Lipman, "D-Flow: Differentiating through Flows for Controlled
Generation", arXiv 2402.14017.

The noise z is sought whose picture T(z), the flow's by a few midpoint steps, explains what was seen:

.. math:: \min_z |H T(z) - y|^2 + \lambda \bigl[\tfrac12 |z|^2 - (d - 1)\log(|z| + 10^{-5})\bigr],

the bracket being the negative logarithm of the density of the norm of d normal numbers. It begins at
:math:`\sqrt b\,T^{-1}(H^\top y) + \sqrt{1 - b}\,\varepsilon`, and LBFGS with a strong Wolfe line search improves it.
Every item is minimised by itself, so that its line search does not depend on its neighbours. Memory holds the
intermediate results of one step of the solver. Cost: two evaluations a step and trial, with their derivatives: up to
some 25 trials an iteration.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.restoration.base import Restorer, normal_like
from latentinpaint.restoration.observation_models import Observed
from latentinpaint.restoration.velocity_prior import VelocityPrior

HISTORY = 100


@dataclass(frozen=True)
class DFlow(Restorer):
    r"""See the module.

    steps: midpoint steps of T. iterations: of the optimiser. trials: inner iterations of LBFGS in each.
    weight: :math:`\lambda`. blend: b, from 0 to 1.
    """

    label = "D-Flow"
    grid = {"iterations": (3, 9, 20), "weight": (0.001, 0.01)}

    steps: int = 5
    iterations: int = 9
    trials: int = 20
    weight: float = 0.001
    blend: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.blend > 1:
            raise InputError(f"blend is a share from 0 to 1, not {self.blend}")

    def restore(self, prior: VelocityPrior, observed: Observed, generators: Sequence[torch.Generator]) -> Tensor:
        restored = []
        for number in range(len(observed)):
            one = observed.item(number)
            start = self.start(prior, one, generators[number : number + 1])
            noise = self.minimise(prior, one, start)
            with torch.no_grad():
                restored.append(prior.carry(noise, self.steps))
        return torch.cat(restored)

    def start(self, prior: VelocityPrior, observed: Observed, generators: Sequence[torch.Generator]) -> Tensor:
        """The first noise (B, C, H, W)."""
        noise = normal_like(observed, generators)
        if self.blend == 0:
            return noise
        found = prior.back(observed.model.adjoint(observed.y))
        return math.sqrt(self.blend) * found + math.sqrt(1 - self.blend) * noise

    def objective(self, prior: VelocityPrior, observed: Observed, noise: Tensor) -> Tensor:
        """What is minimised, (B,)."""
        misfit = observed.residual(prior.carry(noise, self.steps)).square().flatten(1).sum(dim=1)
        norm = noise.square().flatten(1).sum(dim=1).sqrt()
        entries = noise[0].numel()
        return misfit + self.weight * (0.5 * norm.square() - (entries - 1) * torch.log(norm + 1e-5))

    def minimise(self, prior: VelocityPrior, observed: Observed, start: Tensor) -> Tensor:
        """The noise of one item, (1, C, H, W)."""
        noise = start.clone().requires_grad_(True)
        optimiser = torch.optim.LBFGS(
            [noise], max_iter=self.trials, history_size=HISTORY, line_search_fn="strong_wolfe"
        )

        def loss() -> Tensor:
            optimiser.zero_grad()
            with torch.enable_grad():
                value = self.objective(prior, observed, noise).sum()
                value.backward()
            return value

        for _ in range(self.iterations):
            optimiser.step(loss)
        return noise.detach()
