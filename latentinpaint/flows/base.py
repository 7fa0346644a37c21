"""What a flow is: a generative model on rows of one shape that knows its objective and its ways to sample."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from latentinpaint.data.mask_kinds import MaskGenerator
from latentinpaint.errors import InputError
from latentinpaint.interpolants import SOLVERS
from latentinpaint.models.mlp import TimeMLP
from latentinpaint.models.plain_unets import AddUNet, ConcatUNet
from latentinpaint.models.unet import TimeUNet

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


class Flow(nn.Module, ABC):
    """Base of all flows. Pictures are rows (C, H, W) in [-1, 1], points are rows (d,).

    Attributes:
        shape: of a row.
        arguments: the constructor's arguments, enough to build an equal one.
        sampling: how it samples when nothing else is asked for.
        abilities: names of the ways to sample it has, each a method.
        any_source: whether it may start from data of another kind; else from standard normal noise alone.
    """

    shape: tuple[int, ...]
    arguments: dict[str, Any]
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


def build_network(name: str, shape: Sequence[int], arguments: dict[str, Any] | None) -> nn.Module:
    """A velocity network for rows of `shape` by its name: it takes x (B, *shape) and a time (B,).

    Args:
        name: a key of `NETWORKS`.
        shape: (d,) or (C, H, W).
        arguments: of the network beside its channels; None is none.
    """
    if name not in NETWORKS:
        raise InputError(f"there is no network '{name}': choose one of {', '.join(NETWORKS)}")
    kind = NETWORKS[name]
    if len(shape) != kind.dimensions:
        raise InputError(f"the network '{name}' does not take {'points' if len(shape) == 1 else 'pictures'}")
    check_sides(shape, kind.divisor)
    try:
        return kind.build(shape[0], **(arguments or {}))
    except TypeError as error:
        raise InputError(f"the network '{name}' cannot be built: {error}") from error


def check_sides(shape: Sequence[int], divisor: int) -> None:
    """Raise an `InputError` unless the sides of pictures (C, H, W) are multiples of `divisor`."""
    if any(side % divisor for side in shape[1:]):
        raise InputError(f"this network takes sides that are multiples of {divisor}, not {shape[1]} x {shape[2]}")


@dataclass(frozen=True)
class Network:
    """A kind of velocity network.

    Args:
        dimensions: of a row: 1 for points, 3 for pictures.
        divisor: what a picture's sides are multiples of.
        build: makes it for so many numbers or channels.
    """

    dimensions: int
    divisor: int
    build: Callable[..., nn.Module]


NETWORKS: dict[str, Network] = {
    "mlp": Network(1, 1, TimeMLP),
    "add_unet": Network(3, 4, AddUNet),
    "concat_unet": Network(3, 8, lambda channels, **arguments: ConcatUNet(channels, channels, **arguments)),
    "time_unet": Network(3, 1, lambda channels, **arguments: TimeUNet(channels, channels, **arguments)),
}


def draw_holes(masks: MaskGenerator, like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Holes (B, 1, H, W), every row its own, for pictures `like` (B, C, H, W)."""
    return torch.stack([masks(*like.shape[2:], generator) for _ in range(len(like))]).to(like)


def uniform_times(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Times (B,) uniform in [0, 1) for the rows of `like`."""
    return torch.rand(len(like), generator=generator).to(like)
