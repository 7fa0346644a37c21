"""The patch discriminator: for every patch of a picture, or of a latent, a score of how real it looks.

Architecture: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017, in the form
of pix2pixHD (Wang et al., CVPR 2018), which LaMa takes with 64 features and 4 layers: 4x4 convolutions, the first
`layers` of them halving the map, each with LeakyReLU of slope 0.2 and, but for the first, BatchNorm.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2
WIDEST = 512


@dataclass(frozen=True)
class DiscriminatorOutput:
    """What a discriminator says of a batch.

    Attributes:
        scores: (B, 1, h, w), one a patch: the log-odds that it is real.
        features: the maps of all layers but the last, for feature matching.
    """

    scores: Tensor
    features: list[Tensor]

    def halves(self) -> tuple["DiscriminatorOutput", "DiscriminatorOutput"]:
        """Those of the first and of the second half of the batch."""
        scores, features = self.scores.chunk(2), [layer.chunk(2) for layer in self.features]
        first, second = (DiscriminatorOutput(scores[k], [layer[k] for layer in features]) for k in (0, 1))
        return first, second


class PatchDiscriminator(nn.Module):
    """Scores of overlapping patches.

    Args:
        channels: of what is judged: 3 of pictures, the autoencoder's of latents.
        width: channels after the first layer; they double up to 512.
        layers: halvings. A patch is 16, 34, 70, 142, 286 cells wide for 1 to 5 of them.
        normalise: whether there is BatchNorm, as in LaMa.

    Shapes: (B, channels, H, W) to scores (B, 1, h, w), where h is about H / 2^layers; H and W from 2^layers up.
    """

    def __init__(self, channels: int = 3, width: int = 64, layers: int = 4, normalise: bool = True) -> None:
        super().__init__()
        if width < 1 or layers < 1:
            raise ValueError("a discriminator's width and layers start at 1")
        widths = [min(width * 2**level, WIDEST) for level in range(layers + 1)]
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
        """How much is hole in the middle of every patch, in a square as wide as patches are apart.

        Args:
            hole: (B, 1, H, W), 1 = hole; beyond its border as at the border, where the outer patches' middles are.
            scores: (B, 1, h, w), of pictures of H x W.

        Returns:
            (B, 1, h, w), in [0, 1].
        """
        # The halvings' windows are half a pixel off centre each, the two layers after them half a stride each.
        before = 2 * self.stride - 1
        height, width = (
            self.stride * cells - before - side
            for cells, side in zip(scores.shape[-2:], hole.shape[-2:], strict=True)
        )
        return F.avg_pool2d(F.pad(hole, (before, width, before, height), mode="replicate"), self.stride)


def _layer(narrow: int, wide: int, stride: int, normalise: bool) -> nn.Sequential:
    convolution = nn.Conv2d(narrow, wide, 4, stride=stride, padding=2)
    norm = [nn.BatchNorm2d(wide)] if normalise else []
    return nn.Sequential(convolution, *norm, nn.LeakyReLU(SLOPE))
