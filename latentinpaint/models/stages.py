"""The stages that encoders and decoders are made of, and how control is added between them."""

from collections.abc import Iterable, Sequence

from torch import Tensor, nn


class Stages(nn.ModuleList):
    """An encoder's stages: each reads the output of the one before it, with the control's map added."""

    def forward(self, features: Tensor, control: Sequence[Tensor] | None = None) -> Tensor:
        """(B, C, H, W) to the last stage's features; `control` holds one map a stage."""
        self.check(control)
        return run_stages(self, features, control)

    def check(self, control: Sequence[Tensor] | None) -> None:
        """Raise `ValueError` unless there is a map for every stage, or none at all."""
        if control is not None and len(control) != len(self):
            raise ValueError(f"control has {len(control)} maps, the encoder {len(self)} stages")


def run_stages(stages: Iterable[nn.Module], features: Tensor, control: Sequence[Tensor] | None = None) -> Tensor:
    """The stages one after the other, each followed by its control."""
    for index, stage in enumerate(stages):
        features = stage(features)
        if control is not None:
            features = features + control[index]
    return features


def maps_of(kind: type[nn.Module], layers: Iterable[nn.Module], features: Tensor) -> list[Tensor]:
    """The outputs of those of successive layers that are of a kind, down to the last layer."""
    maps = []
    for layer in layers:
        features = layer(features)
        if isinstance(layer, kind):
            maps.append(features)
    return maps


class ResidualBlock(nn.Module):
    """``x + conv(relu(conv(x)))`` with BatchNorm after each 3x3 convolution; (B, C, h, w) to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class PlainResidualBlock(nn.Module):
    """``x + conv(relu(conv(x)))`` without normalisation, zeros beyond the border; (B, C, h, w) to the same.

    Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", arXiv 1707.02921. At the start
    the blocks are nearly the identity.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        first = nn.Conv2d(channels, channels, 3, padding=1)
        second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.kaiming_normal_(first.weight, nonlinearity="relu")
        nn.init.normal_(second.weight, std=0.01 * (9 * channels) ** -0.5)
        for convolution in (first, second):
            nn.init.zeros_(bias_of(convolution))
        self.body = nn.Sequential(first, nn.ReLU(), second)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def bias_of(convolution: nn.Conv2d) -> Tensor:
    """The bias of a convolution that has one."""
    assert convolution.bias is not None
    return convolution.bias


def stem(in_channels: int, out_channels: int, residual_blocks: int) -> nn.Sequential:
    """The first stage of an encoder, 7x7: (B, in_channels, H, W) to (B, out_channels, H, W)."""
    convolution = nn.Conv2d(in_channels, out_channels, 7, padding=3, padding_mode="reflect", bias=False)
    blocks = _residual_blocks(out_channels, residual_blocks)
    return nn.Sequential(convolution, nn.BatchNorm2d(out_channels), nn.ReLU(), *blocks)


def downsample_block(in_channels: int, out_channels: int, residual_blocks: int, relu: bool) -> nn.Sequential:
    """A further stage of an encoder: (B, in_channels, h, w) to (B, out_channels, h / 2, w / 2)."""
    convolution = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1, padding_mode="reflect", bias=False)
    layers: list[nn.Module] = [convolution, nn.BatchNorm2d(out_channels)]
    if relu:
        layers.append(nn.ReLU())
    return nn.Sequential(*layers, *_residual_blocks(out_channels, residual_blocks))


def upsample_block(in_channels: int, out_channels: int, residual_blocks: int) -> nn.Sequential:
    """A stage of a decoder: (B, in_channels, h, w) to (B, out_channels, 2 h, 2 w)."""
    # Created before the blocks although it comes after them: the order decides which random weights each one gets.
    convolution = nn.ConvTranspose2d(in_channels, out_channels, 3, stride=2, padding=1, output_padding=1)
    blocks = _residual_blocks(in_channels, residual_blocks)
    return nn.Sequential(*blocks, convolution, nn.BatchNorm2d(out_channels), nn.ReLU())


def _residual_blocks(channels: int, count: int) -> list[ResidualBlock]:
    return [ResidualBlock(channels) for _ in range(count)]
