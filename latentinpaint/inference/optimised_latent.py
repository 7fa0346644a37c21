"""The latent that feature refinement moves: the refiner's output or its input, and the picture it is decoded to."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.refiners import Condition


@dataclass(frozen=True)
class OptimisedLatent:
    """A latent that is optimised: where it starts, and the picture (1, 3, h, w) that it is decoded to."""

    start: Tensor
    decode: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class LatentChoice:
    """Which latent is optimised.

    Attributes:
        make: the latent, of a pipeline, the condition of one picture, its generator and the solver's steps.
        learning_rate: what serves it best, in standard deviations of the latent, see docs/large_pictures.md.
        overhead: what optimising takes at its peak over what autograd keeps.
        for_samples: whether it can be optimised where the refiner draws samples.
    """

    make: Callable[[InpaintPipeline, Condition, torch.Generator, int | None], OptimisedLatent]
    learning_rate: float
    overhead: float
    for_samples: bool


def _refined(
    pipeline: InpaintPipeline, condition: Condition, generator: torch.Generator, steps: int | None
) -> OptimisedLatent:
    """The refiner's output: the gradient passes the decoder alone."""
    with torch.no_grad():
        start = pipeline.refiner.refine(condition, [generator], steps)
    return OptimisedLatent(start, pipeline.autoencoder.decode)


def _conditioned(
    pipeline: InpaintPipeline, condition: Condition, generator: torch.Generator, steps: int | None
) -> OptimisedLatent:
    """The refiner's input: the gradient passes the refiner as well, which spreads it over the picture."""

    def decode(latent: Tensor) -> Tensor:
        refined = pipeline.refiner.refine(replace(condition, latent=latent), None, steps)
        return pipeline.autoencoder.decode(refined)

    return OptimisedLatent(condition.latent, decode)


LATENTS: dict[str, LatentChoice] = {
    "refined": LatentChoice(_refined, learning_rate=0.01, overhead=3.0, for_samples=True),
    "conditioned": LatentChoice(_conditioned, learning_rate=0.002, overhead=1.5, for_samples=False),
}
