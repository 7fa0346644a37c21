r"""Training distributions: which operators a model sees while it learns.

A model of :math:`\eta(\alpha, x)` is good where the distribution :math:`\nu(d\alpha)` put its points. Filling a hole
visits alphas that are 0 where the picture is known and one number in the hole; independent numbers for every entry
practically never look like that, so a model that is to fill holes wants `MaskShaped` in its mixture.

Every distribution draws alpha in [0, 1], float32 on the CPU: for x (B, C, H, W) as (B, 1, H, W), shared by the
channels, for x (B, d) as (B, d).

Source of the first three: Negrel et al., arXiv 2508.04605.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.hole import is_hole

# Height, width and a generator to a mask (1, H, W), 1 = hole: what `data.masks` offers.
Masks = Callable[[int, int, torch.Generator | None], Tensor]


class TrainingDistribution(ABC):
    """A distribution of entrywise operators."""

    @abstractmethod
    def draw(self, shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
        """Alphas for x of `shape`: (B, C, H, W) or (B, d)."""


@dataclass(frozen=True)
class Diagonal(TrainingDistribution):
    """One number for each item, uniform: what generation visits."""

    def draw(self, shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
        grid = _grid(shape)
        numbers = _uniform((shape[0], *[1] * (len(grid) - 1)), generator)
        return numbers.expand(grid).contiguous()


@dataclass(frozen=True)
class Entrywise(TrainingDistribution):
    """One number for each entry, uniform and independent."""

    def draw(self, shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
        return _uniform(_grid(shape), generator)


@dataclass(frozen=True)
class Blocks(TrainingDistribution):
    """One number for each square block of `side` entries (a run of them for vectors), uniform and independent."""

    side: int

    def __post_init__(self) -> None:
        _check_side(self.side)

    def draw(self, shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
        grid = _grid(shape)
        batch_axes = len(grid) // 2
        blocks = [math.ceil(length / self.side) for length in grid[batch_axes:]]
        alpha = _uniform((*grid[:batch_axes], *blocks), generator)
        for axis in range(batch_axes, len(grid)):
            alpha = alpha.repeat_interleave(self.side, dim=axis).narrow(axis, 0, grid[axis])
        return alpha


@dataclass(frozen=True)
class BlockSequential(TrainingDistribution):
    """Square blocks of `side` entries that are filled in a random order: 0 in those that are done, one uniform number
    in the block that is being filled, 1 in the others. What filling block after block visits, in whatever order."""

    side: int

    def __post_init__(self) -> None:
        _check_side(self.side)

    def draw(self, shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
        # The ranks of independent numbers are a random order.
        blocks = Blocks(self.side).draw(shape, generator).flatten(1)
        alpha = torch.empty_like(blocks)
        for item, numbers in enumerate(blocks):
            position = numbers.unique(return_inverse=True)[1]
            current = int(torch.randint(int(position.max()) + 1, (1,), generator=generator))
            level = _uniform((1,), generator)
            waiting = torch.where(position > current, 1.0, level)
            alpha[item] = torch.where(position < current, 0.0, waiting)
        return alpha.view(_grid(shape))


@dataclass(frozen=True)
class MaskShaped(TrainingDistribution):
    """One number in a drawn hole and another outside it: what filling a hole visits.

    Args:
        masks: makes the holes, for pictures.
        known_noise: probability that the known entries hold noise too, one uniform number below the hole's, as after
            a noisy observation; else they are clean.
    """

    masks: Masks
    known_noise: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.known_noise <= 1:
            raise InputError(f"known_noise is a probability, not {self.known_noise}")

    def draw(self, shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
        if len(shape) != 4:
            raise InputError("holes are drawn for pictures (B, C, H, W)")
        count, _, height, width = shape
        hole = torch.stack([self.masks(height, width, generator) for _ in range(count)])
        one = (count, 1, 1, 1)
        inside = _uniform(one, generator)
        fraction = _uniform(one, generator)
        is_noisy = _uniform(one, generator) < self.known_noise
        outside = torch.where(is_noisy, inside * fraction, 0.0)
        return torch.where(is_hole(hole), inside, outside)


@dataclass(frozen=True)
class Mixture(TrainingDistribution):
    """Each item from one of several distributions, chosen by weight.

    Args:
        distributions: what to choose from.
        weights: positive, of any sum, one for each distribution.
    """

    distributions: Sequence[TrainingDistribution]
    weights: Sequence[float]

    def __post_init__(self) -> None:
        count = len(self.distributions)
        if count == 0 or len(self.weights) != count or min(self.weights) <= 0:
            raise InputError("a mixture takes distributions and as many weights above 0")

    def draw(self, shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
        weights = torch.tensor(self.weights, dtype=torch.float64)
        choice = torch.multinomial(weights, shape[0], replacement=True, generator=generator)
        alpha = torch.empty(_grid(shape))
        for number, distribution in enumerate(self.distributions):
            chosen = choice == number
            if chosen.any():
                alpha[chosen] = distribution.draw((int(chosen.sum()), *shape[1:]), generator)
        return alpha


def _grid(shape: Sequence[int]) -> tuple[int, ...]:
    """The shape of the alphas for x of `shape`."""
    if len(shape) == 4:
        return (shape[0], 1, *shape[2:])
    if len(shape) == 2:
        return tuple(shape)
    raise InputError(f"alphas are drawn for (B, C, H, W) or (B, d), not {tuple(shape)}")


def _check_side(side: int) -> None:
    if side < 1:
        raise InputError(f"blocks have sides of 1 entry or more, not {side}")


def _uniform(shape: Sequence[int], generator: torch.Generator | None) -> Tensor:
    return torch.rand(tuple(shape), generator=generator)
