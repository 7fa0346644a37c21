"""The times that a flow is trained at: logit-normal (Esser et al., arXiv 2403.03206), or some of them uniform."""

from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.runtime.randomness import Generators, draw_normal


@dataclass(frozen=True)
class TrainingTimes:
    """A distribution over (0, 1).

    Attributes:
        mean, deviation: of the logit; a negative mean favours noisy times.
        uniform: share of the times that is uniform instead, in [0, 1].

    Raises:
        InputError: if the share is out of range.
    """

    mean: float
    deviation: float
    uniform: float

    def __post_init__(self) -> None:
        check_share("uniform_times", self.uniform)

    def sample(self, like: Tensor, count: int = 1, generator: Generators = None) -> Tensor:
        """Times (B, count) for the samples of `like` (B, …)."""
        logits = draw_normal(like.new_empty(len(like), count), generator)
        times = torch.sigmoid(self.mean + self.deviation * logits)
        if self.uniform == 0:
            return times
        uniform, chance = draw_uniform(like.new_empty(len(like), 2 * count), generator).chunk(2, dim=1)
        return torch.where(chance < self.uniform, uniform, times)

    def share_before(self, t: Tensor) -> Tensor:
        """The distribution function at times (n,)."""
        logistic = torch.special.ndtr((torch.logit(t) - self.mean) / self.deviation)
        return self.uniform * t + (1 - self.uniform) * logistic


def check_share(name: str, share: float) -> None:
    """Raise `InputError` if a share is not in [0, 1]."""
    if not 0 <= share <= 1:
        raise InputError(f"{name} is a share from 0 to 1, not {share}")


def draw_uniform(like: Tensor, generator: Generators) -> Tensor:
    """Uniform numbers in [0, 1] shaped like `like` (B, …), drawn item by item."""
    return torch.special.ndtr(draw_normal(like, generator))
