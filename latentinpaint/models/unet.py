"""A small U-Net conditioned on a time: the network of the flow refiner.

Residual blocks with GroupNorm and SiLU, whose scale and shift depend on the time (adaptive group
normalisation, Dhariwal and Nichol, arXiv 2105.05233), self-attention on the coarsest grid, and a last
convolution that starts at zero. Any grid size works: going up, a map is resized to its skip partner.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentinpaint.errors import choose, whole_number

# Name -> padding mode of PyTorch's convolutions.
PADDINGS: dict[str, Literal["zeros", "circular"]] = {"zeros": "zeros", "circular": "circular"}


def time_features(time: Tensor, width: int, scale: float = 1000.0) -> Tensor:
    """Sines and cosines of the time at geometric frequencies (Vaswani et al. 2017).

    Args:
        time: (B,) in [0, 1]; or several such numbers of each item, (B, n).
        width: even number of features of each.
        scale: what time 1 is multiplied with before the frequencies 1 … 1/10000 are applied.

    Returns:
        (B, width), or (B, n * width).
    """
    half = width // 2
    exponents = torch.arange(half, device=time.device, dtype=time.dtype) / half
    angles = scale * time[..., None] * torch.exp(-math.log(10_000.0) * exponents)
    return torch.cat([angles.cos(), angles.sin()], dim=-1).flatten(1)


class TimeUNet(nn.Module):
    """U-Net on a grid, conditioned on a time.

    Args:
        in_channels, out_channels: channels of the input and the output.
        width: channels at the finest level.
        multipliers: channels of each level over `width`; every level after the first halves the grid.
        blocks: residual blocks a level, going down and going up.
        attention: self-attention on the coarsest grid.
        dropout: probability of dropping features inside the residual blocks, in [0, 1).
        times: how many numbers of each item it is conditioned on, 1 or more.
        padding: of the convolutions: "zeros", or "circular" for periodic grids, on which a shift by a multiple of the
            coarsest cell's side then shifts the output alike.
        normalised: whether features are normalised. Normalisation takes out the scale of its input, and most of its
            mean; without it, the output depends on both as smoothly as the layers do.

    Shapes: x (B, in_channels, h, w) of any h, w >= 1, time (B,) in [0, 1], or (B, times); output
    (B, out_channels, h, w).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        width: int = 64,
        multipliers: Sequence[int] = (1, 2, 3),
        blocks: int = 2,
        attention: bool = True,
        dropout: float = 0.0,
        times: int = 1,
        padding: str = "zeros",
        normalised: bool = True,
    ) -> None:
        super().__init__()
        choose(PADDINGS, padding, "padding")
        whole_number("channels", in_channels, 1)
        whole_number("width", width, 1)
        whole_number("blocks", blocks, 1)
        self.width = width
        embedding = 4 * width
        self.embed = nn.Sequential(
            nn.Linear(times * width, embedding), nn.SiLU(), nn.Linear(embedding, embedding), nn.SiLU()
        )
        self.enter = _convolution(in_channels, width, padding)
        widths = [width * multiplier for multiplier in multipliers]

        def time_blocks(before: int, channels: int) -> TimeBlocks:
            inputs = [before] + [channels] * (blocks - 1)
            return TimeBlocks(TimeBlock(count, channels, embedding, dropout, padding, normalised) for count in inputs)

        self.down = nn.ModuleList()
        for before, here in pairwise([width, *widths]):
            self.down.append(time_blocks(before, here))
        self.shrink = nn.ModuleList()
        for channels in widths[:-1]:
            self.shrink.append(_convolution(channels, channels, padding, stride=2))
        self.middle: nn.Module = nn.Identity()
        if attention:
            self.middle = SelfAttention(widths[-1], normalised)
        self.up = nn.ModuleList()
        for below, here in pairwise(reversed(widths)):
            self.up.append(time_blocks(below + here, here))
        self.leave = nn.Sequential(_norm(widths[0], normalised), nn.SiLU())
        self.answer = _convolution(widths[0], out_channels, padding)
        start_at_zero(self.answer)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        embedding = self.embed(time_features(time, self.width).to(x.dtype))
        x = self.enter(x)
        skips = []
        for level, blocks in enumerate(self.down):
            x = blocks(x, embedding)
            if level < len(self.shrink):
                skips.append(x)
                x = self.shrink[level](x)
        x = self.middle(x)
        for blocks in self.up:
            skip = skips.pop()
            x = torch.cat([F.interpolate(x, size=skip.shape[-2:], mode="nearest"), skip], dim=1)
            x = blocks(x, embedding)
        return self.answer(self.leave(x))


class TimeBlock(nn.Module):
    """Residual block of two 3x3 convolutions; the time scales and shifts what lies between, which is normalised."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        embedding: int,
        dropout: float,
        padding: str = "zeros",
        normalised: bool = True,
    ) -> None:
        super().__init__()
        self.before = nn.Sequential(
            _norm(in_channels, normalised), nn.SiLU(), _convolution(in_channels, out_channels, padding)
        )
        self.norm = _norm(out_channels, normalised, affine=False)
        self.modulate = nn.Linear(embedding, 2 * out_channels)
        self.after = nn.Sequential(nn.SiLU(), nn.Dropout(dropout), _convolution(out_channels, out_channels, padding))
        if not normalised:
            # Features keep their scale from block to block as long as the blocks are identities.
            start_at_zero(self.after[-1])
        self.skip: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.skip = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        scale, shift = self.modulate(embedding)[:, :, None, None].chunk(2, dim=1)
        return self.skip(x) + self.after(self.norm(self.before(x)) * (1 + scale) + shift)


class TimeBlocks(nn.ModuleList):
    """Several blocks of a level, such as `TimeBlock`s, one after the other; all take the same embedding."""

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        for block in self:
            x = block(x, embedding)
        return x


class SelfAttention(nn.Module):
    """Residual self-attention over all cells of a grid, (B, C, h, w) to the same, 32 channels a head."""

    def __init__(self, channels: int, normalised: bool = True) -> None:
        super().__init__()
        self.heads = largest_divisor(channels, max(1, channels // 32))
        self.norm = _norm(channels, normalised)
        self.project = nn.Conv2d(channels, 3 * channels, 1)
        self.merge = nn.Conv2d(channels, channels, 1)
        start_at_zero(self.merge)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        cells = self.project(self.norm(x)).reshape(batch, 3, self.heads, channels // self.heads, height * width)
        query, key, value = cells.transpose(-1, -2).unbind(dim=1)
        mixed = F.scaled_dot_product_attention(query, key, value)
        return x + self.merge(mixed.transpose(-1, -2).reshape(batch, channels, height, width))


def start_at_zero(layer: nn.Module) -> None:
    """Set all weights of a layer to 0: what it adds comes in by training alone."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


def _convolution(in_channels: int, out_channels: int, padding: str, stride: int = 1) -> nn.Conv2d:
    """A 3x3 convolution that keeps the grid, or shrinks it by its stride."""
    return nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, padding_mode=PADDINGS[padding])


def _norm(channels: int, normalised: bool, affine: bool = True) -> nn.Module:
    if not normalised:
        return nn.Identity()
    # At least two channels a group: on a grid of one cell a group of one number would have no standard deviation.
    groups = largest_divisor(channels, min(16, max(1, channels // 2)))
    return nn.GroupNorm(groups, channels, affine=affine)


def largest_divisor(number: int, limit: int) -> int:
    """The largest divisor of a number that is not above `limit`."""
    while number % limit != 0:
        limit -= 1
    return limit
