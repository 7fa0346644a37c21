r"""The losses of LaMa's full training, on pictures or on latents.

With a discriminator's scores s (log-odds of "real") and the share h of a patch's middle that is hole,

    discriminator   softplus(-s(x)) + h softplus(s(x̂)) + (1 - h) softplus(-s(x̂)) + R1
    generator       softplus(-s(x̂))
    R1              coefficient · E ‖∂s(x)/∂x‖²

The first line's mask-aware target calls a filled picture fake only where it was filled. Non-saturating loss:
Goodfellow et al. 2014; R1: Mescheder et al., "Which Training Methods for GANs do actually Converge?", ICML 2018;
targets, feature matching and weights: LaMa, arXiv 2109.07161. All are means over pixels, cells or patches.
"""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.interpolants.objectives import weighted_mean
from latentinpaint.models.discriminator import DiscriminatorOutput


@dataclass(frozen=True)
class LossWeights:
    """The weight of every loss; 0 leaves it out, with all that only it needs. LaMa's are the defaults.

    Attributes:
        known, missing: of the absolute error outside and inside the hole.
        adversarial: of the non-saturating loss.
        feature_matching: of the discriminator's features.
        perceptual: of the segmentation network's features; of decoded pictures only.
        latent: of the absolute error of the latents; the published one is 0.001.
        latent_perceptual: of the decoder's first maps of the latents, see `latent_perceptual`.
        r1: coefficient of the gradient penalty, in the discriminator's own loss.
    """

    known: float = 10.0
    missing: float = 0.0
    adversarial: float = 10.0
    feature_matching: float = 100.0
    perceptual: float = 30.0
    latent: float = 0.0
    latent_perceptual: float = 0.0
    r1: float = 0.001

    @property
    def compares_latents(self) -> bool:
        """Whether a loss needs the latents of undamaged pictures, whatever the others compare."""
        return self.latent > 0 or self.latent_perceptual > 0

    def __post_init__(self) -> None:
        losses = asdict(self)
        r1 = losses.pop("r1")
        if min(r1, *losses.values()) < 0 or not any(losses.values()):
            raise InputError("a loss's weight is not below 0, and one of them is above")


@dataclass(frozen=True)
class DiscriminatorPass:
    """The discriminator's outputs for targets (as it saw them) and predictions, and where those are fake."""

    target: Tensor
    real: DiscriminatorOutput
    fake: DiscriminatorOutput
    fake_share: Tensor


def generator_loss(fake: DiscriminatorOutput) -> Tensor:
    """The non-saturating loss: low where the discriminator takes the prediction for real."""
    return F.softplus(-fake.scores).mean()


def discriminator_loss(real: DiscriminatorOutput, fake: DiscriminatorOutput, fake_share: Tensor) -> Tensor:
    """The binary cross-entropy of real and filled pictures.

    Args:
        real, fake: of undamaged and of filled pictures.
        fake_share: (B, 1, h, w), h; outside the hole a filled picture is to be called real.
    """
    on_fake = fake_share * F.softplus(fake.scores) + (1 - fake_share) * F.softplus(-fake.scores)
    return F.softplus(-real.scores).mean() + on_fake.mean()


def r1_penalty(scores: Tensor, inputs: Tensor) -> Tensor:
    """Mean over pictures of the squared gradient of their summed scores; `inputs` (B, …) needs gradients."""
    (gradient,) = torch.autograd.grad(scores.sum(), inputs, create_graph=True)
    return gradient.float().square().flatten(1).sum(dim=1).mean()


def feature_matching(fake: DiscriminatorOutput, real: DiscriminatorOutput) -> Tensor:
    """Mean over layers of the squared difference of the discriminator's features; those of `real` are targets."""
    errors = [F.mse_loss(one, other.detach()) for one, other in zip(fake.features, real.features, strict=True)]
    return torch.stack(errors).mean()


def masked_l1(prediction: Tensor, target: Tensor, mask: Tensor, known: float, missing: float) -> Tensor:
    """Mean absolute error with one weight outside the hole and another inside, over all pixels.

    Args:
        prediction, target: (B, C, H, W).
        mask: (B, 1, H, W), 1 = hole.
        known, missing: weights; not normalised, as in LaMa: a picture that is half hole counts half.
    """
    return ((prediction - target).abs() * (known + (missing - known) * mask)).mean()


def mean_probability(output: DiscriminatorOutput, weight: Tensor) -> Tensor:
    """The mean probability of "real" over patches, weighted by `weight` (B, 1, h, w)."""
    return weighted_mean(torch.sigmoid(output.scores.float()), weight)
