r"""Features of a binary mask, without computing them at full resolution.

A 1x1 convolution of a mask, followed by BatchNorm and ReLU, has two values in every channel: one at known pixels and
one at hole pixels. These two vectors :math:`v_0, v_1` and the mask as two one-hot maps :math:`m_0 = 1 - m` and
:math:`m_1 = m` say all of it, and a convolution of such features is one of the two maps:

.. math:: \sum_i w_{oi} * f_i = \sum_k \Big( \sum_i w_{oi} v_{ki} \Big) * m_k .
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class BinaryFeatures:
    """A map (B, C, H, W) with one vector of features at all known pixels and another at all hole pixels.

    Attributes:
        one_hot: (B, 2, H, W), where pixels are known and where they are hole.
        vectors: (2, C), the features of each.
    """

    one_hot: Tensor
    vectors: Tensor


def binary_features(mask: Tensor, convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> BinaryFeatures:
    """``relu(norm(convolution(mask)))``; the running statistics move as those of `norm` do when it is called.

    With weights w of the convolution and a fraction p of hole pixels, its output has mean p w and variance
    p (1 - p) w^2.

    Args:
        mask: (B, 1, H, W), 1 = hole and 0 elsewhere, nothing between.
        convolution: 1x1, of one channel, without bias.
        norm: with affine parameters and running statistics.
    """
    assert norm.running_mean is not None and norm.running_var is not None
    one_hot = torch.cat([1 - mask, mask], dim=1)
    weight = convolution.weight.flatten()
    mean = norm.running_mean
    variance = norm.running_var
    if norm.training:
        fraction = mask.mean()
        mean = fraction * weight
        variance = fraction * (1 - fraction) * weight.square()
        _update_running_statistics(norm, mean, variance, mask.numel())
    values = torch.stack([torch.zeros_like(weight), weight])
    vectors = torch.relu((values - mean) * torch.rsqrt(variance + norm.eps) * norm.weight + norm.bias)
    return BinaryFeatures(one_hot, vectors)


def convolve(convolution: nn.Module, features: Tensor | BinaryFeatures) -> Tensor:
    """An `nn.Conv2d` with zero padding and without bias, of a map (B, C, H, W) or of binary features."""
    if isinstance(features, Tensor):
        return convolution(features)
    assert isinstance(convolution, nn.Conv2d)
    kernel = fold_one_hot(convolution.weight, features.vectors)
    return F.conv2d(features.one_hot, kernel, None, convolution.stride, convolution.padding)


def fold_one_hot(weight: Tensor, vectors: Tensor) -> Tensor:
    """A kernel (out, C, k, k) for binary features as the equal kernel (out, 2, k, k) for their one-hot maps."""
    return torch.einsum("oikl,vi->ovkl", weight, vectors.to(weight.dtype))


@torch.no_grad()
def _update_running_statistics(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, count: int) -> None:
    """As `nn.BatchNorm2d` does for so many pixels: with the unbiased variance."""
    assert norm.running_mean is not None and norm.running_var is not None and norm.num_batches_tracked is not None
    norm.num_batches_tracked += 1
    momentum = norm.momentum
    if momentum is None:
        momentum = 1 / float(norm.num_batches_tracked)
    norm.running_mean.lerp_(mean, momentum)
    norm.running_var.lerp_(variance * (count / max(1, count - 1)), momentum)
