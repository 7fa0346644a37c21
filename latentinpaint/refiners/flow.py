r"""The stochastic refiner: a velocity field that carries noise in the hole to latents of whole pictures.

A path runs from :math:`z_0`, the conditioned latent with standard normal noise in the hole's cells, to the
clean latent :math:`z_1`. Training and inference see the same :math:`z_0`: it is built from the encoding of the
*masked* picture, never of the clean one, because nothing else exists at inference. The network is fed
:math:`z_t`, the time, the hole's cells, their hole area and the whole conditioned latent: its hole cells carry
what overlapping receptive fields saw of the surroundings.

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
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.interpolants import SCHEDULES, SOLVERS, Process, Scalar, ScheduledPath, Trajectory, integrate
from latentinpaint.interpolants.objectives import squared_error
from latentinpaint.models.unet import TimeUNet
from latentinpaint.randomness import Generators, draw_normal
from latentinpaint.refiners.base import Condition, Refiner, latent_l1

# The smallest alpha in the loss: the velocity's weight would grow without bound towards the data.
TRAINING_FLOOR = 0.05


class FlowRefiner(Refiner):
    """A mask-conditioned flow on the latent grid; equal generators give equal samples.

    Args:
        channels: channels of the latent.
        width, multipliers, blocks, attention, dropout: the network, see `TimeUNet`.
        schedule: "linear" or "cosine".
        hole_weight: weight of the hole's cells over the known ones in the loss, above 0.
        latent_weight: weight of the latent L1 on the one-step estimate beside the velocity's squared error.
        time_mean, time_deviation: of the logit of the training times; a negative mean favours noisy times.
        solver: a key of `latentinpaint.interpolants.SOLVERS`.
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
        schedule: str = "linear",
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
        if schedule not in SCHEDULES:
            raise InputError(f"there is no schedule '{schedule}': choose one of {', '.join(SCHEDULES)}")
        if solver not in SOLVERS:
            raise InputError(f"there is no solver '{solver}': choose one of {', '.join(SOLVERS)}")
        self.channels = channels
        self.arguments = dict(
            channels=channels,
            width=width,
            multipliers=list(multipliers),
            blocks=blocks,
            attention=attention,
            dropout=dropout,
            schedule=schedule,
            hole_weight=hole_weight,
            latent_weight=latent_weight,
            time_mean=time_mean,
            time_deviation=time_deviation,
            solver=solver,
            steps=steps,
        )
        self.path = ScheduledPath(SCHEDULES[schedule]())
        self.hole_weight, self.latent_weight = hole_weight, latent_weight
        self.time_mean, self.time_deviation = time_mean, time_deviation
        self.solver, self.steps = solver, steps
        self.network = TimeUNet(2 * channels + 2, channels, width, multipliers, blocks, attention, dropout)

    def start(self, condition: Condition, generator: Generators = None) -> Tensor:
        """``z_0`` (B, C, h, w): noise in the hole's cells, the conditioned latent elsewhere."""
        noise = draw_normal(condition.latent, generator)
        return torch.where(condition.hole > 0, noise, condition.latent)

    def clean(self, z_t: Tensor, t: Tensor, condition: Condition) -> Tensor:
        """The estimate of the clean latent at ``z_t`` (B, C, h, w), t (B,)."""
        seen = torch.cat([z_t, condition.latent, condition.hole, condition.area], dim=1)
        return (1 - condition.area) * condition.latent + self.network(seen, t)

    def velocity(self, z_t: Tensor, t: Tensor, condition: Condition, floor: float | None = None) -> Tensor:
        """The velocity field at ``z_t`` (B, C, h, w), t (B,); `floor` is the smallest alpha that is divided by."""
        return self._velocity_to(self.clean(z_t, t, condition), z_t, t, TRAINING_FLOOR if floor is None else floor)

    def loss(self, z_clean: Tensor, condition: Condition, generator: Generators = None) -> dict[str, Tensor]:
        z_0 = self.start(condition, generator)
        t = self.training_times(z_clean, generator)
        z_t = self.path.at(t).point(z_0, z_clean)
        estimate = self.clean(z_t, t, condition)
        velocity, target = (self._velocity_to(end, z_t, t, TRAINING_FLOOR) for end in (estimate, z_clean))
        weight = 1 + (self.hole_weight - 1) * condition.hole
        velocity_loss = squared_error(velocity, target, weight)
        latent_loss = latent_l1(estimate, z_clean, weight)
        return {
            "loss": velocity_loss + self.latent_weight * latent_loss,
            "velocity": velocity_loss,
            "latent": latent_loss,
        }

    def training_times(self, like: Tensor, generator: Generators = None) -> Tensor:
        """Times (B,) in (0, 1), logit-normal, for the rows of `like`."""
        logits = draw_normal(like.new_empty(len(like), 1), generator).squeeze(1)
        return torch.sigmoid(self.time_mean + self.time_deviation * logits)

    def sample(
        self,
        condition: Condition,
        generator: Generators = None,
        steps: int | None = None,
        solver: str | None = None,
    ) -> Trajectory:
        """Integrate from the start to the data; also tells the number of network evaluations."""
        method = solver or self.solver
        steps = self.steps if steps is None else steps
        adaptive = method in SOLVERS and SOLVERS[method].adaptive
        # Training holds the velocity's weight down near the data; sampling with the same floor would leave a
        # floor / e of the noise there. Half a step is the smallest alpha before the last one, which only rk4 asks at.
        floor = min(TRAINING_FLOOR, 0.005 if adaptive else 0.5 / max(1, steps))
        starts, conditions = [self.start(condition, generator)], [condition]
        if adaptive:
            # Its rows are solved one by one, so each takes its own row of the condition along.
            starts, conditions = starts[0].split(1), condition.split()
        runs = [
            integrate(partial(self.velocity, condition=given, floor=floor), start, method=method, steps=steps)
            for start, given in zip(starts, conditions, strict=True)
        ]
        return Trajectory(torch.cat([run.final for run in runs]), max(run.evaluations for run in runs))

    def _velocity_to(self, z_clean: Tensor, z_t: Tensor, t: Tensor, floor: float) -> Tensor:
        """The velocity at ``z_t`` towards a clean latent, with alpha held above `floor` so that it stays finite."""
        process = self.path.at(t)
        held = Process(Scalar(process.alpha.values.clamp(min=floor)), process.beta)
        return self.path.velocity(held.ends_from_data(z_t, z_clean), t)

    def refine(self, condition: Condition, generator: Generators = None, steps: int | None = None) -> Tensor:
        return self.sample(condition, generator, steps).final
