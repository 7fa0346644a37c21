r"""The energy score: a loss of samples that is least where they are drawn from the distribution of the truth.

For independent samples x and x' of one picture and the truth y it is

.. math:: \tfrac12 \|x - y\| + \tfrac12 \|x' - y\| - \tfrac12 \|x - x'\|,

whose mean over samples and truths is least where samples are distributed as the truth and nowhere else, a strictly
proper scoring rule (Gneiting and Raftery, "Strictly Proper Scoring Rules, Prediction, and Estimation", JASA 2007).
There the mean distance of a sample to the truth equals that between samples. Equal samples are left with an absolute
error, and samples that differ where the truth does not pay for it.

The vectors are those of single cells, and the means of blocks of cells: samples that are right cell by cell, but
whose cells vary too much together or too little, have a wrong spread of means. That such scores of small parts are
enough for a network whose noise is one vector for all of them: Alet et al., "Skillful joint probabilistic weather
forecasting from marginals", arXiv 2506.10772.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from latentinpaint.interpolants.objectives import weighted_mean

BLOCKS = (1, 2, 4)  # sides of the blocks, cells


@dataclass(frozen=True)
class EnergyScore:
    """The two parts of an energy score, each ().

    Attributes:
        error: mean distance of a sample to the truth.
        spread: mean distance between two samples.
    """

    error: Tensor
    spread: Tensor

    @property
    def score(self) -> Tensor:
        """What is to be minimised."""
        return self.error - 0.5 * self.spread


def energy_score(first: Tensor, second: Tensor, truth: Tensor, weight: Tensor) -> EnergyScore:
    """The score of two samples, a mean over cells and over the sides of `BLOCKS`.

    Args:
        first, second: independent samples (B, C, h, w) of each picture.
        truth: (B, C, h, w).
        weight: (B, 1, h, w), 0 or more, of each cell; that of a block is its mean.
    """
    error = 0.5 * (_distance(first - truth, weight) + _distance(second - truth, weight))
    return EnergyScore(error, _distance(first - second, weight))


def _distance(difference: Tensor, weight: Tensor) -> Tensor:
    """The root mean square over channels, its weighted mean over blocks, and the mean of that over their sides."""
    distances = []
    for side in BLOCKS:
        means = F.avg_pool2d(difference, side, ceil_mode=True)
        norms = torch.linalg.vector_norm(means, dim=1, keepdim=True) / means.shape[1] ** 0.5
        distances.append(weighted_mean(norms, F.avg_pool2d(weight, side, ceil_mode=True)))
    return torch.stack(distances).mean()
