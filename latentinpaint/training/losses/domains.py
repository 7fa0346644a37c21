"""Where adversarial training compares answers with the truth: on decoded pictures, or on the latents themselves.

On latents nothing is decoded; the thesis that this package follows names it as future work (Babin, "Image inpainting
in latent space", 2024).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor

from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.refiners.base import Condition


@dataclass(frozen=True)
class Compared:
    """What is judged: answers and truth (B, C, H, W) and the hole (B, 1, H, W) on their grid."""

    answer: Tensor
    truth: Tensor
    hole: Tensor


@dataclass(frozen=True)
class Attempt:
    """A training batch and what the pipeline made of it.

    Attributes:
        image, mask: the batch.
        condition: the damaged pictures.
        refined: the answers' latents.
        clean: the truth's latents; None where no loss needs them.
    """

    image: Tensor
    mask: Tensor
    condition: Condition
    refined: Tensor
    clean: Tensor | None


class Space(ABC):
    """Where answers are compared with the truth."""

    needs_clean: bool
    has_pictures: bool

    @abstractmethod
    def channels(self, pipeline: InpaintPipeline) -> int:
        """Channels of what is judged."""

    @abstractmethod
    def compared(self, pipeline: InpaintPipeline, attempt: Attempt) -> Compared:
        """What is judged."""


class ImageSpace(Space):
    """Decoded pictures, as in LaMa."""

    needs_clean, has_pictures = False, True

    def channels(self, pipeline: InpaintPipeline) -> int:
        return pipeline.autoencoder.image_channels

    def compared(self, pipeline: InpaintPipeline, attempt: Attempt) -> Compared:
        return Compared(pipeline.autoencoder.decode(attempt.refined).to(attempt.image), attempt.image, attempt.mask)


class LatentSpace(Space):
    """Latents: the decoder never runs."""

    needs_clean, has_pictures = True, False

    def channels(self, pipeline: InpaintPipeline) -> int:
        return pipeline.autoencoder.latent_channels

    def compared(self, pipeline: InpaintPipeline, attempt: Attempt) -> Compared:
        return Compared(attempt.refined.to(attempt.image), attempt.clean.to(attempt.image), attempt.condition.hole)


SPACES: dict[str, type[Space]] = {"image": ImageSpace, "latent": LatentSpace}
