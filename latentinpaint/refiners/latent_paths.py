r"""Latent paths: how a flow refiner gets from noise in the hole to the clean latent.

A path says which times a network is trained at, which latent :math:`z_t` lies at a time between noise :math:`z_0` and
clean latent :math:`z_1`, what the network reads beside it, and how to integrate from :math:`z_0` to :math:`z_1`.

- On a `ScheduledLatentPath` a sample has one time t, and every cell moves: the known cells go from what the encoder
  made of the masked picture to the clean latent.
- On the `HadamardLatentPath` every cell of the hole has a noise level of its own, alpha from 1 (noise) to 0 (data),

  .. math:: z_\alpha = \alpha \odot \varepsilon + (1 - \alpha) \odot z_1,

  the known cells stay as encoded until the end, and the network reads the map of alphas (Negrel et al., arXiv
  2508.04605, equation 9).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.errors import InputError, check_at_least
from latentinpaint.interpolants import (
    PATH_SOLVERS,
    SOLVERS,
    Cosine,
    Endpoints,
    HadamardPath,
    Linear,
    Process,
    Scalar,
    Schedule,
    ScheduledPath,
    Solution,
    integrate,
    integrate_path,
)
from latentinpaint.interpolants.operators import Hadamard
from latentinpaint.interpolants.path_solvers import ExponentialMidpoint, PathSolver, ScaledNoise
from latentinpaint.refiners.base import Condition
from latentinpaint.runtime.progress import report
from latentinpaint.runtime.randomness import Generators

# The smallest alpha in the loss: the velocity's weight would grow without bound towards the data.
ALPHA_MIN = 0.05

# Draws n training times a sample, (B, n), with a generator.
TimeSampler = Callable[[int, Generators], Tensor]
# Predicts the clean latent from z (B, C, h, w), its time, and the condition.
DataPredictor = Callable[[Tensor, Tensor, Condition], Tensor]

# What takes steps between any times, with noise or without; the other solvers take equal steps, without.
STEPPERS: dict[str, type[PathSolver]] = {**PATH_SOLVERS, "exponential": ExponentialMidpoint}


@dataclass(frozen=True, eq=False)
class Sampling:
    """How a latent path is integrated.

    Attributes:
        solver: a key of the path's solvers.
        times: increasing, from 0 to 1; between them the steps lie.
        churn: rate of the noise that all steps but the last add in the hole (8a in `path_solvers`), 0 or more: what
            the last one added would stay.
        generator: source of that noise.

    Raises:
        InputError: if churn is below 0, or the solver cannot do it.
    """

    solver: str
    times: Sequence[float]
    churn: float = 0.0
    generator: Generators = None

    def __post_init__(self) -> None:
        check_at_least("churn", self.churn, 0)
        if self.solver not in STEPPERS:
            steps = len(self.times) - 1
            if self.churn > 0 or any(abs(t - k / steps) > 1e-6 for k, t in enumerate(self.times)):
                raise InputError(
                    f"the solver {self.solver} takes equal steps without noise: "
                    f"for another grid, or churn, choose one of {', '.join(STEPPERS)}"
                )
        elif self.churn > 0 and not STEPPERS[self.solver].adds_noise:
            raise InputError(f"the solver {self.solver} adds no noise: choose another one, or churn 0")

    @property
    def rates(self) -> list[float]:
        """The rate of the noise in each step."""
        return [self.churn] * (len(self.times) - 2) + [0.0]


class HoleNoise(ScaledNoise):
    """Noise (8a) in the hole alone (B, 1, h, w): only there the source is normal noise, and its drift a score."""

    def __init__(self, hole: Tensor) -> None:
        self.hole = hole

    def increment(self, process: Process, endpoints: Endpoints, amount: float, normal: Tensor) -> Tensor:
        return self.hole * super().increment(process, endpoints, amount, normal)


@dataclass(frozen=True, eq=False)
class TimedProcess(Process):
    """A process that knows its time ()."""

    t: Tensor


@dataclass(frozen=True)
class TimedPath(ScheduledPath):
    """A path whose processes know their times."""

    def at(self, t: Tensor) -> TimedProcess:
        process = super().at(t)
        return TimedProcess(process.alpha, process.beta, t)


class LatentPath(ABC):
    """One way from noise to the clean latent; what a *time* is, the subclass says.

    Attributes:
        num_time_maps: how many maps of times the network reads.
        solvers: the names of what can integrate it, of `STEPPERS` and `SOLVERS`.
    """

    num_time_maps: int
    solvers: Mapping[str, object]

    @abstractmethod
    def sample_times(self, sampler: TimeSampler, condition: Condition, generator: Generators) -> Tensor:
        """Times for training."""

    @abstractmethod
    def network_inputs(self, t: Tensor, condition: Condition) -> tuple[list[Tensor], Tensor]:
        """The maps (B, 1, h, w) of times and the scalar time (B,) that the network reads."""

    @abstractmethod
    def data_share(self, t: Tensor) -> Tensor:
        """How much of the latent at a time is data, in [0, 1], (B, 1, 1 or h, 1 or w)."""

    @abstractmethod
    def interpolate(self, t: Tensor, z_0: Tensor, z_clean: Tensor, condition: Condition) -> Tensor:
        """The latent (B, C, h, w) at a time."""

    @abstractmethod
    def velocity(self, t: Tensor, z: Tensor, z_clean: Tensor, condition: Condition, alpha_min: float) -> Tensor:
        """The velocity at z towards a clean latent; it stays finite because alpha is clamped to `alpha_min`."""

    @abstractmethod
    def integrate(
        self, predict_data: DataPredictor, start: Tensor, condition: Condition, sampling: Sampling
    ) -> Solution:
        """Solve from the start to the clean latent."""


class ScheduledLatentPath(LatentPath):
    """All cells move together along a schedule; a time is t (B,), from 0 to 1."""

    num_time_maps = 0
    solvers = {**SOLVERS, **STEPPERS}

    def __init__(self, schedule: Schedule) -> None:
        self.path = TimedPath(schedule)

    def sample_times(self, sampler: TimeSampler, condition: Condition, generator: Generators) -> Tensor:
        return sampler(1, generator).squeeze(1)

    def network_inputs(self, t: Tensor, condition: Condition) -> tuple[list[Tensor], Tensor]:
        return [], t

    def data_share(self, t: Tensor) -> Tensor:
        return self.path.schedule.beta(t).view(-1, 1, 1, 1)

    def interpolate(self, t: Tensor, z_0: Tensor, z_clean: Tensor, condition: Condition) -> Tensor:
        return self.path.at(t).point(z_0, z_clean)

    def velocity(self, t: Tensor, z: Tensor, z_clean: Tensor, condition: Condition, alpha_min: float) -> Tensor:
        alpha = self.path.schedule.alpha(t).clamp(min=alpha_min)
        clamped = Process(Scalar(alpha), self.path.at(t).beta)
        return self.path.velocity(clamped.endpoints_from_data(z, z_clean), t)

    def integrate(
        self, predict_data: DataPredictor, start: Tensor, condition: Condition, sampling: Sampling
    ) -> Solution:
        if sampling.solver not in STEPPERS:
            return self._integrate_equally(predict_data, start, condition, sampling)

        def drifts(process: Process, z: Tensor) -> Endpoints:
            assert isinstance(process, TimedProcess)
            return process.endpoints_from_data(z, predict_data(z, process.t.expand(len(z)), condition))

        return integrate_path(
            self.path,
            drifts,
            start,
            sampling.times,
            method=STEPPERS[sampling.solver],
            epsilon=sampling.rates,
            noise=HoleNoise(condition.hole.to(start)),
            generator=sampling.generator,
            progress=report,
        )

    def _integrate_equally(
        self, predict_data: DataPredictor, start: Tensor, condition: Condition, sampling: Sampling
    ) -> Solution:
        """By a solver that knows no times of steps and no noise."""
        steps = len(sampling.times) - 1
        # With training's minimum, alpha_min / e of the noise would remain. Half a step is the smallest alpha before
        # the last one, which only rk4 evaluates.
        smallest = 0.005 if sampling.solver == "dopri5" else 0.5 / steps
        alpha_min = min(ALPHA_MIN, smallest)

        def field(z: Tensor, t: Tensor, *tensors: Tensor) -> Tensor:
            active = Condition(*tensors)
            return self.velocity(t, z, predict_data(z, t, active), active, alpha_min)

        tensors = (condition.latent, condition.hole, condition.area)
        solver = sampling.solver
        return integrate(field, start, extra_args=tensors, method=solver, steps=steps, progress=report)


class HadamardLatentPath(LatentPath):
    """Every cell of the hole has its own alpha, a time is their map (B, 1, h, w), 0 at known cells.

    In half of the training samples all cells have the same alpha, as when sampling.
    """

    num_time_maps = 1
    solvers = {"euler": STEPPERS["euler"]}  # evaluates only where steps begin; within one, alphas may jump

    def sample_times(self, sampler: TimeSampler, condition: Condition, generator: Generators) -> Tensor:
        cells = condition.hole[0].numel()
        drawn = sampler(cells + 2, generator)
        per_cell = drawn[:, :cells].view_as(condition.hole)
        together = (drawn[:, -2] < drawn[:, -1]).view(-1, 1, 1, 1)
        return condition.hole * (1 - torch.where(together, per_cell[..., :1, :1], per_cell))

    def network_inputs(self, alpha: Tensor, condition: Condition) -> tuple[list[Tensor], Tensor]:
        hole_cells = condition.hole.sum(dim=(1, 2, 3)).clamp(min=1)
        return [alpha], 1 - alpha.sum(dim=(1, 2, 3)) / hole_cells

    def data_share(self, alpha: Tensor) -> Tensor:
        return 1 - alpha

    def interpolate(self, alpha: Tensor, z_0: Tensor, z_clean: Tensor, condition: Condition) -> Tensor:
        return torch.where(condition.hole > 0, alpha * z_0 + (1 - alpha) * z_clean, condition.latent)

    def velocity(self, alpha: Tensor, z: Tensor, z_clean: Tensor, condition: Condition, alpha_min: float) -> Tensor:
        return (z_clean - z) / torch.where(condition.hole > 0, alpha.clamp(min=alpha_min), 1.0)

    def integrate(
        self, predict_data: DataPredictor, start: Tensor, condition: Condition, sampling: Sampling
    ) -> Solution:
        prediction = start

        def drifts(process: Process, z: Tensor) -> Endpoints:
            nonlocal prediction
            assert isinstance(process.alpha, Hadamard)
            alpha = process.alpha.values.expand(len(z), -1, -1, -1)
            prediction = predict_data(z, alpha, condition)
            source = (z - (1 - alpha) * prediction) / torch.where(alpha > 0, alpha, 1.0)
            return Endpoints(torch.where(alpha > 0, source, 0.0), prediction)

        path = HadamardPath(condition.hole.to(start))
        solution = integrate_path(
            path,
            drifts,
            start,
            sampling.times,
            epsilon=sampling.rates,
            active_mask=path.level,
            generator=sampling.generator,
            progress=report,
        )
        # Known cells have not moved; they take their values from the last prediction.
        return Solution(torch.where(condition.hole > 0, solution.x, prediction), solution.nfe)


PATHS: dict[str, Callable[[], LatentPath]] = {
    "linear": lambda: ScheduledLatentPath(Linear()),
    "cosine": lambda: ScheduledLatentPath(Cosine()),
    "hadamard": HadamardLatentPath,
}
