r"""A smooth continuation of the known cells into the hole, for refiners to start from.

What the encoder makes of a blank hole says nothing of the colours around it, and to carry them across a hole of many
cells is the first thing a refiner has to learn. Normalised convolution does it without learning: with the known
cells' values v and their weights w, 1 or 0,

.. math:: (k * w v) / (k * w)

for a small kernel first, then ever wider ones, each for the cells that have no value yet (Knutsson and Westin,
"Normalized and differential convolution", CVPR 1993).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from latentinpaint.refiners.base import Condition

KERNELS = ((1, 2), (2, 4), (4, 8), (8, 16))  # each of two convolutions, whose taps are so many cells apart
REACH = 45  # cells, the sum of these numbers
SMOOTHING = 4  # further passes over the hole, so that no step is left where the kernel grew
TAPS = (0.25, 0.5, 0.25)


def prepared(condition: Condition, continued: bool) -> Condition:
    """What a refiner reads: the condition with the known cells `continued` into the hole, or as it is."""
    if continued:
        return continue_known(condition)
    return condition


def continue_known(condition: Condition) -> Condition:
    """The same condition with another latent in the hole.

    Cells that are all hole get the continuation, cells with known pixels the mean of it and their own latent by area,
    known cells keep theirs. Cells out of reach of any known one get 0, the mean of all latents. The continuation is a
    constant to gradients: what it continues is known.
    """
    known = (1 - condition.hole).to(condition.latent)
    values = torch.cat([condition.latent.detach() * known, known], dim=1)
    for near, far in KERNELS:
        blurred = blur(blur(values, near), far)
        reached = blurred[:, -1:] > 0
        new = torch.where(reached, blurred / torch.where(reached, blurred[:, -1:], 1.0), 0.0)
        values = torch.where(values[:, -1:] > 0, values, new)
    continued = values[:, :-1]
    for _ in range(SMOOTHING):
        padded = F.pad(continued, (1, 1, 1, 1), mode="replicate")
        continued = torch.where(condition.hole > 0, blur(padded, 1)[..., 1:-1, 1:-1], continued)
    latent = torch.lerp(condition.latent, continued, condition.area.to(condition.latent))
    return Condition(latent, condition.hole, condition.area)


def blur(x: Tensor, dilation: int) -> Tensor:
    """Every channel of x (B, C, h, w) with a 3x3 kernel of sum 1, zeros beyond the border."""
    taps = x.new_tensor(TAPS)
    kernel = torch.outer(taps, taps).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(x, kernel, padding=dilation, dilation=dilation, groups=x.shape[1])
