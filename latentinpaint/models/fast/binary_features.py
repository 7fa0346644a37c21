r"""Features of a binary mask, without computing them at full resolution.

A 1x1 convolution of a mask without bias, followed by ReLU, is zero at known pixels and has one value in every channel
at hole pixels. This vector :math:`v` and the mask :math:`m` say all of it, and a convolution of such features is one
of the mask:

.. math:: \sum_i w_{oi} * f_i = \Big( \sum_i w_{oi} v_i \Big) * m .
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class BinaryFeatures:
    """A map (B, C, H, W) that is zero at known pixels and one vector at all hole pixels.

    Attributes:
        mask: (B, 1, H, W), 1 = hole and 0 elsewhere, nothing between.
        vector: (C,), the features of a hole pixel.
    """

    mask: Tensor
    vector: Tensor


def convolve(convolution: nn.Module, features: Tensor | BinaryFeatures) -> Tensor:
    """An `nn.Conv2d` with zero padding and without bias, of a map (B, C, H, W) or of binary features."""
    if isinstance(features, Tensor):
        return convolution(features)
    assert isinstance(convolution, nn.Conv2d)
    kernel = fold_vector(convolution.weight, features.vector)
    return F.conv2d(features.mask, kernel, None, convolution.stride, convolution.padding)


def fold_vector(weight: Tensor, vector: Tensor) -> Tensor:
    """A kernel (out, C, k, k) for binary features as the equal kernel (out, 1, k, k) for their mask."""
    return torch.einsum("oikl,i->okl", weight, vector.to(weight.dtype)).unsqueeze(1)
