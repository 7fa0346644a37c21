"""Networks whose features two sets of pictures are compared by, and what each wants to see.

    inception   Szegedy et al.'s Inception of 2015, 2048 features: the one FID and KID are named after, by
                torch-fidelity (8-bit pictures, resized to 299 x 299 bilinearly as TensorFlow 1 did). Any size.
    squeeze     SqueezeNet 1.1 trained on ImageNet, 512 features: its last map averaged over the picture, in
                ImageNet's normalisation and at the picture's own size, from 17 pixels a side.
    resnet20    ResNet-20 trained on CIFAR-10, 64 features, pictures of 32 x 32 only.

A distance of features is called after its network (`FD(squeeze)`); FID is Inception's alone.
"""

from abc import ABC, abstractmethod
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torchvision.models import squeezenet1_1

from latentinpaint.errors import InputError
from latentinpaint.files import mistaken_weights
from latentinpaint.metrics.weight_files import INCEPTION, SQUEEZENET, WeightFile, read_state

# Of ImageNet's colours, with which SqueezeNet and the published ResNet-20 were trained.
MEAN = (0.485, 0.456, 0.406)
STANDARD_DEVIATION = (0.229, 0.224, 0.225)


class FeatureNetwork(nn.Module, ABC):
    """Pictures (B, 3, H, W) in [0, 1] to features (B, dimension).

    Attributes:
        name: the key in results and files.
        distance, kernel: what the Fréchet and the kernel distance of these features are called.
        dimension: number of features.
        smallest_side: pixels a picture needs.
    """

    name: str
    distance: str
    kernel: str
    dimension: int
    smallest_side: int = 1

    def check(self, images: Tensor) -> None:
        """Raise `InputError` if the network cannot take pictures of this size."""
        if min(images.shape[-2:]) < self.smallest_side:
            raise InputError(f"{self.distance} needs pictures of at least {self.smallest_side} pixels a side")

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """The features."""


class Inception(FeatureNetwork):
    """torch-fidelity's Inception.

    Args:
        weights: torch-fidelity's file; None looks for it in torch's cache.

    Raises:
        InputError: if the file is missing or holds other weights.
    """

    name = "inception"
    distance = "FID"
    kernel = "KID"
    dimension = 2048
    file: WeightFile = INCEPTION

    def __init__(self, weights: str | Path | None = None) -> None:
        super().__init__()
        path = INCEPTION.find("FID", weights)
        read_state(path, "FID")
        try:
            with redirect_stdout(StringIO()), torch.random.fork_rng(devices=[]):
                network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], str(path))
        except RuntimeError as error:
            raise InputError(f"{path} does not fit FID: it is not torch-fidelity's {INCEPTION.file_name}") from error
        self.network = network.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        return self.network((images * 255).round().clamp(0, 255).to(torch.uint8))[0]


class SqueezeNet(FeatureNetwork):
    """torchvision's SqueezeNet 1.1.

    Args:
        weights: torchvision's file; None looks for it in torch's cache.

    Raises:
        InputError: if the file is missing or holds other weights.
    """

    name = "squeeze"
    distance = "FD(squeeze)"
    kernel = "KD(squeeze)"
    dimension = 512
    smallest_side = 17
    file: WeightFile = SQUEEZENET

    def __init__(self, weights: str | Path | None = None) -> None:
        super().__init__()
        path = SQUEEZENET.find("FD(squeeze)", weights)
        state = read_state(path, "FD(squeeze)")
        with torch.random.fork_rng(devices=[]):  # the constructor's random weights are all replaced
            network = squeezenet1_1().features
        features = {}
        for name, values in state.items():
            if name.startswith("features."):
                features[name.removeprefix("features.")] = values
        try:
            network.load_state_dict(features)
        except RuntimeError as error:
            raise InputError(f"{path} does not fit FD(squeeze): it is not {SQUEEZENET.file_name}") from error
        self.network = network.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        return self.network(_normalised(images)).mean(dim=(2, 3))


class ResNet20(FeatureNetwork):
    """He et al.'s residual network for CIFAR-10 (arXiv 1512.03385), shortcuts without parameters.

    Shapes: pictures (B, 3, 32, 32) in [0, 1] to features (B, 64); `linear` takes those to the ten classes.
    """

    name = "resnet20"
    distance = "FD(resnet20)"
    kernel = "KD(resnet20)"
    dimension = 64
    smallest_side = 32

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = _layer(16, 16, 1)
        self.layer2 = _layer(16, 32, 2)
        self.layer3 = _layer(32, 64, 2)
        self.linear = nn.Linear(64, 10)

    def forward(self, images: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(_normalised(images))))
        return self.layer3(self.layer2(self.layer1(x))).mean(dim=(2, 3))


def _layer(narrow: int, wide: int, stride: int) -> nn.Sequential:
    return nn.Sequential(_Block(narrow, wide, stride), _Block(wide, wide, 1), _Block(wide, wide, 1))


class _Block(nn.Module):
    def __init__(self, narrow: int, wide: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(narrow, wide, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(wide)
        self.conv2 = nn.Conv2d(wide, wide, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(wide)
        self.stride = stride
        self.padding = (wide - narrow) // 2  # channels on either side of the shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        short = x[..., :: self.stride, :: self.stride]
        return F.relu(y + F.pad(short, (0, 0, 0, 0, self.padding, self.padding)))


FEATURE_NETWORKS: dict[str, type[Inception] | type[SqueezeNet]] = {"inception": Inception, "squeeze": SqueezeNet}
"""The networks of a benchmark's distances, by name."""


def load_resnet20(path: str | Path) -> ResNet20:
    """The network with weights from a safetensors file, in evaluation mode.

    Raises:
        InputError: if the file cannot be read or holds other weights.
    """
    with torch.random.fork_rng(devices=[]):
        network = ResNet20()
    try:
        missing = network.load_state_dict(load_file(path), strict=False).missing_keys
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(
            f"{path} holds no weights of a ResNet-20 for CIFAR-10 (safetensors){mistaken_weights(path)}"
        ) from error
    if any("num_batches_tracked" not in name for name in missing):
        raise InputError(f"{path} holds no weights of a ResNet-20 for CIFAR-10: {missing[0]} is missing")
    return network.eval()


@torch.no_grad()
def features_of(network: nn.Module, images: Tensor, batch_size: int = 250) -> Tensor:
    """Features (N, d) of pictures (N, 3, H, W) in [0, 1]."""
    return torch.cat([network(batch) for batch in images.split(batch_size)])


def _normalised(images: Tensor) -> Tensor:
    return (images - images.new_tensor(MEAN).view(3, 1, 1)) / images.new_tensor(STANDARD_DEVIATION).view(3, 1, 1)
