r"""The stochastic refiner: a velocity field that carries noise in the hole to latents of whole pictures.

A path runs from :math:`z_0`, the conditioned latent with standard normal noise in the hole's cells, to the
clean latent :math:`z_1`. Training and inference see the same :math:`z_0`: it is built from the encoding of the
*masked* picture, never of the clean one, because nothing else exists at inference. The network is fed
:math:`z_t`, the time, the hole's cells, their hole area and the whole conditioned latent: its hole cells carry
what overlapping receptive fields saw of the surroundings.

How a latent moves between them is the interpolant's affair, see `courses`.

The network answers the clean latent and the velocity follows from it (`Process.ends_from_data`), for a
velocity holds all the noise of a many-channel latent, which a small network cannot carry through (Li and He,
"Back to Basics: Let Denoising Generative Models Denoise", arXiv 2511.13720). The answer is a correction to the
conditioned latent where a cell is known, and starts from zero where it is all hole.

Loss: the velocity's squared error with one weight a cell, plus the latent L1 on the one-step estimate.
Times are drawn from a logit-normal distribution (Esser et al., arXiv 2403.03206).
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from latentinpaint.errors import InputError
from latentinpaint.interpolants import Trajectory
from latentinpaint.interpolants.objectives import squared_error
from latentinpaint.models.unet import TimeUNet
from latentinpaint.randomness import Generators, draw_normal
from latentinpaint.refiners.base import Condition, Refiner, latent_l1
from latentinpaint.refiners.latent_paths import COURSES, TRAINING_FLOOR


class FlowRefiner(Refiner):
    """A mask-conditioned flow on the latent grid; equal generators give equal samples.

    Args:
        channels: channels of the latent.
        width, multipliers, blocks, attention, dropout: the network, see `TimeUNet`.
        interpolant: "linear", "cosine" or "hadamard", see `courses`.
        hole_weight: weight of the hole's cells over the known ones in the loss, above 0.
        latent_weight: weight of the latent L1 on the one-step estimate beside the velocity's squared error.
        time_mean, time_deviation: of the logit of the training times; a negative mean favours noisy times.
        solver: a key of `latentinpaint.interpolants.SOLVERS`; "euler" for the Hadamard interpolant.
        steps: solver steps when none are asked for, 1 or more.
    """

    stochastic = True

    def __init__(
        self,
        channels: int,
        width: int = 64,
        multipliers: Sequence[int] = (1, 2, 3),
        blocks: int = 2,
        attention: bool = True,
        dropout: float = 0.0,
        interpolant: str = "linear",
        hole_weight: float = 10.0,
        latent_weight: float = 1.0,
        time_mean: float = -1.6,
        time_deviation: float = 1.2,
        solver: str = "euler",
        steps: int = 5,
    ) -> None:
        super().__init__()
        if hole_weight <= 0 or steps < 1:
            raise InputError("a flow's hole_weight is above 0 and its steps start at 1")
        if interpolant not in COURSES:
            raise InputError(f"there is no interpolant '{interpolant}': choose one of {', '.join(COURSES)}")
        self.channels = channels
        self.course = COURSES[interpolant]()
        self._check(solver)
        self.hole_weight, self.latent_weight = hole_weight, latent_weight
        self.time_mean, self.time_deviation = time_mean, time_deviation
        self.solver, self.steps = solver, steps
        seen = 2 * channels + 2 + self.course.maps
        self.network = TimeUNet(seen, channels, width, multipliers, blocks, attention, dropout)

    @property
    def core(self) -> nn.Module:
        return self.network

    def start(self, condition: Condition, generator: Generators = None) -> Tensor:
        """``z_0`` (B, C, h, w): noise in the hole's cells, the conditioned latent elsewhere."""
        noise = draw_normal(condition.latent, generator)
        return torch.where(condition.hole > 0, noise, condition.latent)

    def clean(self, z: Tensor, clock: Tensor, condition: Condition) -> Tensor:
        """The estimate of the clean latent at z (B, C, h, w), where its clock, such as a time (B,), stands."""
        maps, time = self.course.told(clock, condition)
        seen = torch.cat([z, condition.latent, condition.hole, condition.area, *maps], dim=1)
        return (1 - condition.area) * condition.latent + self.network(seen, time)

    def loss(self, z_clean: Tensor, condition: Condition, generator: Generators = None) -> dict[str, Tensor]:
        z_0 = self.start(condition, generator)
        clock = self.course.draw(partial(self.training_times, z_clean), condition, generator)
        z = self.course.point(clock, z_0, z_clean, condition)
        estimate = self.clean(z, clock, condition)
        velocity, target = (
            self.course.velocity(clock, z, end, condition, TRAINING_FLOOR) for end in (estimate, z_clean)
        )
        weight = 1 + (self.hole_weight - 1) * condition.hole
        velocity_loss = squared_error(velocity, target, weight)
        latent_loss = latent_l1(estimate, z_clean, weight)
        return {
            "loss": velocity_loss + self.latent_weight * latent_loss,
            "velocity": velocity_loss,
            "latent": latent_loss,
        }

    def training_times(self, like: Tensor, count: int = 1, generator: Generators = None) -> Tensor:
        """Times (B, count) in (0, 1), logit-normal, for the rows of `like`."""
        logits = draw_normal(like.new_empty(len(like), count), generator)
        return torch.sigmoid(self.time_mean + self.time_deviation * logits)

    def sample(
        self,
        condition: Condition,
        generator: Generators = None,
        steps: int | None = None,
        solver: str | None = None,
    ) -> Trajectory:
        """Go from the start to the data; also tells the number of network evaluations."""
        solver = solver or self.solver
        self._check(solver)
        start = self.start(condition, generator)
        return self.course.follow(self.clean, start, condition, solver, self.steps if steps is None else steps)

    def _check(self, solver: str) -> None:
        if solver not in self.course.solvers:
            raise InputError(f"there is no solver '{solver}' here: choose one of {', '.join(self.course.solvers)}")

    def refine(self, condition: Condition, generator: Generators = None, steps: int | None = None) -> Tensor:
        return self.sample(condition, generator, steps).final
