"""A U-Net along a path, for Hadamard interpolants whose every point has its own clock.

It convolves and pools over the path's length alone. The alphas come in twice: as one more channel of the input, point
by point, and all together through a small perceptron whose answer scales and shifts the features of every residual
block (adaptive group normalisation, Dhariwal and Nichol, arXiv 2105.05233). The widths 80, 160, 256 and 512 and the
kernel of 5 are those of the maze in Negrel et al., arXiv 2508.04605.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentinpaint.errors import InputError, choose, whole_number
from latentinpaint.models.unet import PADDINGS, SelfAttention, TimeBlocks, largest_divisor, start_at_zero

KERNEL = 5


class PathUNet(nn.Module):
    """U-Net over paths.

    Args:
        shape: (C, L, 1), of paths of L points.
        width: channels of the finest level over its multiplier.
        multipliers: channels of each level over `width`; every level after the first halves the length.
        blocks: residual blocks a level, going down and going up.
        attention: self-attention over the coarsest level.
        dropout: probability of dropping features inside the residual blocks, in [0, 1).
        padding: what convolutions see beyond a path's ends, a key of `unet.PADDINGS`: "circular" is for closed paths.

    Shapes: x (B, C, L, 1) and alpha (B or 1, 1, L, 1) in [0, 1], 0 where a point is data, to (B, C, L, 1).
    """

    def __init__(
        self,
        shape: Sequence[int],
        width: int = 16,
        multipliers: Sequence[int] = (5, 10, 16, 32),
        blocks: int = 2,
        attention: bool = False,
        dropout: float = 0.0,
        padding: str = "zeros",
    ) -> None:
        super().__init__()
        choose(PADDINGS, padding, "padding")
        channels, length, across = shape
        if across != 1:
            raise InputError(f"a path is one point wide, not {across}: pictures take the network alpha_unet")
        whole_number("width", width, 1)
        whole_number("blocks", blocks, 1)
        widths = [width * multiplier for multiplier in multipliers]
        embedding = 4 * widths[0]
        self.embed = nn.Sequential(
            nn.Linear(length, embedding), nn.SiLU(), nn.Linear(embedding, embedding), nn.SiLU()
        )
        self.enter = _along(channels + 1, widths[0], padding)

        def path_blocks(before: int, here: int) -> TimeBlocks:
            inputs = [before] + [here] * (blocks - 1)
            return TimeBlocks(PathBlock(count, here, embedding, dropout, padding) for count in inputs)

        self.down = nn.ModuleList()
        for before, here in pairwise([widths[0], *widths]):
            self.down.append(path_blocks(before, here))
        self.middle: nn.Module = nn.Identity()
        if attention:
            self.middle = SelfAttention(widths[-1])
        self.up = nn.ModuleList()
        for below, here in pairwise(reversed(widths)):
            self.up.append(path_blocks(below + here, here))
        self.leave = nn.Sequential(_group_norm(widths[0]), nn.SiLU())
        self.answer = _along(widths[0], channels, padding)
        start_at_zero(self.answer)

    def forward(self, x: Tensor, alpha: Tensor) -> Tensor:
        alpha = alpha.to(x).expand(len(x), 1, *x.shape[-2:])
        embedding = self.embed(alpha.flatten(1))
        features = self.enter(torch.cat([x, alpha], dim=1)[..., 0])  # (B, width, L)
        skips = []
        for level, blocks in enumerate(self.down):
            if level > 0:
                skips.append(features)
                features = F.avg_pool1d(features, 2, ceil_mode=True)
            features = blocks(features, embedding)
        features = self.middle(features[..., None])[..., 0]
        for blocks in self.up:
            skip = skips.pop()
            features = torch.cat([F.interpolate(features, size=skip.shape[-1], mode="nearest"), skip], dim=1)
            features = blocks(features, embedding)
        return self.answer(self.leave(features))[..., None]


class PathBlock(nn.Module):
    """Residual block of two convolutions along the path; the alphas scale and shift the second normalisation."""

    def __init__(self, in_channels: int, out_channels: int, embedding: int, dropout: float, padding: str) -> None:
        super().__init__()
        self.before = nn.Sequential(_group_norm(in_channels), nn.SiLU(), _along(in_channels, out_channels, padding))
        self.norm = _group_norm(out_channels, affine=False)
        self.modulate = nn.Linear(embedding, 2 * out_channels)
        self.after = nn.Sequential(nn.SiLU(), nn.Dropout(dropout), _along(out_channels, out_channels, padding))
        self.skip: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.skip = nn.Conv1d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        scale, shift = self.modulate(embedding)[:, :, None].chunk(2, dim=1)
        return self.skip(x) + self.after(self.norm(self.before(x)) * (1 + scale) + shift)


def _along(in_channels: int, out_channels: int, padding: str) -> nn.Conv1d:
    return nn.Conv1d(in_channels, out_channels, KERNEL, padding=KERNEL // 2, padding_mode=PADDINGS[padding])


def _group_norm(channels: int, affine: bool = True) -> nn.GroupNorm:
    # Groups of 16 channels, as in the authors' networks.
    return nn.GroupNorm(largest_divisor(channels, max(1, channels // 16)), channels, affine=affine)
