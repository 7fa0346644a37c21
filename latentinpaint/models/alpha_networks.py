"""Networks of flows that have many clocks in the place of one time.

Every entry of a picture has its own alpha (`AlphaUNet` and `EstimateUNet`; those of paths take `path_unet.PathUNet`),
or every corruption its own amount (`AmountsUNet`).
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from latentinpaint.errors import InputError
from latentinpaint.models.path_unet import PathUNet
from latentinpaint.models.unet import TimeUNet


class AlphaUNet(nn.Module):
    """`TimeUNet` with the map of alphas as one more input channel, and their mean in the place of the time.

    Args:
        channels: channels of the picture and of the output.
        settings: width, multipliers, blocks, attention, dropout and padding of `TimeUNet`.

    Shapes: x (B, C, H, W) and alpha (B or 1, 1, H, W) in [0, 1], 0 where an entry is data, to (B, C, H, W).
    """

    def __init__(self, channels: int, **settings: Any) -> None:
        super().__init__()
        self.network = TimeUNet(channels + 1, channels, **settings)

    def forward(self, x: Tensor, alpha: Tensor) -> Tensor:
        alpha = alpha.to(x).expand(len(x), 1, *x.shape[-2:])
        return self.network(torch.cat([x, alpha], dim=1), alpha.mean(dim=(1, 2, 3)))


class EstimateUNet(nn.Module):
    r"""eta from estimates of the data, in the place of the point, by a network without normalisation.

    For independent normal data of variance K the point x = alpha x_0 + (1 - alpha) x_1 has the expected data

    .. math:: d_K = \frac{K (1-\alpha)\,x}{\alpha^2 + K (1-\alpha)^2},

    which stays finite where a reward moves the point beyond all bounds: for alpha near 1 a field h moves x by
    :math:`h / (1 - \alpha)` (56), but d_K by K h. The network F sees :math:`d_K / \sqrt K` for several K and corrects
    what is right for K = 1,

    .. math::
        \eta = \frac{x - d_1}{\alpha} - \frac F{\sqrt v} = \frac{(2\alpha - 1)\,x}v - \frac F{\sqrt v}, \qquad
        v = \alpha^2 + (1-\alpha)^2,

    the preconditioning of Karras et al., arXiv 2206.00364, for data of unit variance.

    Args:
        channels: channels of the picture and of the output.
        variances: the K, above 0.
        settings: width, multipliers, blocks, attention, dropout and padding of `TimeUNet`.

    Shapes: x (B, C, H, W) and alpha (B or 1, 1, H, W) in [0, 1], 0 where an entry is data, to (B, C, H, W).
    """

    def __init__(self, channels: int, variances: Sequence[float], **settings: Any) -> None:
        super().__init__()
        if not variances or min(variances) <= 0:
            raise InputError(f"variances are one number above 0 or more, not {list(variances)}")
        self.variances = tuple(variances)
        self.network = TimeUNet(len(variances) * channels + 1, channels, normalised=False, **settings)

    def forward(self, x: Tensor, alpha: Tensor) -> Tensor:
        alpha = alpha.to(x).expand(len(x), 1, *x.shape[-2:])
        noise = alpha.square()
        signal = (1 - alpha).square()
        seen = [alpha]
        for variance in self.variances:
            seen.append(variance**0.5 * (1 - alpha) * x / (noise + variance * signal))
        missing = self.network(torch.cat(seen, dim=1), alpha.mean(dim=(1, 2, 3)))
        v = noise + signal
        return (2 * alpha - 1) * x / v - missing / v.sqrt()


class AmountsUNet(nn.Module):
    """`TimeUNet` on a periodic grid, conditioned on several amounts, that sees a first estimate beside the point.

    Args:
        channels: channels of the picture and of the output.
        amounts: how many there are.
        settings: width, multipliers, blocks, attention and dropout of `TimeUNet`.

    Shapes: x and estimate (B, C, H, W) and amounts (B, k) in [0, 1] to (B, C, H, W).
    """

    def __init__(self, channels: int, amounts: int, **settings: Any) -> None:
        super().__init__()
        self.network = TimeUNet(2 * channels, channels, times=amounts, padding="circular", **settings)

    def forward(self, x: Tensor, estimate: Tensor, amounts: Tensor) -> Tensor:
        return self.network(torch.cat([x, estimate], dim=1), amounts.to(x))


# Name -> shape (C, H, W) and settings, width to padding, to a network that takes x and alpha.
ALPHA_NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "alpha_unet": lambda shape, **settings: AlphaUNet(shape[0], **settings),
    "path_unet": PathUNet,
}
