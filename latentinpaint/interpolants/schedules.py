r"""Schedules: how much of each end a path holds at time t.

Convention ("time"): t = 0 is the source (noise), t = 1 the data, and

.. math:: x_t = \alpha(t)\,x_0 + \beta(t)\,x_1, \qquad \alpha(0) = \beta(1) = 1,\ \alpha(1) = \beta(0) = 0.

Times are tensors of any shape with values in [0, 1]; every method returns that shape and dtype.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor


class Schedule(ABC):
    """The coefficients of a path and their derivatives in t.

    Attributes:
        last: the time up to which the derivatives are used: 1, or just before where they grow without bound there.
    """

    last: float = 1.0

    @abstractmethod
    def alpha(self, t: Tensor) -> Tensor:
        """Weight of the source."""

    @abstractmethod
    def beta(self, t: Tensor) -> Tensor:
        """Weight of the data."""

    @abstractmethod
    def alpha_dot(self, t: Tensor) -> Tensor:
        """Derivative of `alpha`."""

    @abstractmethod
    def beta_dot(self, t: Tensor) -> Tensor:
        """Derivative of `beta`."""


class Linear(Schedule):
    """alpha = 1 - t, beta = t: straight lines (Liu et al. 2022, Lipman et al. 2022)."""

    def alpha(self, t: Tensor) -> Tensor:
        return 1 - t

    def beta(self, t: Tensor) -> Tensor:
        return t

    def alpha_dot(self, t: Tensor) -> Tensor:
        return -torch.ones_like(t)

    def beta_dot(self, t: Tensor) -> Tensor:
        return torch.ones_like(t)


class Cosine(Schedule):
    """alpha = cos(pi t / 2), beta = sin(pi t / 2): the variance of independent unit-variance endpoints stays 1."""

    def alpha(self, t: Tensor) -> Tensor:
        return torch.cos(math.pi / 2 * t)

    def beta(self, t: Tensor) -> Tensor:
        return torch.sin(math.pi / 2 * t)

    def alpha_dot(self, t: Tensor) -> Tensor:
        return -math.pi / 2 * torch.sin(math.pi / 2 * t)

    def beta_dot(self, t: Tensor) -> Tensor:
        return math.pi / 2 * torch.cos(math.pi / 2 * t)


class VariancePreserving(Schedule):
    r"""The path of a variance-preserving diffusion (Song et al., arXiv 2011.13456), alpha^2 + beta^2 = 1:

    .. math:: \beta(t) = \exp\bigl(-\tfrac14 (1 - t)^2 (b_1 - b_0) - \tfrac12 (1 - t)\,b_0\bigr)

    with the noise rates b_0 = 0.1 and b_1 = 20 of that paper. Its source is not quite pure: beta(0) = 0.0066; and
    alpha falls like a square root at t = 1, where its derivative is infinite: `last` is 0.999.
    """

    last = 0.999
    min_rate = 0.1
    max_rate = 20.0

    def alpha(self, t: Tensor) -> Tensor:
        return torch.sqrt(-torch.expm1(2 * self._exponent(t)))

    def beta(self, t: Tensor) -> Tensor:
        return torch.exp(self._exponent(t))

    def alpha_dot(self, t: Tensor) -> Tensor:
        return -self.beta(t) * self.beta_dot(t) / self.alpha(t)

    def beta_dot(self, t: Tensor) -> Tensor:
        return self.beta(t) * 0.5 * ((1 - t) * (self.max_rate - self.min_rate) + self.min_rate)

    def _exponent(self, t: Tensor) -> Tensor:
        return -0.25 * (1 - t) ** 2 * (self.max_rate - self.min_rate) - 0.5 * (1 - t) * self.min_rate


SCHEDULES: dict[str, type[Schedule]] = {
    "linear": Linear,
    "cosine": Cosine,
    "variance_preserving": VariancePreserving,
}
