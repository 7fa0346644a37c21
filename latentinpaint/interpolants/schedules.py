r"""Schedules: how much of each end a path holds at time t.

Convention ("time"): t = 0 is the source (noise), t = 1 the data, and

.. math:: x_t = \alpha(t)\,x_0 + \beta(t)\,x_1, \qquad \alpha(0) = \beta(1) = 1,\ \alpha(1) = \beta(0) = 0.

Times are tensors of any shape with values in [0, 1]; every method answers in that shape and dtype.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor


class Schedule(ABC):
    """The coefficients of a path and their derivatives in t."""

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
    """alpha = cos(pi t / 2), beta = sin(pi t / 2): the variance of independent unit-variance ends stays 1."""

    def alpha(self, t: Tensor) -> Tensor:
        return torch.cos(math.pi / 2 * t)

    def beta(self, t: Tensor) -> Tensor:
        return torch.sin(math.pi / 2 * t)

    def alpha_dot(self, t: Tensor) -> Tensor:
        return -math.pi / 2 * torch.sin(math.pi / 2 * t)

    def beta_dot(self, t: Tensor) -> Tensor:
        return math.pi / 2 * torch.cos(math.pi / 2 * t)


SCHEDULES: dict[str, type[Schedule]] = {"linear": Linear, "cosine": Cosine}
