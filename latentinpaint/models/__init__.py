"""Networks: plain `nn.Module`s that know nothing of training or files."""

from latentinpaint.models.autoencoder import Autoencoder, IdentityAutoencoder, LamaAutoencoder
from latentinpaint.models.diffusers_autoencoder import DiffusersAutoencoder
from latentinpaint.models.ffc import FFC, FFCResnetBlock, SpectralTransform
from latentinpaint.models.mask_control import MaskControl, zero_conv
from latentinpaint.models.residual_autoencoder import ResidualAutoencoder
from latentinpaint.models.taesd import TaesdAutoencoder
from latentinpaint.models.unet import TimeUNet

AUTOENCODERS: dict[str, type[Autoencoder]] = {
    "LamaAutoencoder": LamaAutoencoder,
    "ResidualAutoencoder": ResidualAutoencoder,
    "IdentityAutoencoder": IdentityAutoencoder,
    "TaesdAutoencoder": TaesdAutoencoder,
    "DiffusersAutoencoder": DiffusersAutoencoder,
}

__all__ = [
    "AUTOENCODERS",
    "FFC",
    "Autoencoder",
    "DiffusersAutoencoder",
    "FFCResnetBlock",
    "IdentityAutoencoder",
    "LamaAutoencoder",
    "MaskControl",
    "ResidualAutoencoder",
    "SpectralTransform",
    "TaesdAutoencoder",
    "TimeUNet",
    "zero_conv",
]
