"""Where the losses of adversarial training are computed: on decoded pictures, or on the latents themselves.

On latents nothing is decoded; the thesis that this package follows names it as future work (Babin, "Image inpainting
in latent space", 2024).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor

from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.refiners.base import Condition


@dataclass(frozen=True)
class LossInputs:
    """What the losses compare: prediction and target (B, C, H, W) and the mask (B, 1, H, W) on their grid."""

    prediction: Tensor
    target: Tensor
    mask: Tensor


@dataclass(frozen=True)
class GeneratorOutput:
    """A training batch and what the pipeline made of it.

    Attributes:
        image, mask: the batch.
        condition: the damaged pictures.
        refined: the predicted latents.
        target_latents: those of the undamaged pictures; None where no loss needs them.
    """

    image: Tensor
    mask: Tensor
    condition: Condition
    refined: Tensor
    target_latents: Tensor | None

    def needed_target_latents(self) -> Tensor:
        """The target's latents, for a loss that needs them."""
        if self.target_latents is None:
            raise ValueError("the latents of the undamaged pictures were not computed")
        return self.target_latents


class LossDomain(ABC):
    """Where predictions are compared with their targets.

    Attributes:
        needs_target_latents: whether the latents of undamaged pictures have to be computed for it.
        is_image: whether what is compared are pictures.
    """

    needs_target_latents: bool
    is_image: bool

    @abstractmethod
    def channels(self, pipeline: InpaintPipeline) -> int:
        """Channels of what is compared."""

    @abstractmethod
    def loss_inputs(self, pipeline: InpaintPipeline, output: GeneratorOutput) -> LossInputs:
        """Prediction, target and mask in this domain."""


class ImageDomain(LossDomain):
    """Decoded pictures, as in LaMa."""

    needs_target_latents = False
    is_image = True

    def channels(self, pipeline: InpaintPipeline) -> int:
        return pipeline.autoencoder.image_channels

    def loss_inputs(self, pipeline: InpaintPipeline, output: GeneratorOutput) -> LossInputs:
        prediction = pipeline.autoencoder.decode(output.refined).to(output.image)
        return LossInputs(prediction, output.image, output.mask)


class LatentDomain(LossDomain):
    """Latents: the decoder never runs."""

    needs_target_latents = True
    is_image = False

    def channels(self, pipeline: InpaintPipeline) -> int:
        return pipeline.autoencoder.latent_channels

    def loss_inputs(self, pipeline: InpaintPipeline, output: GeneratorOutput) -> LossInputs:
        prediction = output.refined.to(output.image)
        target = output.needed_target_latents().to(output.image)
        return LossInputs(prediction, target, output.condition.hole)


DOMAINS: dict[str, type[LossDomain]] = {"image": ImageDomain, "latent": LatentDomain}
