r"""Fréchet distances of feature networks, and a network for pictures of 32 x 32.

The distance of two sets of features is that of the Gaussians with their means and covariances,

.. math:: |m_a - m_b|^2 + \mathrm{tr}\bigl(C_a + C_b - 2 (C_a C_b)^{1/2}\bigr)

(Heusel et al., arXiv 1706.08500). It is called after its features: FID is that of one certain Inception network
alone, the one here `FD(resnet20)`. It is biased for few pictures; compare equal numbers only.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from latentinpaint.errors import InputError

# Of ImageNet's colours, with which the published ResNet-20 was trained on CIFAR-10.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def frechet_distance(one: Tensor, other: Tensor) -> float:
    """The squared Fréchet distance of two sets of features (N, d) and (M, d), computed in float64.

    Raises:
        ValueError: if a set has fewer than two rows, or their widths differ.
    """
    if min(len(one), len(other)) < 2 or one.shape[1] != other.shape[1]:
        raise ValueError(f"features {tuple(one.shape)} and {tuple(other.shape)} cannot be compared")
    means, covariances = zip(*((f.double().mean(dim=0), torch.cov(f.double().T)) for f in (one, other)), strict=True)
    # The trace of (C_a C_b)^(1/2) by the symmetric C_a^(1/2) C_b C_a^(1/2), which has the same eigenvalues.
    values, vectors = torch.linalg.eigh(covariances[0])
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    product = torch.linalg.eigvalsh(root @ covariances[1] @ root).clamp(min=0).sqrt().sum()
    shift = (means[0] - means[1]).square().sum()
    return float(shift + covariances[0].trace() + covariances[1].trace() - 2 * product)


class ResNet20(nn.Module):
    """He et al.'s residual network for CIFAR-10 (arXiv 1512.03385), shortcuts without parameters.

    Shapes: pictures (B, 3, 32, 32) in [0, 1] to features (B, 64); `linear` takes those to the ten classes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        widths = [(16, 16, 1), (16, 32, 2), (32, 64, 2)]
        for number, (narrow, wide, stride) in enumerate(widths, start=1):
            blocks = [_Block(narrow, wide, stride), _Block(wide, wide, 1), _Block(wide, wide, 1)]
            self.add_module(f"layer{number}", nn.Sequential(*blocks))
        self.linear = nn.Linear(64, 10)

    def forward(self, images: Tensor) -> Tensor:
        x = (images - images.new_tensor(MEAN).view(3, 1, 1)) / images.new_tensor(DEVIATION).view(3, 1, 1)
        x = F.relu(self.bn1(self.conv1(x)))
        return self.layer3(self.layer2(self.layer1(x))).mean(dim=(2, 3))


class _Block(nn.Module):
    def __init__(self, narrow: int, wide: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(narrow, wide, 3, stride, 1, bias=False), nn.BatchNorm2d(wide)
        self.conv2, self.bn2 = nn.Conv2d(wide, wide, 3, padding=1, bias=False), nn.BatchNorm2d(wide)
        self.stride, self.more = stride, (wide - narrow) // 2

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        short = x[..., :: self.stride, :: self.stride]
        return F.relu(y + F.pad(short, (0, 0, 0, 0, self.more, self.more)))


def load_resnet20(path: str | Path) -> ResNet20:
    """The network with weights from a safetensors file, in evaluation mode.

    Raises:
        InputError: if the file cannot be read or holds other weights.
    """
    network = ResNet20()
    try:
        missing = network.load_state_dict(load_file(path), strict=False).missing_keys
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(f"{path} holds no weights of a ResNet-20 for CIFAR-10 (safetensors)") from error
    if any("num_batches_tracked" not in name for name in missing):
        raise InputError(f"{path} holds no weights of a ResNet-20 for CIFAR-10: {missing[0]} is missing")
    return network.eval()


@torch.no_grad()
def features_of(network: nn.Module, images: Tensor, batch_size: int = 250) -> Tensor:
    """Features (N, d) of pictures (N, 3, H, W) in [0, 1]."""
    return torch.cat([network(batch) for batch in images.split(batch_size)])
