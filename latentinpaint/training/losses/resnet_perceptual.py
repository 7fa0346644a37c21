"""The high-receptive-field perceptual loss: features of a dilated ResNet-50 of prediction and target.

LaMa (arXiv 2109.07161) compares the four stages of a ResNet-50 trained to segment scenes (ADE20k), whose last two
stages are dilated in place of strided, so that their cells stay eight pixels apart and see much of the picture.
Its weights are a file that the authors of the segmentation network published (`encoder_epoch_20.pth` of
ade20k-resnet50dilated-ppm_deepsup, https://github.com/CSAILVision/semantic-segmentation-pytorch), which has three
3x3 convolutions in the place of the first 7x7 one. Where it is not at hand, torchvision's ResNet-50 (ImageNet),
dilated in the same way, stands in for it.
"""

import re
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import ResNet50_Weights, resnet50
from torchvision.models.resnet import Bottleneck, ResNet

from latentinpaint.errors import InputError
from latentinpaint.metrics.weight_files import WeightFile, read_state

RESNET50 = WeightFile(ResNet50_Weights.IMAGENET1K_V2.url, "torchvision")
# ImageNet's, of pictures in [0, 1].
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
PURPOSE = "the perceptual loss"
_STEM_LAYER = re.compile(r"(conv|bn)([0-9]+)\.(.+)")


class DilatedResNet50(nn.Module):
    """Features of the four stages of a ResNet-50, the last two dilated; frozen, in evaluation mode.

    Args:
        state: weights by torchvision's names, or by those of the segmentation network with its three-layer stem; a
            classifier among them is passed over.

    Shapes: pictures (B, 3, H, W) in [0, 1] to maps (B, 256, H/4, W/4), then (B, 512 | 1024 | 2048, H/8, W/8).

    Raises:
        InputError: if the weights are of another network.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, state: dict[str, Tensor]) -> None:
        super().__init__()
        network = resnet50(replace_stride_with_dilation=[False, True, True])
        if "conv3.weight" in state:
            _deepen_stem(network)
            state = {_name_in_stem(name): value for name, value in state.items()}
        network.fc = nn.Identity()
        weights = {name: value for name, value in state.items() if not name.startswith("fc.")}
        _load(network, weights)
        self.network = network.requires_grad_(False)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)
        self.eval()

    def train(self, mode: bool = True) -> "DilatedResNet50":
        return super().train(False)

    def forward(self, image: Tensor) -> list[Tensor]:
        network = self.network
        x = network.relu(network.bn1(network.conv1((image - self.mean) / self.std)))
        x = network.maxpool(x)
        features = []
        for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
            x = stage(x)
            features.append(x)
        return features


class PerceptualLoss(nn.Module):
    """Summed over the stages: the mean squared difference of the features of prediction and target.

    Args:
        features: a network that returns a list of maps.
    """

    def __init__(self, features: nn.Module) -> None:
        super().__init__()
        self.features = features

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) in [0, 1] to a scalar; no gradient flows to the target."""
        with torch.no_grad():
            targets = self.features(target)
        errors = []
        for features, wanted in zip(self.features(prediction), targets, strict=True):
            errors.append(F.mse_loss(features, wanted))
        return torch.stack(errors).sum()


def perceptual_loss(weights: str | None = None, download: bool = False) -> PerceptualLoss | None:
    """The loss with weights from a file, or else with torchvision's where torch keeps them; None if there are none.

    Args:
        weights: the segmentation network's file, or torchvision's.
        download: fetch torchvision's if they are not there.

    Raises:
        InputError: if `weights` is not there or of another network.
    """
    if weights is None and download:
        RESNET50.fetch()
    path = Path(weights) if weights else RESNET50.path
    if not path.is_file():
        if weights:
            raise InputError(f"there is no file {path} with weights for {PURPOSE}")
        return None
    return PerceptualLoss(DilatedResNet50(read_state(path, PURPOSE)))


def _load(network: nn.Module, weights: dict[str, Tensor]) -> None:
    """Put weights into a network; raise `InputError` if they are another's."""
    wrong = f"these are not a ResNet-50's weights for {PURPOSE}"
    expected = set(network.state_dict())
    for name in sorted(expected - set(weights)):
        if not name.endswith("num_batches_tracked"):
            raise InputError(f"{wrong}: {name} is not among them")
    unexpected = set(weights) - expected
    if unexpected:
        raise InputError(f"{wrong}: {min(unexpected)} is among them")
    try:
        network.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        raise InputError(f"{wrong}: their shapes are others") from error


def _deepen_stem(network: ResNet) -> None:
    """Three 3x3 convolutions, to 64, 64 and 128 channels, in the place of the 7x7 one."""
    layers: list[nn.Module] = []
    for in_channels, out_channels, stride in ((3, 64, 2), (64, 64, 1), (64, 128, 1)):
        convolution = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(out_channels), nn.ReLU()]
    network.conv1 = nn.Sequential(*layers)
    network.bn1 = nn.Identity()
    network.relu = nn.Identity()
    first = network.layer1[0]
    assert isinstance(first, Bottleneck) and first.downsample is not None
    first.conv1 = nn.Conv2d(128, 64, 1, bias=False)
    first.downsample[0] = nn.Conv2d(128, 256, 1, bias=False)


def _name_in_stem(name: str) -> str:
    """conv1 bn1 conv2 bn2 conv3 bn3 of the segmentation network as the members of one `Sequential`."""
    match = _STEM_LAYER.fullmatch(name)
    if match is None:
        return name
    layer, number, rest = match.groups()
    index = 3 * (int(number) - 1)
    if layer == "bn":
        index += 1
    return f"conv1.{index}.{rest}"
