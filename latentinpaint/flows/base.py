"""What a flow is: a generative model of samples of one shape that knows its objective and how to sample."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from latentinpaint.data.mask_generators import MaskGenerator
from latentinpaint.errors import check_above_zero, check_at_least, choose, whole_number
from latentinpaint.interpolants import PATH_SOLVERS, SOLVERS, Solution, integrate
from latentinpaint.interpolants.solvers import Field, Progress
from latentinpaint.models.arguments import RecordsArguments
from latentinpaint.runtime.randomness import Generators, draw_normal, split


@dataclass(frozen=True)
class SamplerConfig:
    """How a flow is sampled.

    Args:
        solver: a key of `latentinpaint.interpolants.SOLVERS`, or of `PATH_SOLVERS` there for paths of operators.
        steps: of a solver with fixed steps, 1 or more.
        tolerance: relative and absolute, of an adaptive solver.
        shared_steps: whether the items of a batch share an adaptive solver's steps, see `StepControl`.
        epsilon: rate of the noise that is added on the way, 0 or more; above 0 for paths of operators alone.
        generator: source of the noise, one for the batch or one for each item; None is PyTorch's own.
        progress: called with the fraction that is done; None reports nothing.
    """

    solver: str = "euler"
    steps: int = 50
    tolerance: float = 1e-5
    shared_steps: bool = False
    epsilon: float = 0.0
    generator: Generators = None
    progress: Progress | None = None

    def __post_init__(self) -> None:
        choose({**SOLVERS, **PATH_SOLVERS}, self.solver, "solver")
        whole_number("steps", self.steps, 1)
        check_at_least("epsilon", self.epsilon, 0)
        check_above_zero("a tolerance", self.tolerance)

    def integrate(
        self,
        field: Field,
        start: Tensor,
        extra_args: Sequence[Tensor] = (),
        span: tuple[float, float] = (0.0, 1.0),
    ) -> Solution:
        """Integrate a velocity field with these settings; see `latentinpaint.interpolants.integrate`."""
        return integrate(
            field,
            start,
            method=self.solver,
            steps=self.steps,
            extra_args=extra_args,
            span=span,
            rtol=self.tolerance,
            atol=self.tolerance,
            shared_steps=self.shared_steps,
            progress=self.progress,
        )


class Flow(RecordsArguments, nn.Module, ABC):
    """Base of all flows. A sample is a picture (C, H, W) in [-1, 1] or a point (d,).

    Attributes:
        shape: of a sample.
        sampler: how it samples by default.
        tasks: names of the tasks it can do, keys of `sampling_tasks.TASKS`; each is a method.
        solvers: of `SamplerConfig`, those that it can be sampled with, by name.
        accepts_source: whether it may start from other data; else from standard normal noise alone.
        accepts_epsilon: whether noise may be added on the way.
        progress: how much of its training is done, in [0, 1]; whoever trains it says so.
    """

    shape: tuple[int, ...]
    sampler: SamplerConfig
    tasks: tuple[str, ...]
    solvers: Mapping[str, object] = SOLVERS
    accepts_source: bool = False
    accepts_epsilon: bool = False
    progress: float = 0.0

    @abstractmethod
    def loss(self, source: Tensor, target: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Named scalars to log; the one called "loss" is to be minimised.

        Args:
            source: (B, *shape), where the flow starts, drawn independently of the target.
            target: (B, *shape), data.
            generator: source of the objective's own randomness.
        """

    @abstractmethod
    def preview(self, source: Tensor, target: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """What a person looks at during training: named samples (B, *shape), side by side."""


def sample_noise(flow: Flow, count: int, generator: Generators = None) -> Tensor:
    """Standard normal noise (count, *shape) on the flow's device, each item from a generator of its own."""
    parameter = next(flow.parameters())
    return draw_normal(parameter.new_empty(count, *flow.shape), split(generator, count))


def draw_holes(masks: MaskGenerator, like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Holes (B, 1, H, W), one for each of the pictures `like` (B, C, H, W)."""
    height, width = like.shape[2:]
    return torch.stack([masks(height, width, generator) for _ in range(len(like))]).to(like)


def uniform_times(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Times (B,) uniform in [0, 1) for the items of `like`."""
    return torch.rand(len(like), generator=generator).to(like)
