"""A U-Net that sees how noisy every entry is: the network of Hadamard interpolants."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from latentinpaint.models.unet import TimeUNet


class AlphaUNet(nn.Module):
    """`TimeUNet` with the map of alphas as one more input channel, and their mean in the place of the time.

    Args:
        channels: channels of the picture and of the answer.
        width, multipliers, blocks, attention, dropout: see `TimeUNet`.

    Shapes: x (B, C, H, W) and alpha (B or 1, 1, H, W) in [0, 1], 0 where an entry is data, to (B, C, H, W).
    """

    def __init__(
        self,
        channels: int,
        width: int = 64,
        multipliers: Sequence[int] = (1, 2, 2),
        blocks: int = 2,
        attention: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.network = TimeUNet(channels + 1, channels, width, multipliers, blocks, attention, dropout)

    def forward(self, x: Tensor, alpha: Tensor) -> Tensor:
        alpha = alpha.to(x).expand(len(x), 1, *x.shape[-2:])
        return self.network(torch.cat([x, alpha], dim=1), alpha.mean(dim=(1, 2, 3)))
