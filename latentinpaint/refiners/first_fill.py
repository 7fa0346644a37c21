"""The fill of a trained refiner, for flows to start from: it says what the hole most likely is, and they what else.

A refiner of one pass that was trained with the latent L1 has learnt the layout, the colours and how wrong it is. A
flow that starts from its fill has only that error left to learn, which is smaller and more alike from hole to hole
than what a smooth continuation misses. For image restoration Ohayon, Michaeli and Elad go from a mean to samples by a
second model likewise ("Posterior-Mean Rectified Flow", arXiv 2410.00418).
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
    def forward(self, condition: Condition) -> tuple[Condition, Tensor | None]:
        """The condition with the fill in the hole's cells; the expected error (B, 1, h, w), or None."""
        fill, error = self.refiner.refine_with_error(condition)
        latent = torch.where(condition.hole > 0, fill.to(condition.latent), condition.latent)
        return replace(condition, latent=latent), error
