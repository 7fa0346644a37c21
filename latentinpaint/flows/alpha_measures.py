"""The alphas that a Hadamard flow is trained on: a mixture of distributions by name and weight, stage after stage."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from latentinpaint.data.mask_generators import MaskGenerator
from latentinpaint.errors import InputError, choose
from latentinpaint.interpolants.training_distributions import (
    Blocks,
    BlockSequential,
    Diagonal,
    Entrywise,
    MaskShaped,
    Mixture,
    TrainingDistribution,
)

# Weights of the training distributions where none are given.
DEFAULT_MEASURE = {"diagonal": 1.0, "entrywise": 0.25, "blocks": 0.75, "holes": 2.0}


@dataclass(frozen=True)
class MeasureSettings:
    """What the training distributions are made with.

    Attributes:
        block_side: side of the blocks, pixels.
        masks: of the holes.
        known_noise: probability of noise on what is known around a hole.
    """

    block_side: int
    masks: MaskGenerator
    known_noise: float


MEASURES: dict[str, Callable[[MeasureSettings], TrainingDistribution]] = {
    "diagonal": lambda settings: Diagonal(),
    "entrywise": lambda settings: Entrywise(),
    "blocks": lambda settings: Blocks(settings.block_side),
    "turns": lambda settings: BlockSequential(settings.block_side),
    "holes": lambda settings: MaskShaped(settings.masks, settings.known_noise),
}
"""The training distributions by name."""


def measure_stages(measure: Mapping[str, float] | Sequence[Mapping[str, float]] | None) -> list[dict[str, float]]:
    """The weights of a measure stage after stage; one that is no sequence is a single stage.

    Raises:
        InputError: if a name is none of `MEASURES`, or there is no stage.
    """
    if measure is None:
        measure = DEFAULT_MEASURE
    if isinstance(measure, Mapping):
        measure = [measure]
    for weights in measure:
        for name in weights:
            choose(MEASURES, name, "measure")
    if not measure:
        raise InputError("a curriculum has one stage or more")
    return list(map(dict, measure))


def mixture(weights: Mapping[str, float], settings: MeasureSettings) -> Mixture:
    """The training distributions whose weight is not 0, in these shares."""
    distributions = []
    shares = []
    for name, weight in weights.items():
        if weight != 0:
            distributions.append(MEASURES[name](settings))
            shares.append(weight)
    return Mixture(distributions, shares)
