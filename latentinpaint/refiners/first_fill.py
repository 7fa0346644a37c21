"""The fill of a trained refiner, for flows to start from: it says what the hole most likely is, and they what else.

A refiner of one pass that was trained with the latent L1 has learnt the layout, the colours and how wrong it is. A
flow that starts from its fill has only that error left to learn. It works on the difference, divided in each cell by
the error that the refiner expects there (`standardised`): a sky needs noise of another size than a wood, and in this
unit what is left to learn is alike from hole to hole. For image restoration Ohayon, Michaeli and Elad go from a mean
to samples by a second model likewise ("Posterior-Mean Rectified Flow", arXiv 2410.00418).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from latentinpaint.errors import InputError
from latentinpaint.refiners.base import Condition
from latentinpaint.refiners.ffc_refiner import FFCRefiner


class FirstFill(nn.Module):
    """An `FFCRefiner` that learns no more; it stays in evaluation mode.

    Args:
        channels: of the latent.
        arguments: of the refiner, without its channels.

    Raises:
        InputError: if the refiner has no such argument, or refuses it.
    """

    def __init__(self, channels: int, arguments: Mapping[str, Any]) -> None:
        super().__init__()
        try:
            self.refiner = FFCRefiner(channels, **arguments).eval().requires_grad_(False)
        except TypeError as error:
            raise InputError(f"first has the arguments of an ffc refiner without its channels: {error}") from error

    def train(self, mode: bool = True) -> "FirstFill":  # noqa: ARG002
        """Nothing changes: BatchNorm's statistics are those that the refiner was trained with."""
        return self

    @torch.no_grad()
    def forward(self, condition: Condition) -> Condition:
        """The condition with the fill in the hole's cells, and its expected error where the refiner predicts it."""
        fill, error = self.refiner.refine_with_error(condition)
        latent = torch.where(condition.hole > 0, fill.to(condition.latent), condition.latent)
        return replace(condition, latent=latent, error=error)


def standardised(latent: Tensor, condition: Condition) -> Tensor:
    """How far a latent (B, C, h, w) is from a first fill, in units of the error that is expected of a hole's cell."""
    return (latent - condition.latent) / _unit(condition)


def restored(deviation: Tensor, condition: Condition) -> Tensor:
    """The latent (B, C, h, w) that is so far from a first fill: the inverse of `standardised`."""
    return condition.latent + deviation * _unit(condition)


def _unit(condition: Condition) -> Tensor:
    """(B, 1, h, w): the expected error in the hole, 1 elsewhere and where none is predicted."""
    if condition.error is None:
        return torch.ones_like(condition.hole)
    return torch.where(condition.hole > 0, condition.error, 1.0)
