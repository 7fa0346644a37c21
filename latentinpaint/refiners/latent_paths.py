r"""Courses: how a flow refiner goes from noise in the hole to the clean latent, and what its network is told of it.

A course draws *clocks* for training, places a latent between its ends by them, and is followed when sampling. The
scheduled ones have one time a row, and every cell moves: the known ones from what the encoder saw of the masked
picture to the clean latent. On the Hadamard course every cell of the hole has a clock of its own,

.. math:: z_\alpha = \alpha \odot \varepsilon + (1 - \alpha) \odot z_1,

the known cells stay what the encoder saw until the end, and the network is shown the map of alphas (Negrel et al.,
arXiv 2508.04605, equation 9).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.interpolants import (
    SOLVERS,
    Cosine,
    Ends,
    HadamardPath,
    Linear,
    Process,
    Scalar,
    Schedule,
    ScheduledPath,
    Trajectory,
    integrate,
    simulate,
)
from latentinpaint.randomness import Generators
from latentinpaint.refiners.base import Condition

# The smallest alpha in the loss: the velocity's weight would grow without bound towards the data.
TRAINING_FLOOR = 0.05

# n training times a row, (B, n), from a generator.
Times = Callable[[int, Generators], Tensor]
# The estimate of the clean latent at z (B, C, h, w), at a clock, given a condition.
Clean = Callable[[Tensor, Tensor, Condition], Tensor]


class Course(ABC):
    """One way from noise to the clean latent.

    Attributes:
        maps: how many maps of its clocks the network is shown.
        solvers: keys of `SOLVERS` that follow it.
    """

    maps: int
    solvers: tuple[str, ...]

    @abstractmethod
    def draw(self, times: Times, condition: Condition, generator: Generators) -> Tensor:
        """Clocks for training."""

    @abstractmethod
    def told(self, clock: Tensor, condition: Condition) -> tuple[list[Tensor], Tensor]:
        """The maps (B, 1, h, w) that the network is shown, and the time (B,)."""

    @abstractmethod
    def point(self, clock: Tensor, z_0: Tensor, z_clean: Tensor, condition: Condition) -> Tensor:
        """The latent (B, C, h, w) between its ends."""

    @abstractmethod
    def velocity(self, clock: Tensor, z: Tensor, z_clean: Tensor, condition: Condition, floor: float) -> Tensor:
        """The velocity at z towards a clean latent, with alpha held above `floor` so that it stays finite."""

    @abstractmethod
    def follow(self, clean: Clean, start: Tensor, condition: Condition, solver: str, steps: int) -> Trajectory:
        """From the start to the clean latent."""


class ScheduledCourse(Course):
    """All cells together, along a schedule."""

    maps = 0
    solvers = tuple(SOLVERS)

    def __init__(self, schedule: Schedule) -> None:
        self.path = ScheduledPath(schedule)

    def draw(self, times: Times, condition: Condition, generator: Generators) -> Tensor:
        return times(1, generator).squeeze(1)

    def told(self, clock: Tensor, condition: Condition) -> tuple[list[Tensor], Tensor]:
        return [], clock

    def point(self, clock: Tensor, z_0: Tensor, z_clean: Tensor, condition: Condition) -> Tensor:
        return self.path.at(clock).point(z_0, z_clean)

    def velocity(self, clock: Tensor, z: Tensor, z_clean: Tensor, condition: Condition, floor: float) -> Tensor:
        process = self.path.at(clock)
        held = Process(Scalar(process.alpha.values.clamp(min=floor)), process.beta)
        return self.path.velocity(held.ends_from_data(z, z_clean), clock)

    def follow(self, clean: Clean, start: Tensor, condition: Condition, solver: str, steps: int) -> Trajectory:
        # Training holds the velocity's weight down near the data; sampling with the same floor would leave a
        # floor / e of the noise there. Half a step is the smallest alpha before the last one, which only rk4 asks at.
        floor = min(TRAINING_FLOOR, 0.005 if solver == "dopri5" else 0.5 / max(1, steps))

        def field(z: Tensor, t: Tensor, *given: Tensor) -> Tensor:
            rows = Condition(*given)
            return self.velocity(t, z, clean(z, t, rows), rows, floor)

        given = (condition.latent, condition.hole, condition.area)
        return integrate(field, start, given=given, method=solver, steps=steps)


class HadamardCourse(Course):
    """Every cell of the hole by its own clock; in half of the training all by the same, as when sampling."""

    maps = 1
    solvers = ("euler",)  # which looks at the beginnings of steps alone, where clocks may jump

    def draw(self, times: Times, condition: Condition, generator: Generators) -> Tensor:
        cells = condition.hole[0].numel()
        drawn = times(cells + 2, generator)
        own, first, second = drawn[:, :cells].view_as(condition.hole), drawn[:, -2], drawn[:, -1]
        together = (first < second).view(-1, 1, 1, 1)
        return condition.hole * (1 - torch.where(together, own[..., :1, :1], own))

    def told(self, clock: Tensor, condition: Condition) -> tuple[list[Tensor], Tensor]:
        inside = condition.hole.sum(dim=(1, 2, 3)).clamp(min=1)
        return [clock], 1 - clock.sum(dim=(1, 2, 3)) / inside

    def point(self, clock: Tensor, z_0: Tensor, z_clean: Tensor, condition: Condition) -> Tensor:
        return torch.where(condition.hole > 0, clock * z_0 + (1 - clock) * z_clean, condition.latent)

    def velocity(self, clock: Tensor, z: Tensor, z_clean: Tensor, condition: Condition, floor: float) -> Tensor:
        return (z_clean - z) / torch.where(condition.hole > 0, clock.clamp(min=floor), 1.0)

    def follow(self, clean: Clean, start: Tensor, condition: Condition, solver: str, steps: int) -> Trajectory:
        if steps < 1:
            raise InputError(f"steps is a whole number from 1 up, not {steps}")
        latest = start

        def drifts(process: Process, z: Tensor) -> Ends:
            nonlocal latest
            clock = process.alpha.values.expand(len(z), -1, -1, -1)
            latest = clean(z, clock, condition)
            source = (z - (1 - clock) * latest) / torch.where(clock > 0, clock, 1.0)
            return Ends(torch.where(clock > 0, source, 0.0), latest)

        path = HadamardPath(condition.hole.to(start))
        run = simulate(path, drifts, start, steps, moving=path.level)
        # The known cells waited: they are what the last estimate makes of them.
        return Trajectory(torch.where(condition.hole > 0, run.final, latest), run.evaluations)


COURSES: dict[str, Callable[[], Course]] = {
    "linear": lambda: ScheduledCourse(Linear()),
    "cosine": lambda: ScheduledCourse(Cosine()),
    "hadamard": HadamardCourse,
}
