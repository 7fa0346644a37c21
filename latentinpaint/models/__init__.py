"""Networks: plain `nn.Module`s that know nothing of training or files."""

from latentinpaint.models.autoencoder import Autoencoder, IdentityAutoencoder, LamaAutoencoder
from latentinpaint.models.ffc import FFC, FFCResnetBlock, SpectralTransform
from latentinpaint.models.mask_control import MaskControl, zero_conv
from latentinpaint.models.residual_autoencoder import ResidualAutoencoder
from latentinpaint.models.unet import TimeUNet

AUTOENCODERS: dict[str, type[Autoencoder]] = {
    "LamaAutoencoder": LamaAutoencoder,
    "ResidualAutoencoder": ResidualAutoencoder,
    "IdentityAutoencoder": IdentityAutoencoder,
}

__all__ = [
    "AUTOENCODERS",
    "FFC",
    "Autoencoder",
    "FFCResnetBlock",
    "IdentityAutoencoder",
    "LamaAutoencoder",
    "MaskControl",
    "ResidualAutoencoder",
    "SpectralTransform",
    "TimeUNet",
    "zero_conv",
]
