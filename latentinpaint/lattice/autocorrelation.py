r"""Autocorrelation of Markov chains: how many independent values a series is worth.

With the normalised autocorrelation :math:`\rho(t)`, the mean of N values has the variance
:math:`2\tau_{int}\sigma^2 / N`, where

.. math:: \tau_{int} = \tfrac12 + \sum_{t \ge 1} \rho(t).

The sum is cut at the first window :math:`W \ge c\,\tau_{int}(W)`: further terms add noise and hardly any signal
(Sokal, "Monte Carlo methods in statistical mechanics", 1989; error of the time: Madras and Sokal, J. Stat. Phys. 50
(1988) 109). Independent values have :math:`\tau_{int} = \tfrac12`.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class IntegratedTime:
    """An integrated autocorrelation time, in records.

    Attributes:
        tau: the time, at least 1/2 for series that are not anticorrelated.
        error: its standard error.
        window: where the sum was cut.
    """

    tau: float
    error: float
    window: int


def autocorrelation(series: Tensor) -> Tensor:
    """rho(t) for t = 0 … T - 1, (T,), of chains (B, T) with one mean; rho(0) is 1.

    A series that does not vary has no autocorrelation: rho is 0 beyond t = 0.
    """
    chains, length = series.shape
    centred = series.double() - series.double().mean()
    spectrum = torch.fft.rfft(centred, n=2 * length, dim=1)
    products = torch.fft.irfft(spectrum.abs().square(), n=2 * length, dim=1)[:, :length].sum(dim=0)
    covariance = products / (chains * torch.arange(length, 0, -1).to(products))
    if covariance[0] <= 0:
        return torch.eye(1, length).to(covariance)[0]
    return covariance / covariance[0]


def integrated_time(series: Tensor, window_factor: float = 5.0) -> IntegratedTime:
    """The integrated autocorrelation time of chains (B, T), with an automatic window.

    Args:
        series: (B, T), an observable along chains in equilibrium.
        window_factor: c; larger cuts later.
    """
    chains, length = series.shape
    sums = autocorrelation(series).cumsum(dim=0) - 0.5
    windows = torch.arange(length).to(sums)
    enough = windows >= window_factor * sums
    enough[-1] = True
    window = int(enough.nonzero()[0])
    tau = float(sums[window])
    error = abs(tau) * math.sqrt(2 * (2 * window + 1) / (chains * length))
    return IntegratedTime(tau, error, window)
