"""The measure over amounts of channels: which corruptions a model sees while it learns, and what lies on their paths.

A corruption has some of the damages and some of the noises, at least one of these; on its path to the clean picture
all amounts fall together. Paths begin at a corruption, so a part of what is drawn is its very beginning, where a
model decides most.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.errors import InputError


@dataclass(frozen=True)
class ChannelMeasure:
    """Amounts of so many damages and noises.

    Args:
        damages, noises: how many channels there are of each; at least one noise.
        share_on: probability that a channel is part of a corruption, in (0, 1].
        share_begun: probability of a path's beginning; else a uniform time on it. In [0, 1].
    """

    damages: int
    noises: int
    share_on: float = 0.5
    share_begun: float = 0.25

    def __post_init__(self) -> None:
        if self.noises < 1:
            raise InputError("a corruption has at least one channel of noise to begin with")
        if not 0 < self.share_on <= 1 or not 0 <= self.share_begun <= 1:
            raise InputError("share_on and share_begun are probabilities, share_on above 0")

    def draw(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Amounts (count, damages + noises), the damages first; float32 on the CPU."""
        corruption = torch.cat([self._damages(count, generator), self._noises(count, generator)], dim=1)
        left = torch.rand(count, 1, generator=generator)
        begun = torch.rand(count, 1, generator=generator) < self.share_begun
        return corruption * torch.where(begun, 1.0, left)

    def _damages(self, count: int, generator: torch.Generator | None) -> Tensor:
        """What is damaged, uniform in sum, shared out at random among the channels that are on."""
        shape = (count, self.damages)
        parts = torch.rand(shape, generator=generator) * self._on(shape, generator)
        total = torch.rand(count, 1, generator=generator)
        return total * parts / parts.sum(dim=1, keepdim=True).clamp(min=1e-6)

    def _noises(self, count: int, generator: torch.Generator | None) -> Tensor:
        """Independent uniform amounts, of which one is on at least."""
        shape = (count, self.noises)
        on = self._on(shape, generator)
        certain = torch.randint(self.noises, (count, 1), generator=generator)
        return torch.rand(shape, generator=generator) * on.scatter(1, certain, 1.0)

    def _on(self, shape: tuple[int, int], generator: torch.Generator | None) -> Tensor:
        return (torch.rand(shape, generator=generator) < self.share_on).float()
