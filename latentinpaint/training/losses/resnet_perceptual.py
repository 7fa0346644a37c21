"""The high-receptive-field perceptual loss: features of a dilated ResNet-50 of the answer and of the truth.

LaMa (arXiv 2109.07161) compares the four stages of a ResNet-50 trained to segment scenes (ADE20k), whose last two
stages are dilated in place of strided, so that their cells stay eight pixels apart and see much of the picture.
Its weights are a file that the authors of the segmentation network published (`encoder_epoch_20.pth` of
ade20k-resnet50dilated-ppm_deepsup, https://github.com/CSAILVision/semantic-segmentation-pytorch), which has three
3x3 convolutions in the place of the first 7x7 one. Where it is not at hand, torchvision's ResNet-50 (ImageNet),
dilated in the same way, stands in for it.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import ResNet50_Weights, resnet50

from latentinpaint.errors import InputError
from latentinpaint.metrics.weight_files import WeightFile, read_state

RESNET50 = WeightFile(ResNet50_Weights.IMAGENET1K_V2.url, "torchvision")
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, of pictures in [0, 1]
PURPOSE = "the perceptual loss"


class DilatedResNet50(nn.Module):
    """Features of the four stages of a ResNet-50, the last two dilated; frozen, in evaluation mode.

    Args:
        state: weights by torchvision's names, or by those of the segmentation network with its three-layer stem; a
            classifier among them is passed over.

    Shapes: pictures (B, 3, H, W) in [0, 1] to maps (B, 256, H/4, W/4), then (B, 512 | 1024 | 2048, H/8, W/8).

    Raises:
        InputError: if the weights are of another network.
    """

    def __init__(self, state: dict[str, Tensor]) -> None:
        super().__init__()
        network = resnet50(replace_stride_with_dilation=[False, True, True])
        if "conv3.weight" in state:
            _deepen_stem(network)
            state = {_in_stem(name): value for name, value in state.items()}
        network.fc = nn.Identity()
        weights = {name: value for name, value in state.items() if not name.startswith("fc.")}
        expected = set(network.state_dict())
        missing = sorted(name for name in expected - set(weights) if not name.endswith("num_batches_tracked"))
        if missing or set(weights) - expected:
            what = f"{missing[0]} is not" if missing else f"{min(set(weights) - expected)} is"
            raise InputError(f"these are not a ResNet-50's weights for {PURPOSE}: {what} among them")
        try:
            network.load_state_dict(weights, strict=False)
        except RuntimeError as error:
            raise InputError(f"these are not a ResNet-50's weights for {PURPOSE}: their shapes are others") from error
        self.network = network.requires_grad_(False)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(1, 3, 1, 1), persistent=False)
        self.eval()

    def train(self, mode: bool = True) -> "DilatedResNet50":
        return super().train(False)

    def forward(self, image: Tensor) -> list[Tensor]:
        network = self.network
        x = network.relu(network.bn1(network.conv1((image - self.mean) / self.deviation)))
        x = network.maxpool(x)
        features = []
        for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
            x = stage(x)
            features.append(x)
        return features


class PerceptualLoss(nn.Module):
    """Summed over the stages: the mean squared difference of the features of answer and truth.

    Args:
        features: a network that answers maps.
    """

    def __init__(self, features: DilatedResNet50) -> None:
        super().__init__()
        self.features = features

    def forward(self, answer: Tensor, truth: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) in [0, 1] to a scalar; no gradient flows to the truth."""
        with torch.no_grad():
            targets = self.features(truth)
        return torch.stack([F.mse_loss(a, t) for a, t in zip(self.features(answer), targets, strict=True)]).sum()


def perceptual_loss(weights: str | None = None, download: bool = False) -> PerceptualLoss | None:
    """The loss with the weights given, or else with torchvision's where torch keeps them; None if there are none.

    Args:
        weights: the segmentation network's file, or torchvision's.
        download: fetch torchvision's if they are not there.

    Raises:
        InputError: if a file that was given is not there or of another network.
    """
    if weights is None and download:
        RESNET50.fetch()
    path = Path(weights) if weights else RESNET50.path
    if not path.is_file():
        if weights:
            raise InputError(f"there is no file {path} with weights for {PURPOSE}")
        return None
    return PerceptualLoss(DilatedResNet50(read_state(path, PURPOSE)))


def _deepen_stem(network: nn.Module) -> None:
    """Three 3x3 convolutions, to 64, 64 and 128 channels, in the place of the 7x7 one."""
    sizes = ((3, 64, 2), (64, 64, 1), (64, 128, 1))
    layers: list[nn.Module] = []
    for narrow, wide, stride in sizes:
        convolution = nn.Conv2d(narrow, wide, 3, stride=stride, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(wide), nn.ReLU()]
    network.conv1, network.bn1, network.relu = nn.Sequential(*layers), nn.Identity(), nn.Identity()
    first = network.layer1[0]
    first.conv1 = nn.Conv2d(128, 64, 1, bias=False)
    first.downsample[0] = nn.Conv2d(128, 256, 1, bias=False)


def _in_stem(name: str) -> str:
    """conv1 bn1 conv2 bn2 conv3 bn3 of the segmentation network as the members of one `Sequential`."""
    head, _, rest = name.partition(".")
    kind, number = head.rstrip("0123456789"), head[len(head.rstrip("0123456789")) :]
    if kind not in ("conv", "bn") or not number:
        return name
    return f"conv1.{3 * (int(number) - 1) + (kind == 'bn')}.{rest}"
