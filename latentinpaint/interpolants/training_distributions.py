r"""Training measures: which operators a model sees while it learns.

A model of :math:`\eta(\alpha, x)` is good where the measure :math:`\nu(d\alpha)` put its points. Filling a hole
visits alphas that are 0 where the picture is known and one number in the hole; independent numbers an entry
practically never look like that, so a model that is to fill holes wants `MaskShaped` in its mixture.

Every measure draws alpha in [0, 1], float32 on the processor: for x (B, C, H, W) as (B, 1, H, W), shared by the
channels, for x (B, d) as (B, d).

Source of the first three: Negrel et al., arXiv 2508.04605.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.errors import InputError

# Height, width and a generator to a mask (1, H, W), 1 = hole: what `data.masks` offers.
Masks = Callable[[int, int, torch.Generator | None], Tensor]


class Measure(ABC):
    """A distribution of entrywise operators."""

    @abstractmethod
    def draw(self, shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
        """Alphas for x of `shape`: (B, C, H, W) or (B, d)."""


@dataclass(frozen=True)
class Diagonal(Measure):
    """One number a row, uniform: what generation visits."""

    def draw(self, shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
        grid = _grid(shape)
        return _uniform((shape[0], *[1] * (len(grid) - 1)), generator).expand(grid).contiguous()


@dataclass(frozen=True)
class Entrywise(Measure):
    """One number an entry, uniform and independent."""

    def draw(self, shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
        return _uniform(_grid(shape), generator)


@dataclass(frozen=True)
class Blocks(Measure):
    """One number a square block of `side` entries (a run of them for vectors), uniform and independent."""

    side: int

    def __post_init__(self) -> None:
        if self.side < 1:
            raise InputError(f"blocks have sides of 1 entry or more, not {self.side}")

    def draw(self, shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
        grid = _grid(shape)
        sides = range(2 if len(grid) == 4 else 1, len(grid))
        alpha = _uniform(tuple(-(-n // self.side) if axis in sides else n for axis, n in enumerate(grid)), generator)
        for axis in sides:
            alpha = alpha.repeat_interleave(self.side, dim=axis).narrow(axis, 0, grid[axis])
        return alpha


@dataclass(frozen=True)
class BlockSequential(Measure):
    """Square blocks of `side` entries in a random order: 0 in those that had their turn, one uniform number in the
    block whose turn it is, 1 in the others. What filling block after block visits, in whatever order."""

    side: int

    def __post_init__(self) -> None:
        if self.side < 1:
            raise InputError(f"blocks have sides of 1 entry or more, not {self.side}")

    def draw(self, shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
        # The ranks of independent numbers are a random order.
        blocks = Blocks(self.side).draw(shape, generator).flatten(1)
        alpha = torch.empty_like(blocks)
        for row, numbers in enumerate(blocks):
            turn = numbers.unique(return_inverse=True)[1]
            now = int(torch.randint(int(turn.max()) + 1, (1,), generator=generator))
            level = _uniform((1,), generator)
            alpha[row] = torch.where(turn < now, 0.0, torch.where(turn > now, 1.0, level))
        return alpha.view(_grid(shape))


@dataclass(frozen=True)
class MaskShaped(Measure):
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
        one = (shape[0], 1, 1, 1)
        hole = torch.stack([self.masks(shape[-2], shape[-1], generator) for _ in range(shape[0])])
        inside, below, chosen = (_uniform(one, generator) for _ in range(3))
        outside = torch.where(chosen < self.known_noise, inside * below, 0.0)
        return torch.where(hole > 0.5, inside, outside)


@dataclass(frozen=True)
class Mixture(Measure):
    """Each row from one of several measures, chosen by weight.

    Args:
        measures: what to choose from.
        weights: positive, of any sum, one a measure.
    """

    measures: Sequence[Measure]
    weights: Sequence[float]

    def __post_init__(self) -> None:
        if len(self.measures) != len(self.weights) or not self.measures or min(self.weights) <= 0:
            raise InputError("a mixture takes measures and as many weights above 0")

    def draw(self, shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
        weights = torch.tensor(self.weights, dtype=torch.float64)
        choice = torch.multinomial(weights, shape[0], replacement=True, generator=generator)
        alpha = torch.empty(_grid(shape))
        for number, measure in enumerate(self.measures):
            rows = choice == number
            if rows.any():
                alpha[rows] = measure.draw((int(rows.sum()), *shape[1:]), generator)
        return alpha


def _grid(shape: Sequence[int]) -> tuple[int, ...]:
    if len(shape) not in (2, 4):
        raise InputError(f"alphas are drawn for (B, C, H, W) or (B, d), not {tuple(shape)}")
    return (shape[0], 1, *shape[2:]) if len(shape) == 4 else tuple(shape)


def _uniform(shape: Sequence[int], generator: torch.Generator | None) -> Tensor:
    return torch.rand(tuple(shape), generator=generator)
