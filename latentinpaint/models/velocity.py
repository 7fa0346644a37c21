"""Velocity networks of flows, by name: a perceptron for points, U-Nets for pictures.

`ConcatUNet` is that of the mask-conditioned CIFAR-10 study (8,565,315 parameters as it stands there, 64 base channels
and 5 input channels: picture, time and mask), `AddUNet` that of a flow-matching practical on MNIST (205,953).
Those of flows with many clocks in the place of one time are in `alpha_networks`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from latentinpaint.errors import InputError, choose
from latentinpaint.models.unet import TimeUNet


class TimeMLP(nn.Module):
    """Three hidden layers with ReLU; the last layer has none, because a velocity can be negative.

    Args:
        features: dimensions of a point, d.
        width: of the hidden layers, n. The network has 2 n^2 + (2 d + 4) n + d parameters.

    Shapes: x (B, d) and time (B,) in [0, 1] to (B, d).
    """

    def __init__(self, features: int = 2, width: int = 128) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(features + 1, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, features),
        )

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        return self.layers(torch.cat([x, time[:, None].to(x.dtype)], dim=1))


class ConcatUNet(nn.Module):
    """Four levels of two convolutions, GroupNorm and ReLU; skips are concatenated.

    Args:
        in_channels: channels of the input, the time's not counted.
        out_channels: channels of the output.
        base_channels: channels of the finest level, a multiple of 8; they double from level to level.

    Shapes: x (B, in_channels, H, W), H and W multiples of 8, and time (B,) to (B, out_channels, H, W). With c input
    channels, the time's included, and o output channels it has 2088 b^2 + (9 c + 153 + o) b + o parameters.
    """

    def __init__(self, in_channels: int = 4, out_channels: int = 3, base_channels: int = 64) -> None:
        super().__init__()
        widths = [base_channels * 2**level for level in range(4)]
        self.down = nn.ModuleList([_two_normed(in_channels + 1, widths[0])])
        for finer, coarser in pairwise(widths):
            self.down.append(_two_normed(finer, coarser, stride=2))
        self.grow = nn.ModuleList()
        for coarser, finer in pairwise(reversed(widths)):
            upsampling = nn.ConvTranspose2d(coarser, finer, 3, stride=2, padding=1, output_padding=1)
            self.grow.append(nn.Sequential(upsampling, nn.GroupNorm(8, finer), nn.ReLU()))
        self.up = nn.ModuleList()
        for finer in reversed(widths[:-1]):
            self.up.append(_two_normed(2 * finer, finer))
        self.answer = nn.Conv2d(base_channels, out_channels, 1)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        x = _with_time(x, time)
        skips = []
        for level in self.down:
            x = level(x)
            skips.append(x)
        skips.pop()
        for grow, level in zip(self.grow, self.up, strict=True):
            x = level(torch.cat([grow(x), skips.pop()], dim=1))
        return self.answer(x)


class AddUNet(nn.Module):
    """Three levels of two convolutions and ReLU; skips are added.

    Args:
        channels: channels of the picture and of the output.
        width: channels of the finest level, twice as many below.

    Shapes: x (B, channels, H, W), H and W multiples of 4, and time (B,) to (B, channels, H, W).
    """

    def __init__(self, channels: int = 1, width: int = 32) -> None:
        super().__init__()
        double = 2 * width
        self.fine = nn.Sequential(*_two_plain(channels + 1, width))
        self.coarse = nn.Sequential(nn.MaxPool2d(2), *_two_plain(width, double))
        self.middle = nn.Sequential(
            nn.MaxPool2d(2), *_two_plain(double, double), nn.ConvTranspose2d(double, double, 2, stride=2)
        )
        self.up = nn.Sequential(*_two_plain(double, width), nn.ConvTranspose2d(width, width, 2, stride=2))
        self.leave = nn.Sequential(*_two_plain(width, width), nn.Conv2d(width, channels, 1))

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        fine = self.fine(_with_time(x, time))
        coarse = self.coarse(fine)
        return self.leave(fine + self.up(coarse + self.middle(coarse)))


def _with_time(x: Tensor, time: Tensor) -> Tensor:
    """x (B, C, H, W) with the time (B,) as one channel more."""
    time_map = time.to(x.dtype).view(-1, 1, 1, 1).expand(-1, 1, *x.shape[-2:])
    return torch.cat([x, time_map], dim=1)


def _two_normed(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    """Two 3x3 convolutions with GroupNorm and ReLU; the first has the stride."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1),
        nn.GroupNorm(8, out_channels),
        nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, 3, padding=1),
        nn.GroupNorm(8, out_channels),
        nn.ReLU(),
    )


def _two_plain(in_channels: int, out_channels: int) -> list[nn.Module]:
    """Two 3x3 convolutions with ReLU."""
    return [
        nn.Conv2d(in_channels, out_channels, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, 3, padding=1),
        nn.ReLU(),
    ]


def build_network(name: str, shape: Sequence[int], arguments: dict[str, Any] | None) -> nn.Module:
    """A velocity network by its name, for data of `shape`: it takes x (B, *shape) and a time (B,).

    Args:
        name: a key of `NETWORKS`.
        shape: (d,) or (C, H, W).
        arguments: of the network besides its channels; None is none.
    """
    network = choose(NETWORKS, name, "network")
    if len(shape) != network.dimensions:
        data = "points" if len(shape) == 1 else "pictures"
        raise InputError(f"the network '{name}' does not take {data}")
    check_sides(shape, network.divisor)
    try:
        return network.build(shape[0], **(arguments or {}))
    except TypeError as error:
        raise InputError(f"the network '{name}' cannot be built: {error}") from error


def check_sides(shape: Sequence[int], divisor: int) -> None:
    """Raise an `InputError` unless the sides of pictures (C, H, W) are multiples of `divisor`."""
    if any(side % divisor for side in shape[1:]):
        raise InputError(f"this network takes sides that are multiples of {divisor}, not {shape[1]} x {shape[2]}")


@dataclass(frozen=True)
class NetworkSpec:
    """How to build a velocity network, and the data it takes.

    Args:
        dimensions: 1 for points (d,), 3 for pictures (C, H, W).
        divisor: a picture's sides are multiples of it.
        build: takes the dimensions of a point or the channels of a picture, and the network's other arguments.
    """

    dimensions: int
    divisor: int
    build: Callable[..., nn.Module]


NETWORKS: dict[str, NetworkSpec] = {
    "mlp": NetworkSpec(1, 1, TimeMLP),
    "add_unet": NetworkSpec(3, 4, AddUNet),
    "concat_unet": NetworkSpec(3, 8, lambda channels, **arguments: ConcatUNet(channels, channels, **arguments)),
    "time_unet": NetworkSpec(3, 1, lambda channels, **arguments: TimeUNet(channels, channels, **arguments)),
}
