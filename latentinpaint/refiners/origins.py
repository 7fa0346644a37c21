"""What a flow on latents starts from in a hole, and the coordinates that it works in.

The blank hole and the smooth continuation of the known cells leave the latent as it is. A first fill does more. A
refiner of one pass that was trained with the latent L1 has learnt the layout, the colours and how wrong it is, and a
flow that starts from its fill has only that error left to learn. It works on the difference, divided in each cell by
the error that the refiner expects there: a sky needs noise of another size than a wood, and in this unit what is left
to learn is alike from hole to hole. For image restoration Ohayon, Michaeli and Elad go from a mean to samples by a
second model likewise ("Posterior-Mean Rectified Flow", arXiv 2410.00418).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from latentinpaint.errors import InputError
from latentinpaint.refiners.base import Condition
from latentinpaint.refiners.continuation import continue_known
from latentinpaint.refiners.ffc_refiner import FFCRefiner


class BlankHole(nn.Module):
    """What the encoder made of the blank hole.

    Attributes:
        predicts_error: whether what it prepares says how wrong it is expected to be.
    """

    predicts_error: bool = False

    def prepare(self, condition: Condition) -> Condition:
        """The condition as the network reads it."""
        return condition

    def to_flow(self, latent: Tensor, condition: Condition) -> Tensor:
        """A latent (B, C, h, w) in the flow's coordinates; `condition` is prepared."""
        return latent

    def from_flow(self, latent: Tensor, condition: Condition) -> Tensor:
        """The inverse of `to_flow`."""
        return latent


class Continuation(BlankHole):
    """The smooth continuation of the known cells, see `continuation`."""

    def prepare(self, condition: Condition) -> Condition:
        return continue_known(condition)


class FirstFill(BlankHole):
    """The fill of an `FFCRefiner` that learns no more; it stays in evaluation mode.

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
        self.predicts_error = self.refiner.log_scale is not None

    def train(self, mode: bool = True) -> "FirstFill":  # noqa: ARG002
        """Nothing changes: BatchNorm's statistics are those that the refiner was trained with."""
        return self

    @torch.no_grad()
    def prepare(self, condition: Condition) -> Condition:
        fill, error = self.refiner.refine_with_error(condition)
        latent = torch.where(condition.hole > 0, fill.to(condition.latent), condition.latent)
        return replace(condition, latent=latent, error=error)

    def to_flow(self, latent: Tensor, condition: Condition) -> Tensor:
        """How far it is from the fill, in units of the expected error in the hole's cells."""
        return (latent - condition.latent) / _unit(condition)

    def from_flow(self, latent: Tensor, condition: Condition) -> Tensor:
        return condition.latent + latent * _unit(condition)


def make_origin(channels: int, continued: bool, first: Mapping[str, Any] | None) -> BlankHole:
    """What the two arguments of a flow name.

    Raises:
        InputError: if they name both.
    """
    if continued and first is not None:
        raise InputError("a hole has a continuation or a first fill: set continued to false, or leave first out")
    if first is not None:
        return FirstFill(channels, first)
    return Continuation() if continued else BlankHole()


def _unit(condition: Condition) -> Tensor:
    """(B, 1, h, w): the expected error in the hole, 1 elsewhere and where none is predicted."""
    if condition.error is None:
        return torch.ones_like(condition.hole)
    return torch.where(condition.hole > 0, condition.error, 1.0)
