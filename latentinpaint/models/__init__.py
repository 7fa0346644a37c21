"""Networks: plain `nn.Module`s that know nothing of training or files."""

from latentinpaint.models.autoencoder import AUTOENCODERS, Autoencoder, IdentityAutoencoder, LamaAutoencoder
from latentinpaint.models.ffc import FFC, FFCResnetBlock, SpectralTransform
from latentinpaint.models.mask_control import MaskControl, zero_conv
from latentinpaint.models.unet import TimeUNet

__all__ = [
    "AUTOENCODERS",
    "FFC",
    "Autoencoder",
    "FFCResnetBlock",
    "IdentityAutoencoder",
    "LamaAutoencoder",
    "MaskControl",
    "SpectralTransform",
    "TimeUNet",
    "zero_conv",
]
