"""The stages that encoders and decoders are made of, and how control is added between them."""

from collections.abc import Iterable, Sequence

from torch import Tensor, nn


class Stages(nn.ModuleList):
    """An encoder's stages, each reading what the one before it has answered, and a control's map added to that."""

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


def stem(channels: int, width: int, residual_blocks: int) -> nn.Sequential:
    """The first stage of an encoder: 7x7, (B, channels, H, W) to (B, width, H, W)."""
    convolution = nn.Conv2d(channels, width, 7, padding=3, padding_mode="reflect", bias=False)
    blocks = (ResidualBlock(width) for _ in range(residual_blocks))
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU(), *blocks)


def halving(narrow: int, wide: int, residual_blocks: int, relu: bool) -> nn.Sequential:
    """A further stage: (B, narrow, h, w) to (B, wide, h / 2, w / 2)."""
    convolution = nn.Conv2d(narrow, wide, 3, stride=2, padding=1, padding_mode="reflect", bias=False)
    blocks = (ResidualBlock(wide) for _ in range(residual_blocks))
    ending = [nn.ReLU()] if relu else []
    return nn.Sequential(convolution, nn.BatchNorm2d(wide), *ending, *blocks)


def doubling(wide: int, narrow: int, residual_blocks: int) -> nn.Sequential:
    """A stage of a decoder: (B, wide, h, w) to (B, narrow, 2 h, 2 w)."""
    blocks = (ResidualBlock(wide) for _ in range(residual_blocks))
    convolution = nn.ConvTranspose2d(wide, narrow, 3, stride=2, padding=1, output_padding=1)
    return nn.Sequential(*blocks, convolution, nn.BatchNorm2d(narrow), nn.ReLU())
