"""Mask control: telling a frozen encoder where the hole is, without touching its weights.

A small encoder of the mask runs beside the frozen encoder. After each of its stages a 1x1 convolution without
bias, initialised to zero, gives a map that is added to the frozen encoder's output of that stage. At step 0 the
conditioned latent is exactly the frozen one; the gradient reaches the zero convolutions at the first step and
the mask encoder from the second on.

Idea: ControlNet (Zhang et al., "Adding Conditional Control to Text-to-Image Diffusion Models", ICCV 2023, arXiv
2302.05543); its use on the encoder of an inpainting network: Babin, "Image inpainting in latent space", 2024.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentinpaint.models.arguments import RecordsArguments
from latentinpaint.models.autoencoder import Autoencoder


def zero_conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    """A 1x1 convolution without bias whose weights start at zero; (B, in, h, w) to (B, out, h, w)."""
    convolution = nn.Conv2d(in_channels, out_channels, 1, bias=False)
    nn.init.zeros_(convolution.weight)
    return convolution


class MaskControl(RecordsArguments, nn.Module):
    """The mask's features, one map for every stage of an autoencoder's encoder.

    The mask encoder has the stages' strides: a 1x1 convolution to `width` channels, then one 3x3 convolution a stage
    to twice as many, each with BatchNorm and ReLU. A mask has little to say, so this is narrow however wide the
    autoencoder is; the zero convolutions widen to the stage's channels.

    Args:
        autoencoder: only its `stage_channels` and `stage_strides` are read.
        width: channels of the mask encoder's first level, doubled with every further one; 8 as in the second source.

    Raises:
        ValueError: if the autoencoder has no stages (nothing to add the features to), or width is below 1.
    """

    def __init__(self, autoencoder: Autoencoder, width: int = 8) -> None:
        super().__init__()
        if not autoencoder.stage_channels:
            raise ValueError(f"{type(autoencoder).__name__} has no encoder stages that a mask could control")
        if width < 1:
            raise ValueError(f"width starts at 1, not {width}")
        self.levels = nn.ModuleList()
        self.taps = nn.ModuleList()
        channels, stride = 1, 1
        for stage_channels, stage_stride in zip(autoencoder.stage_channels, autoencoder.stage_strides, strict=True):
            step = stage_stride // stride
            kernel = 1 if not self.levels and step == 1 else 3
            convolution = nn.Conv2d(channels, width, kernel, stride=step, padding=kernel // 2, bias=False)
            self.levels.append(nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU()))
            self.taps.append(zero_conv(width, stage_channels))
            channels, stride, width = width, stage_stride, 2 * width

    def forward(self, mask: Tensor) -> list[Tensor]:
        """One map a stage, (B, stage_channels[i], H / stride_i, W / stride_i).

        Args:
            mask: (B, 1, H, W), 1 = hole and 0 elsewhere, nothing between.
        """
        if self.levels[0][0].kernel_size != (1, 1):
            return self._taps(mask, 0)
        # At full resolution all pixels of a kind have the same features, one of two vectors; which of the two is
        # said by two maps. Convolutions of the features are convolutions of those, with small kernels made up here.
        kinds = torch.cat([1 - mask, mask], dim=1)
        vectors = self.two_vectors(mask)
        controls = [F.conv2d(kinds, kernel_of_kinds(self.taps[0].weight, vectors))]
        if len(self.levels) == 1:
            return controls
        convolution, *rest = self.levels[1]
        features = F.conv2d(
            kinds, kernel_of_kinds(convolution.weight, vectors), None, convolution.stride, convolution.padding
        )
        for layer in rest:
            features = layer(features)
        return [*controls, self.taps[1](features), *self._taps(features, 2)]

    def two_vectors(self, mask: Tensor) -> Tensor:
        """The first level's features (2, width) of a known pixel and of a hole's, normalised for this mask.

        The level's convolution answers 0 and w. With a share p of hole pixels their mean is p w and their variance
        p (1 - p) w^2, so that nothing has to be computed at full resolution.
        """
        convolution, norm, relu = self.levels[0]
        weight = convolution.weight.flatten()
        mean, variance = norm.running_mean, norm.running_var
        if norm.training:
            share = mask.mean()
            mean, variance = share * weight, share * (1 - share) * weight.square()
            _remember(norm, mean, variance, mask.numel())
        values = torch.stack([torch.zeros_like(weight), weight])
        return relu((values - mean) * torch.rsqrt(variance + norm.eps) * norm.weight + norm.bias)

    def _taps(self, features: Tensor, first: int) -> list[Tensor]:
        """What the levels from `first` on add to their stages."""
        controls = []
        for level, tap in zip(self.levels[first:], self.taps[first:], strict=True):
            features = level(features)
            controls.append(tap(features))
        return controls


def kernel_of_kinds(weight: Tensor, vectors: Tensor) -> Tensor:
    """A kernel (out, in, k, k) for features as one (out, kinds, k, k) for the kinds of pixels that have them."""
    return torch.einsum("oikl,vi->ovkl", weight, vectors.to(weight.dtype))


@torch.no_grad()
def _remember(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, count: int) -> None:
    """Move the running statistics as `nn.BatchNorm2d` does for so many pixels: by the unbiased variance."""
    norm.num_batches_tracked += 1
    share = norm.momentum if norm.momentum is not None else 1 / norm.num_batches_tracked
    norm.running_mean.lerp_(mean, share)
    norm.running_var.lerp_(variance * (count / max(1, count - 1)), share)
