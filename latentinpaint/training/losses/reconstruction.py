"""What a refiner is trained towards: the latent of the undamaged picture, or the picture itself.

    LatentObjective   the refiner's own loss against the latent of the undamaged picture; nothing is decoded
    PixelObjective    L1 between the decoded prediction and the undamaged picture

The two and their cost are compared in Babin, "Image inpainting in latent space", 2024.
"""

from abc import ABC, abstractmethod

from torch import Tensor

from latentinpaint.errors import InputError, check_above_zero
from latentinpaint.interpolants.objectives import hole_weights, weighted_mean
from latentinpaint.models import Autoencoder
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.runtime.randomness import Generators


class Objective(ABC):
    """A loss of a pipeline, for undamaged pictures and masks.

    Attributes:
        needs_target_latents: whether the undamaged pictures are encoded.
    """

    needs_target_latents: bool

    def check(self, pipeline: InpaintPipeline) -> None:  # noqa: B027
        """Raise `InputError` if a pipeline cannot be trained towards this; most can."""

    @abstractmethod
    def __call__(
        self,
        pipeline: InpaintPipeline,
        target_encoder: Autoencoder,
        image: Tensor,
        mask: Tensor,
        generator: Generators,
    ) -> dict[str, Tensor]:
        """Named scalars to log; the one called "loss" is to be minimised.

        Args:
            pipeline: what is trained.
            target_encoder: the frozen autoencoder as it was before any of it was trained.
            image: (B, 3, H, W) in [0, 1], undamaged.
            mask: (B, 1, H, W), 1 = hole.
            generator: source of the refiner's own randomness.
        """


class LatentObjective(Objective):
    """The refiner's own loss in latent space."""

    needs_target_latents = True

    def __call__(
        self,
        pipeline: InpaintPipeline,
        target_encoder: Autoencoder,
        image: Tensor,
        mask: Tensor,
        generator: Generators,
    ) -> dict[str, Tensor]:
        return pipeline.loss(image, mask, generator, target_encoder)


class PixelObjective(Objective):
    """Mean absolute error of the decoded prediction, over the whole picture.

    Args:
        hole_weight: weight of a hole's pixels over the others, above 0; 1 is the plain mean.
    """

    needs_target_latents = False

    def __init__(self, hole_weight: float = 1.0) -> None:
        check_above_zero("hole_weight", hole_weight)
        self.hole_weight = hole_weight

    def check(self, pipeline: InpaintPipeline) -> None:
        if pipeline.refiner.stochastic:
            raise InputError(
                "a pixel loss decodes the one fill of a hole, and this refiner draws samples: "
                "use the ffc refiner or the latent objective"
            )

    def __call__(
        self,
        pipeline: InpaintPipeline,
        target_encoder: Autoencoder,
        image: Tensor,
        mask: Tensor,
        generator: Generators,
    ) -> dict[str, Tensor]:
        refined = pipeline.refiner.refine(pipeline.condition(image, mask))
        error = (pipeline.autoencoder.decode(refined).float() - image).abs()
        return {"loss": weighted_mean(error, hole_weights(mask, self.hole_weight))}
