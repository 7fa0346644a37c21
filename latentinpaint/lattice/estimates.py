r"""Estimates with errors: of means along chains, of functions of means, and how far two of them are apart.

Records are (B, T): B independent chains of T values each. Independent samples are N chains of one value, (N, 1). The
susceptibility of V sites is :math:`\chi = V(\langle m^2\rangle - \langle|m|\rangle^2)`, with m the magnetisation.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.lattice.autocorrelation import integrated_time


@dataclass(frozen=True)
class Estimate:
    """A value and its standard error.

    Attributes:
        value: of the estimate.
        error: one standard deviation of it.
        effective: as how many independent samples the records count; NaN where it was not measured.
    """

    value: float
    error: float
    effective: float = math.nan


def estimate_mean(records: Tensor) -> Estimate:
    """The mean of records (B, T), its error by the integrated autocorrelation time."""
    count = records.numel()
    tau = 0.5
    if records.shape[1] > 1:
        tau = integrated_time(records).tau
    deviation = float(records.double().std())
    return Estimate(float(records.double().mean()), deviation * math.sqrt(2 * tau / count), count / (2 * tau))


def estimate_profile(records: Tensor) -> list[Estimate]:
    """The means of records (B, T, R), one for each of R numbers, with errors from the spread of the chains."""
    means = records.double().mean(dim=1)
    _check_chains(len(means))
    errors = (means.std(dim=0) / math.sqrt(len(means))).tolist()
    return list(map(Estimate, means.mean(dim=0).tolist(), errors))


def jackknife(statistic: Callable[[Tensor], Tensor], records: Sequence[Tensor]) -> Estimate:
    """A function of means, its error by leaving out one chain after the other.

    Args:
        statistic: takes means (K, …) to values (…).
        records: K records (B, T) of the same chains, 2 or more.
    """
    means = torch.stack(list(records)).double().mean(dim=2)
    chains = means.shape[1]
    _check_chains(chains)
    without = (means.sum(dim=1, keepdim=True) - means) / (chains - 1)
    values = statistic(without)
    spread = (values - values.mean()).square().sum() * (chains - 1) / chains
    return Estimate(float(statistic(means.mean(dim=1))), float(spread.sqrt()))


def susceptibility(magnetisations: Tensor, sites: int) -> Estimate:
    """V (<m^2> - <|m|>^2) of magnetisations (B, T) of `sites` sites."""

    def statistic(means: Tensor) -> Tensor:
        return sites * (means[0] - means[1].square())

    return jackknife(statistic, [magnetisations.square(), magnetisations.abs()])


def standard_errors(one: Estimate, other: Estimate) -> float:
    """How many standard errors of their difference two independent estimates are apart, with its sign."""
    return (one.value - other.value) / math.hypot(one.error, other.error)


def _check_chains(chains: int) -> None:
    if chains < 2:
        raise InputError("the error of an estimate needs two independent chains or more")
