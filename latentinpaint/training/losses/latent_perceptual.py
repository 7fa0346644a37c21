r"""A perceptual loss on latents: what the frozen decoder's first layers make of prediction and target.

Distances between latents count every channel alike; the decoder does not. With `f_l` its maps at the latent's own
scale and `s_l` a channel's standard deviation over the target's map,

.. math:: \frac{1}{L} \sum_l \mathrm{mean} \left| \frac{f_l(z) - f_l(z')}{s_l(z')} \right|^2

so that no channel counts by its scale. Nothing is decoded to pixels. Idea: Berrada et al., "Boosting Latent Diffusion
with Perceptual Objectives", ICLR 2025, arXiv 2411.04873, whose maps are those of deeper layers as well.
"""

import torch
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.models import Autoencoder

SMALLEST_DEVIATION = 1e-3  # of a channel: one that hardly varies would count without bound


def check_decoder_maps(autoencoder: Autoencoder) -> None:
    """Raise an `InputError` if the autoencoder's decoder shows no maps."""
    device = autoencoder.latent_mean.device
    if not autoencoder.decoder_maps(torch.zeros(1, autoencoder.latent_channels, 2, 2, device=device)):
        raise InputError(
            f"the decoder of a {type(autoencoder).__name__} has no maps at the latent's scale: "
            "set model.weights.latent_perceptual to 0"
        )


def latent_perceptual(autoencoder: Autoencoder, prediction: Tensor, target: Tensor) -> Tensor:
    """The loss of predicted latents (B, C, h, w) of a frozen autoencoder; see `check_decoder_maps`."""
    with torch.no_grad():
        expected = autoencoder.decoder_maps(target)
    distances = []
    for found, wanted in zip(autoencoder.decoder_maps(prediction), expected, strict=True):
        deviation = wanted.float().std(dim=(2, 3), keepdim=True).clamp(min=SMALLEST_DEVIATION)
        distances.append(((found.float() - wanted.float()) / deviation).square().mean())
    return torch.stack(distances).mean()
