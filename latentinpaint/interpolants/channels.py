r"""Channels: corruptions that come in amounts, several at once, and the paths that take them away.

.. math::
    \alpha = \sum_j a_j A_j, \qquad \beta = b_0\,\mathrm{Id} + \sum_{i>0} b_i B_i, \qquad a_j, b_i \ge 0, \tag{12}

with noises :math:`A_j` and damages :math:`B_i` that are convolutions. The damages' amounts sum to 1 at most and
:math:`b_0` is what they leave, so the amounts of an observation :math:`\alpha x_0 + \beta x_1` are a point
:math:`(b_1, \dots, a_1, \dots)`, and that of the clean picture is zero: every corruption is on a straight path to it.

Numbering and source as in `interpolant`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.interpolants.interpolant import Process
from latentinpaint.interpolants.operators import Fourier
from latentinpaint.interpolants.paths import Path


@dataclass(frozen=True, eq=False)
class ChannelProcess(Process):
    """The process of some amounts (B, k), which a model is told beside the point."""

    amounts: Tensor


@dataclass(frozen=True, eq=False)
class Channels:
    """The channels of pictures of one size, by name.

    Args:
        damages: transfer functions of the B_i, i above 0, (1, 1, H, W // 2 + 1) each; see `transfers`.
        noises: transfer functions of the A_j.
    """

    damages: Mapping[str, Tensor]
    noises: Mapping[str, Tensor]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all amounts in their order: the damages', then the noises'."""
        return (*self.damages, *self.noises)

    def amounts(self, chosen: Mapping[str, float]) -> Tensor:
        """The amounts (1, k) of some channels by their names, 0 for the others; float64.

        Raises:
            InputError: if there is no such channel, an amount is not in [0, 1], or those of the damages sum to more.
        """
        for name, amount in chosen.items():
            if name not in self.names:
                raise InputError(f"there is no channel '{name}': choose of {', '.join(self.names)}")
            if not 0 <= amount <= 1:
                raise InputError(f"the amount of a channel is from 0 to 1, not {amount} as that of {name}")
        values = torch.tensor([[chosen.get(name, 0.0) for name in self.names]], dtype=torch.float64)
        if values[:, : len(self.damages)].sum() > 1 + 1e-9:
            raise InputError(f"the amounts of {', '.join(self.damages)} sum to 1 at most: they share one picture")
        return values

    def process(self, amounts: Tensor) -> ChannelProcess:
        """The operators of amounts (B, k), in their precision and on their device."""
        weights = amounts[:, :, None, None, None]
        damage, noise = weights.split([len(self.damages), len(self.noises)], dim=1)
        kept = 1 - damage.sum(dim=1)
        beta = kept + (damage * _stacked(self.damages, amounts)).sum(dim=1)
        alpha = (noise * _stacked(self.noises, amounts)).sum(dim=1)
        return ChannelProcess(Fourier(alpha), Fourier(beta), amounts)


@dataclass(frozen=True, eq=False)
class ChannelPath(Path):
    """Straight from amounts (B, k) to others, such as from those of a corruption to zero."""

    channels: Channels
    begin: Tensor
    end: Tensor

    def at(self, t: Tensor) -> ChannelProcess:
        t = t[..., None]
        return self.channels.process((1 - t) * self.begin + t * self.end)

    def rate(self, t: Tensor) -> Process:
        return self.channels.process(self.end) - self.channels.process(self.begin)


def clean_path(channels: Channels, amounts: Tensor) -> ChannelPath:
    """From the corruption of amounts (B, k) to the clean picture."""
    return ChannelPath(channels, amounts, torch.zeros_like(amounts))


def _stacked(transfers: Mapping[str, Tensor], like: Tensor) -> Tensor:
    """The transfer functions (n, 1, H, W // 2 + 1) in the precision of `like` and on its device."""
    stacked = torch.cat(list(transfers.values()))
    if stacked.is_complex():
        return stacked.to(like.device, like.dtype.to_complex())
    return stacked.to(like)
