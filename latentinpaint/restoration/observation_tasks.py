"""Observation models by a word, such as ``box:20``: what a command names and a report lists."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from latentinpaint.data.masks import mask_preset
from latentinpaint.errors import InputError, choose
from latentinpaint.interpolants.transfers import gaussian_blur
from latentinpaint.restoration.observation_models import (
    AveragedObservation,
    BlurredObservation,
    MaskedObservation,
    ObservationModel,
)


class ObservationTask(ABC):
    """One kind of observation.

    Attributes:
        amount: what stands behind the colon, in words; empty where there is nothing.
    """

    amount: ClassVar[str]

    def __init__(self, text: str) -> None:
        self.text = text

    @abstractmethod
    def model(self, shape: Sequence[int], generators: Sequence[torch.Generator]) -> ObservationModel:
        """The model of pictures (C, H, W), one for each generator.

        Raises:
            InputError: if it does not fit the pictures.
        """

    def number(self, smallest: float, largest: float = float("inf")) -> float:
        """What stands behind the colon as a finite number above `smallest` and at most `largest`."""
        try:
            value = float(self.text)
        except ValueError as error:
            raise InputError(f"the amount of a task is {self.amount}, not '{self.text}'") from error
        if not smallest < value <= largest or math.isinf(value):
            raise self.refusal()
        return value

    def whole_number(self, smallest: int) -> int:
        """What stands behind the colon as a whole number above `smallest`."""
        value = self.number(smallest)
        if not value.is_integer():
            raise self.refusal()
        return int(value)

    def refusal(self) -> InputError:
        """The error for an amount that cannot be used."""
        return InputError(f"the amount of a task is {self.amount}, not {self.text}")


class BoxTask(ObservationTask):
    """A centred square is hidden."""

    amount = "half of the square's side, whole pixels from 1"

    def model(self, shape: Sequence[int], generators: Sequence[torch.Generator]) -> ObservationModel:
        half = self.whole_number(0)
        height, width = shape[-2:]
        if 2 * half >= min(height, width):
            raise InputError(f"a square of half-size {half} leaves nothing of pictures of {width} x {height} pixels")
        known = torch.ones(1, 1, height, width)
        top = height // 2 - half
        left = width // 2 - half
        known[..., top : top + 2 * half, left : left + 2 * half] = 0
        return MaskedObservation(known)


class RandomTask(ObservationTask):
    """Every pixel is hidden with the same probability, in all channels alike."""

    amount = "the share of pixels that are hidden, above 0 and below 1"

    def model(self, shape: Sequence[int], generators: Sequence[torch.Generator]) -> ObservationModel:
        share = self.number(0, 1 - 1e-6)
        known = []
        for generator in generators:
            known.append(torch.rand(1, *shape[-2:], generator=generator) >= share)
        return MaskedObservation(torch.stack(known))


class FreeFormTask(ObservationTask):
    """A hole that a mask preset draws."""

    amount = "the name of a mask preset"

    def model(self, shape: Sequence[int], generators: Sequence[torch.Generator]) -> ObservationModel:
        height, width = shape[-2:]
        masks = mask_preset(self.text, min(height, width))
        holes = []
        for generator in generators:
            holes.append(masks(height, width, generator))
        return MaskedObservation(1 - torch.stack(holes).float())


class BlurTask(ObservationTask):
    """A Gaussian blur on a periodic grid."""

    amount = "the blur's standard deviation, pixels above 0"

    def model(self, shape: Sequence[int], generators: Sequence[torch.Generator]) -> ObservationModel:
        height, width = shape[-2:]
        return BlurredObservation(gaussian_blur(height, width, self.number(0)))


class AverageTask(ObservationTask):
    """Means over squares: the picture at a fraction of its resolution."""

    amount = "the square's side, a whole number of pixels from 2 that divides the picture's sides"

    def model(self, shape: Sequence[int], generators: Sequence[torch.Generator]) -> ObservationModel:
        factor = self.whole_number(1)
        if any(side % factor for side in shape[-2:]):
            raise self.refusal()
        return AveragedObservation(factor)


class NoiseTask(ObservationTask):
    """Everything is seen, with noise."""

    amount = ""

    def model(self, shape: Sequence[int], generators: Sequence[torch.Generator]) -> ObservationModel:
        return MaskedObservation(torch.ones(1, 1, *shape[-2:]))


OBSERVATION_TASKS: dict[str, type[ObservationTask]] = {
    "box": BoxTask,
    "random": RandomTask,
    "freeform": FreeFormTask,
    "blur": BlurTask,
    "average": AverageTask,
    "denoise": NoiseTask,
}


def read_task(text: str) -> ObservationTask:
    """A task by its word: a key of `OBSERVATION_TASKS`, a colon and its amount, such as ``box:20``.

    Raises:
        InputError: if there is no such task, or its amount is missing or out of place.
    """
    name, _, amount = text.partition(":")
    task = choose(OBSERVATION_TASKS, name, "task")
    if task.amount and not amount:
        raise InputError(f"the task {name} needs {task.amount}, as in {name}:…")
    if amount and not task.amount:
        raise InputError(f"the task {name} takes no amount: write {name}")
    return task(amount)


def unseen(model: ObservationModel, shape: Sequence[int]) -> Tensor:
    """Which pixels a model hides, (B or 1, 1, H, W); all of them if it is no mask, or hides none."""
    everywhere = torch.ones(1, 1, *shape[-2:])
    known = model.known
    if known is None or bool(known.all()):
        return everywhere
    return 1 - known.float()
