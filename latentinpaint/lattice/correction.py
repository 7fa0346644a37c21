r"""Samples of a known density q corrected to the density :math:`e^{-E} / Z`.

Weights :math:`w = e^{-E(x)} / q(x)` correct means: :math:`\langle f\rangle = \sum_i w_i f_i / \sum_i w_i`, worth
:math:`(\sum w)^2 / \sum w^2` independent samples. Metropolis's decision over proposals that do not depend on where
the chain is makes a Markov chain of the samples: another, w' against w, is taken with probability
:math:`\min(1, w' / w)`. Both know E only up to a constant, and so do not need Z.
"""

import math

import torch
from torch import Tensor

from latentinpaint.lattice.estimates import Estimate


def log_weights(energies: Tensor, log_density: Tensor) -> Tensor:
    """The logarithms (B,) of the weights of samples of energies E (B,) and log density (B,), but for a constant."""
    return -energies.double() - log_density.double()


def effective_fraction(weights: Tensor) -> float:
    """What part of the samples with these log weights (B,) counts, from 1 / B to 1."""
    shares = torch.softmax(weights, dim=0)
    return float(1 / (len(shares) * shares.square().sum()))


def weighted_mean(values: Tensor, weights: Tensor) -> Estimate:
    """The mean of values (B,) with log weights (B,)."""
    shares = torch.softmax(weights, dim=0)
    values = values.double()
    mean = (shares * values).sum()
    error = math.sqrt(float((shares * (values - mean)).square().sum()))
    return Estimate(float(mean), error, len(shares) * effective_fraction(weights))


def independence_chain(weights: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Which sample a chain over the samples in their order stands at after each of them: numbers (B,).

    The first sample is where it begins. The part of the numbers that differ from the one before is the acceptance.
    """
    weights = weights.cpu()  # number by number, for which a GPU has no use
    uniform = torch.rand(len(weights), generator=generator, dtype=torch.float64).log()
    places = torch.zeros(len(weights), dtype=torch.long)
    here = 0
    for number in range(1, len(weights)):
        if uniform[number] < weights[number] - weights[here]:
            here = number
        places[number] = here
    return places
