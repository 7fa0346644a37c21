"""What a flow is: a generative model on rows of one shape that knows its objective and its ways to sample."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from latentinpaint.data.mask_generators import MaskGenerator
from latentinpaint.errors import InputError
from latentinpaint.interpolants import SOLVERS
from latentinpaint.models.arguments import RecordsArguments

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Sampling:
    """How a flow is followed.

    Args:
        solver: a key of `latentinpaint.interpolants.SOLVERS`; paths of entrywise clocks are followed with Euler's.
        steps: of a solver with fixed steps, 1 or more.
        tolerance: relative and absolute, of an adaptive solver.
        epsilon: rate of the noise that is added on the way, 0 or more; above 0 for entrywise clocks alone.
    """

    solver: str = "euler"
    steps: int = 50
    tolerance: float = 1e-5
    epsilon: float = 0.0

    def __post_init__(self) -> None:
        if self.solver not in SOLVERS:
            raise InputError(f"there is no solver '{self.solver}': choose one of {', '.join(SOLVERS)}")
        if self.steps < 1 or self.tolerance <= 0 or self.epsilon < 0:
            raise InputError("steps start at 1, a tolerance is above 0, epsilon is not below 0")

    def solving(self) -> dict[str, Any]:
        """The settings of `integrate`."""
        return dict(method=self.solver, steps=self.steps, rtol=self.tolerance, atol=self.tolerance)


class Flow(RecordsArguments, nn.Module, ABC):
    """Base of all flows. Pictures are rows (C, H, W) in [-1, 1], points are rows (d,).

    Attributes:
        shape: of a row.
        sampling: how it samples when nothing else is asked for.
        abilities: names of the ways to sample it has, each a method.
        any_source: whether it may start from data of another kind; else from standard normal noise alone.
    """

    shape: tuple[int, ...]
    sampling: Sampling
    abilities: tuple[str, ...]
    any_source: bool = False

    @abstractmethod
    def loss(self, source: Tensor, target: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Named scalars to log; the one called "loss" is to be minimised.

        Args:
            source: (B, *shape), where the flow starts, drawn independently of the target.
            target: (B, *shape), data.
            generator: source of the objective's own randomness.
        """

    @abstractmethod
    def show(self, source: Tensor, target: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """What a person looks at during training: named rows (B, *shape), side by side."""


def draw_holes(masks: MaskGenerator, like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Holes (B, 1, H, W), every row its own, for pictures `like` (B, C, H, W)."""
    return torch.stack([masks(*like.shape[2:], generator) for _ in range(len(like))]).to(like)


def uniform_times(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Times (B,) uniform in [0, 1) for the rows of `like`."""
    return torch.rand(len(like), generator=generator).to(like)
