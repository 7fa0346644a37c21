"""The patch discriminator: for every patch of a picture, or of a latent, a score of how real it looks.

Architecture: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017, in the form
of pix2pixHD (Wang et al., CVPR 2018), which LaMa uses with 64 features and 4 layers: 4x4 convolutions, the first
`layers` of them halving the map, each with LeakyReLU of slope 0.2 and, but for the first, BatchNorm.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2
MAX_WIDTH = 512


@dataclass(frozen=True)
class DiscriminatorOutput:
    """What a discriminator returns for a batch.

    Attributes:
        scores: (B, 1, h, w), one a patch: the log-odds that it is real.
        features: the maps of all layers but the last, for feature matching.
    """

    scores: Tensor
    features: list[Tensor]

    def halves(self) -> tuple["DiscriminatorOutput", "DiscriminatorOutput"]:
        """Those of the first and of the second half of the batch."""
        first_scores, second_scores = self.scores.chunk(2)
        first_features = []
        second_features = []
        for layer in self.features:
            first, second = layer.chunk(2)
            first_features.append(first)
            second_features.append(second)
        return DiscriminatorOutput(first_scores, first_features), DiscriminatorOutput(second_scores, second_features)


class PatchDiscriminator(nn.Module):
    """Scores of overlapping patches.

    Args:
        channels: of the input: 3 of pictures, the autoencoder's of latents.
        width: channels after the first layer; they double up to 512.
        layers: number of layers of stride 2. A patch is 16, 34, 70, 142, 286 cells wide for 1 to 5 of them.
        normalise: whether there is BatchNorm, as in LaMa.

    Shapes: (B, channels, H, W) to scores (B, 1, h, w), where h is about H / 2^layers; H and W from 2^layers up.
    """

    def __init__(self, channels: int = 3, width: int = 64, layers: int = 4, normalise: bool = True) -> None:
        super().__init__()
        if width < 1 or layers < 1:
            raise ValueError("a discriminator's width and layers start at 1")
        widths = [min(width * 2**level, MAX_WIDTH) for level in range(layers + 1)]
        self.layers = nn.ModuleList([_layer(channels, widths[0], stride=2, normalise=False)])
        for level in range(1, layers + 1):
            stride = 2 if level < layers else 1
            self.layers.append(_layer(widths[level - 1], widths[level], stride, normalise))
        self.head = nn.Conv2d(widths[-1], 1, 4, padding=2)
        self.stride = 2**layers

    def forward(self, x: Tensor) -> DiscriminatorOutput:
        features = []
        for layer in self.layers:
            x = layer(x)
            features.append(x)
        return DiscriminatorOutput(self.head(x), features)

    def hole_of_patches(self, hole: Tensor, scores: Tensor) -> Tensor:
        """The hole's fraction in the middle of every patch, in a square as wide as patches are apart.

        Args:
            hole: (B, 1, H, W), 1 = hole; beyond its border as at the border, where the outer patches' middles are.
            scores: (B, 1, h, w), of pictures of H x W.

        Returns:
            (B, 1, h, w), in [0, 1].
        """
        # Kernels of layers with stride 2 are half a pixel off centre each, those of the last two half a stride each.
        before = 2 * self.stride - 1
        below = self.stride * scores.shape[-2] - before - hole.shape[-2]
        right = self.stride * scores.shape[-1] - before - hole.shape[-1]
        return F.avg_pool2d(F.pad(hole, (before, right, before, below), mode="replicate"), self.stride)


def _layer(in_channels: int, out_channels: int, stride: int, normalise: bool) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(in_channels, out_channels, 4, stride=stride, padding=2)]
    if normalise:
        layers.append(nn.BatchNorm2d(out_channels))
    return nn.Sequential(*layers, nn.LeakyReLU(SLOPE))
