r"""The stochastic refiner: a velocity field that carries noise in the hole to latents of whole pictures.

A path runs from :math:`z_0`, the conditioned latent with standard normal noise in the hole's cells, or with noise
that is measured (`residual_noise`), to the clean latent :math:`z_1`. Training and inference see the same
:math:`z_0`: it is built from the encoding of the *masked* picture, never of the clean one, because nothing else
exists at inference. The network is fed :math:`z_t`, the time, the hole's cells, their hole area and the whole
conditioned latent: its hole cells carry what overlapping receptive fields saw of the surroundings.

How a latent moves between the two is the interpolant's choice, see `latent_paths`.

The network predicts the clean latent (x1-prediction), and `Process.endpoints_from_data` gives the velocity from it:
a velocity holds all the noise of a many-channel latent, which a small network cannot carry through (Li and He,
"Back to Basics: Let Denoising Generative Models Denoise", arXiv 2511.13720). The network's output is a correction to
the conditioned latent where a cell is known, and the whole prediction where a cell is all hole, unless the known
cells are continued into the hole.

Loss: the velocity's squared error with one weight a cell, plus the latent L1 on the one-step estimate, at
`training_times`.

Long steps are learnt too where the refiner has `shortcuts`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from latentinpaint.errors import InputError, check_above_zero, choose, whole_number
from latentinpaint.interpolants import Solution
from latentinpaint.interpolants.objectives import hole_weights, squared_error
from latentinpaint.interpolants.time_grids import TIME_GRIDS
from latentinpaint.models.unet import TimeUNet
from latentinpaint.refiners.base import Condition, Refiner, latent_l1
from latentinpaint.refiners.latent_paths import ALPHA_MIN, PATHS, Sampling
from latentinpaint.refiners.origins import FirstFill, make_origin
from latentinpaint.refiners.residual_noise import ResidualNoise
from latentinpaint.refiners.shortcuts import (
    Jump,
    check_finest,
    follow_shortcuts,
    shortcut_aims,
    shortcut_counts,
    some_shortcuts,
)
from latentinpaint.refiners.training_times import TrainingTimes, check_share, draw_uniform
from latentinpaint.runtime.randomness import Generators, draw_normal

# What is added to the continuation in the hole, for a number of channels; None takes its place.
NOISES: dict[str, Callable[[int], ResidualNoise | None]] = {"white": lambda channels: None, "residual": ResidualNoise}
FIRST_REFINER = "origin.refiner."  # of the names of its weights
FIRST_OF_TIME = "network.embed.0.weight"  # of the layer that reads the times, (…, features of all of them)


class FlowRefiner(Refiner):
    """A mask-conditioned flow on the latent grid; equal generators give equal samples.

    Args:
        channels: channels of the latent.
        width, multipliers, blocks, attention, dropout: the network, see `TimeUNet`.
        interpolant: "linear", "cosine" or "hadamard", see `latent_paths`.
        hole_weight: weight of the hole's cells over the known ones in the loss, above 0.
        latent_weight: weight of the latent L1 on the one-step estimate beside the velocity's squared error.
        time_mean, time_deviation: mean and standard deviation of the logit of the training times; a negative mean
            favours noisy times.
        uniform_times: share of the training times that is uniform instead, in [0, 1]: the last steps of a solver lie
            where a negative mean leaves few.
        solver: "euler", "midpoint", "heun" or "exponential" (`path_solvers`), or "rk4" or "dopri5" (`solvers`);
            "euler" for the Hadamard interpolant. All but Euler's evaluate several times a step.
        steps: default number of solver steps, 1 or more.
        grid: where the steps lie: "uniform", "power" or "trained", see `interpolants.time_grids`.
        churn: rate of the noise that is added in the hole while sampling, see `latent_paths.Sampling`; with 1 and
            Euler's method few steps have about the right spread, with the midpoint rule it is better left at 0.
        continued: whether the network reads, and corrects in the hole too, the smooth continuation of the known
            cells (`continuation`) in place of what the encoder made of the blank hole.
        skip: whether z itself is a part of the prediction, in proportion to the data in it: near the data the network
            does not have to let all of z through, and the velocity's error is bounded from the beginning.
        shortcuts: how many of the shortest shortcuts lead from noise to data, a power of two; that many steps, or a
            lower power of two, then take one evaluation each (`shortcuts`), and neither solver, grid nor churn
            matter. 0 is none. Linear interpolant only.
        shortcut_share: share of the training samples that teach shortcuts, in [0, 1]; the others teach the flow.
        noise: what the path starts from in the hole: "white", standard normal noise; or "residual", the smooth
            continuation, or the first fill, and noise with the covariance of what it misses (`residual_noise`), which
            is measured before training. The second needs one of them, and no churn.
        first: arguments of an `FFCRefiner` without its channels, whose fill and expected error the network reads in
            place of the continuation; the flow is of what that fill misses (`origins`). Training starts from a
            model with that refiner.

    Raises:
        InputError: if a number is out of range, a name is none of these, or two arguments exclude each other.
    """

    stochastic = True
    integrates = True

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
        uniform_times: float = 0.0,
        solver: str = "euler",
        steps: int = 5,
        grid: str = "uniform",
        churn: float = 0.0,
        continued: bool = False,
        skip: bool = False,
        shortcuts: int = 0,
        shortcut_share: float = 0.5,
        noise: str = "white",
        first: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        check_above_zero("hole_weight", hole_weight)
        whole_number("channels", channels, 1)
        whole_number("steps", steps, 1)
        self.latent_path = choose(PATHS, interpolant, "interpolant")()
        check_finest(shortcuts)
        if shortcuts > 0 and interpolant != "linear":
            raise InputError(f"shortcuts are learnt for the linear interpolant, not for {interpolant}")
        check_share("shortcut_share", shortcut_share)
        make_noise = choose(NOISES, noise, "noise")
        if noise == "residual" and (churn > 0 or not (continued or first is not None)):
            raise InputError(
                "noise residual is added to a continuation or a first fill: set continued to true, and churn to 0"
            )
        self.channels = channels
        self.noise = noise
        self.residual_noise = make_noise(channels)
        self.hole_weight = hole_weight
        self.latent_weight = latent_weight
        self.times = TrainingTimes(time_mean, time_deviation, uniform_times)
        self.solver = solver
        self.steps = steps
        self.grid = grid
        self.churn = churn
        self.continued = continued
        self.origin = make_origin(channels, continued, first)
        self.skip = skip
        self.shortcuts = shortcuts
        self.shortcut_share = shortcut_share
        self._sampling(solver, steps)  # what cannot be sampled is not trained either
        read = 2 * channels + 2 + self.latent_path.num_time_maps + int(self.origin.predicts_error)
        times = 2 if shortcuts > 0 else 1  # when a step begins, and how long it is
        self.network = TimeUNet(read, channels, width, multipliers, blocks, attention, dropout, times)

    @property
    def core(self) -> nn.Module:
        return self.network

    def start(self, condition: Condition, generator: Generators = None) -> Tensor:
        """``z_0`` (B, C, h, w): noise in the hole's cells, the conditioned latent elsewhere."""
        known = self.origin.to_flow(condition.latent, condition)
        if self.residual_noise is None:
            noise = draw_normal(known, generator)
        else:
            noise = known + self.residual_noise.draw(known, generator)
        return torch.where(condition.hole > 0, noise, known)

    @property
    def needs_measuring(self) -> bool:
        """See `Refiner`: once only, also where training goes on from a model."""
        return self.residual_noise is not None and not self.residual_noise.measured.item()

    def measure(self, examples: Iterable[tuple[Tensor, Condition]]) -> None:
        if self.residual_noise is not None:
            self.residual_noise.measure(map(self._missed, examples))

    def _missed(self, example: tuple[Tensor, Condition]) -> tuple[Tensor, Tensor]:
        """What is added to the known, (B, C, h, w), and where, (B, 1, h, w)."""
        z_clean, condition = example
        condition = self.origin.prepare(condition)
        known = self.origin.to_flow(condition.latent, condition)
        return self.origin.to_flow(z_clean, condition) - known, condition.hole

    @property
    def rests_on_start(self) -> bool:
        return isinstance(self.origin, FirstFill)

    def predict_data(self, z: Tensor, t: Tensor, condition: Condition, length: Tensor | None = None) -> Tensor:
        """The clean latent as the network predicts it from z (B, C, h, w).

        Args:
            z: the latent at a time.
            t: a time of the latent path.
            condition: as the origin prepares it.
            length: (B,), of the shortcut that the prediction is for; None is the flow itself.
        """
        time_maps, time = self.latent_path.network_inputs(t, condition)
        if self.shortcuts > 0:
            if length is None:
                length = torch.zeros_like(time)
            time = torch.stack([time, length], dim=1)
        maps = [condition.hole, condition.area, *time_maps]
        if condition.error is not None:
            maps.append(condition.error.log().to(z))
        correction = self.network(torch.cat([z, condition.latent, *maps], dim=1), time)
        known = self.origin.to_flow(condition.latent, condition)
        if not self.continued:
            known = (1 - condition.area) * known
        if self.skip:
            known = torch.lerp(known, z, self.latent_path.data_share(t).to(z))
        return known + correction

    def loss(self, z_clean: Tensor, condition: Condition, generator: Generators = None) -> dict[str, Tensor]:
        path = self.latent_path
        condition = self.origin.prepare(condition)
        z_clean = self.origin.to_flow(z_clean, condition)
        z_0 = self.start(condition, generator)
        t = path.sample_times(partial(self.times.sample, z_clean), condition, generator)
        length: Tensor | None = None
        if self.shortcuts > 0:
            numbers = draw_uniform(t.new_empty(len(t), 3), generator)
            t, length = some_shortcuts(t, numbers, self.shortcuts, self.shortcut_share)
        z = path.interpolate(t, z_0, z_clean, condition)
        aim = z_clean
        if length is not None:
            aim = shortcut_aims(partial(self._jump, condition), z, t, length, z_clean, self.shortcuts)
        prediction = self.predict_data(z, t, condition, length)
        velocity = path.velocity(t, z, prediction, condition, ALPHA_MIN)
        target = path.velocity(t, z, aim, condition, ALPHA_MIN)
        weight = hole_weights(condition.hole, self.hole_weight)
        velocity_loss = squared_error(velocity, target, weight)
        latent_loss = latent_l1(prediction, aim, weight)
        return {
            "loss": velocity_loss + self.latent_weight * latent_loss,
            "velocity": velocity_loss,
            "latent": latent_loss,
        }

    def _jump(self, condition: Condition, items: Sequence[int] | None = None) -> Jump:
        """The predictions for a condition, or for some of its items."""
        if items is not None:
            condition = condition.select(items)
        return lambda z, t, length: self.predict_data(z, t, condition, length)

    def adopted(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """A flow's weights for one with shortcuts, or a first fill's for a flow that has it.

        Whatever a shortcut's length, it predicts as the flow does; a flow on a first fill begins untrained.
        """
        own = self.state_dict()
        if isinstance(self.origin, FirstFill) and FIRST_OF_TIME not in weights:
            adopted = self.origin.refiner.adopted(weights)
            return {**own, **{f"{FIRST_REFINER}{name}": value for name, value in adopted.items()}}
        first = weights.get(FIRST_OF_TIME)
        if self.shortcuts == 0 or first is None or 2 * first.shape[1] != own[FIRST_OF_TIME].shape[1]:
            return weights
        return {**weights, FIRST_OF_TIME: torch.cat([first, torch.zeros_like(first)], dim=1)}

    def sample(
        self,
        condition: Condition,
        generator: Generators = None,
        steps: int | None = None,
        solver: str | None = None,
    ) -> Solution:
        """Integrate from the start to the data; the result also counts the network's evaluations.

        Without a solver, as many steps as shortcuts were learnt for are taken by them.
        """
        return self._sample(self.origin.prepare(condition), generator, steps, solver)

    def refine(self, condition: Condition, generator: Generators = None, steps: int | None = None) -> Tensor:
        return self.sample(condition, generator, steps).x

    def refine_with_error(
        self, condition: Condition, generator: Generators = None, steps: int | None = None
    ) -> tuple[Tensor, Tensor | None]:
        condition = self.origin.prepare(condition)
        return self._sample(condition, generator, steps).x, condition.error

    def _sample(
        self, condition: Condition, generator: Generators, steps: int | None, solver: str | None = None
    ) -> Solution:
        """`sample` for a condition as the origin prepares it."""
        if steps is None:
            steps = self.steps
        start = self.start(condition, generator)
        if solver is None and steps in shortcut_counts(self.shortcuts):
            found = follow_shortcuts(self._jump(condition), start, steps)
        else:
            sampling = self._sampling(solver or self.solver, steps, generator)
            found = self.latent_path.integrate(self.predict_data, start, condition, sampling)
        return replace(found, x=self.origin.from_flow(found.x, condition))

    def _sampling(self, solver: str, steps: int, generator: Generators = None) -> Sampling:
        choose(self.latent_path.solvers, solver, "solver")
        times = choose(TIME_GRIDS, self.grid, "grid")(steps, self.times.share_before)
        return Sampling(solver, times, self.churn, generator)
