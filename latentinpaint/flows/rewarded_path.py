"""How a Hadamard flow samples its density times exp r, for a quadratic reward r (13, 52–61).

Source and numbering: Negrel, Coeurdoux, Albergo, Vanden-Eijnden, arXiv 2508.04605.
"""

from dataclasses import dataclass

from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.interpolants import Drifts, HadamardPath, QuadraticReward
from latentinpaint.interpolants.paths import inpaint

REWARD_LEVEL = 0.98  # where paths begin: a linear reward has no process at alpha = 1


@dataclass(frozen=True, eq=False)
class RewardedPath:
    """A path that begins a little below pure noise, and drifts under a reward."""

    path: HadamardPath
    drifts: Drifts

    def begin(self, noise: Tensor) -> Tensor:
        """Where standard normal noise (B, C, H, W) is at the path's beginning, after one step of Euler's."""
        process = self.path.at(noise.new_zeros(()))
        return process.point(noise, self.drifts(process, process.alpha(noise)).data)


def rewarded_path(drifts: Drifts, quadratic: Tensor, linear: Tensor) -> RewardedPath:
    """The path under r(x) = sum of A x^2 / 2 + b x.

    Args:
        drifts: of the flow without reward.
        quadratic: A, (1, C, H, W), 0 or below, the same for all channels.
        linear: b, (1, C, H, W).

    Raises:
        InputError: if A is above 0 anywhere: there is no path from pure noise; or if it differs between channels.
    """
    if (quadratic > 0).any():
        raise InputError("the quadratic part of a reward is 0 or below: above, there is no path from noise")
    if (quadratic != quadratic[:, :1]).any():
        raise InputError("the quadratic part of a reward is one number for all channels, which share their clock")
    level = REWARD_LEVEL + 0 * quadratic[:, :1]
    return RewardedPath(inpaint(level), QuadraticReward(quadratic, linear).drifts(drifts))
