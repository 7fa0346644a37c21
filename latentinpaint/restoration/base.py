"""What a method of restoration is: settings, and one function from what was seen to pictures."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import torch
from torch import Tensor

from latentinpaint.errors import InputError, check_at_least, whole_number
from latentinpaint.flows import HadamardFlow
from latentinpaint.restoration.observation_models import ObservationModel, Observed
from latentinpaint.restoration.velocity_prior import VelocityPrior
from latentinpaint.runtime.randomness import draw_normal


@dataclass(frozen=True)
class Restorer(ABC):
    """A method; its fields are its hyper-parameters.

    Attributes:
        label: the name for people.
        grid: values of hyper-parameters that a validation split chooses from, by name.
        of_hadamard: whether it needs a Hadamard flow, whose every entry has a time of its own.
        masks_only: whether what was seen has to be the entries that a mask leaves.
    """

    label: ClassVar[str]
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {}
    of_hadamard: ClassVar[bool] = False
    masks_only: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is int:
                whole_number(field.name, value, 1)
            elif field.type is float:
                check_at_least(field.name, value, 0)

    def __call__(
        self,
        prior: VelocityPrior,
        observed: Observed,
        generators: Sequence[torch.Generator],
    ) -> Tensor:
        """Restored pictures (B, C, H, W), about in [-1, 1] and never clamped.

        Args:
            prior: of pictures of the observed shape.
            observed: what was seen.
            generators: one for each item: an item's picture is the same whatever is restored beside it.

        Raises:
            InputError: if the method cannot do this task, or the prior is of another shape.
        """
        self.check(prior, observed.model, observed.shape)
        return self.restore(prior, observed, generators)

    def check(self, prior: VelocityPrior, model: ObservationModel, shape: Sequence[int]) -> None:
        """Raise an `InputError` unless the method can restore pictures (C, H, W) that a model shows, with a prior."""
        if tuple(prior.shape) != tuple(shape):
            raise InputError(
                f"the prior is of pictures {_size(prior.shape)}, what was seen of {_size(shape)}: they have to be "
                "equal"
            )
        if self.masks_only and model.known is None:
            raise InputError(f"{self.label} fills what a mask hides: leave it out, or take a task with a mask")
        if self.of_hadamard and not isinstance(prior.flow, HadamardFlow):
            raise InputError(
                f"the {self.label} needs one, in which every pixel has its own time: give it as hadamard, or as prior"
            )

    @abstractmethod
    def restore(self, prior: VelocityPrior, observed: Observed, generators: Sequence[torch.Generator]) -> Tensor:
        """The method itself; arguments as of a call."""

    def settings(self) -> dict[str, Any]:
        """The hyper-parameters by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def normal_like(observed: Observed, generators: Sequence[torch.Generator]) -> Tensor:
    """Standard normal numbers of the pictures' shape (B, C, H, W), each item of its own generator."""
    return draw_normal(observed.blank(), generators)


def _size(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
