r"""The interpolant: points on the path, their velocity, and what a velocity says about the ends.

.. math::
    x_t = \alpha x_0 + \beta x_1, \qquad \dot x_t = \dot\alpha x_0 + \dot\beta x_1

Both lines solved for the data give, with the Wronskian :math:`w = \alpha\dot\beta - \dot\alpha\beta`,

.. math:: x_1 = (\alpha\,\dot x_t - \dot\alpha\,x_t) / w, \qquad
          \dot x_t = \frac{\dot\alpha}{\alpha}\,x_t + \frac{w}{\alpha}\,x_1.

w is 1 for the linear and pi / 2 for the cosine schedule. The same lines hold for conditional expectations given
``x_t``, so they turn a velocity field into the estimate of the clean data and back.

This is the one place that expands a time ``(B,)`` to the shape of ``x``.
Source: Albergo, Boffi, Vanden-Eijnden, "Stochastic Interpolants", arXiv 2303.08797.
"""

from dataclasses import dataclass, field

from torch import Tensor

from latentinpaint.interpolants.schedules import Linear, Schedule


@dataclass(frozen=True)
class Interpolant:
    """A path between two ends.

    Args:
        schedule: the coefficients.
        floor: smallest alpha that `velocity_from_data` divides by, in (0, 1]; it keeps the velocity finite as
            t approaches 1 and changes nothing where alpha is larger.

    In every method ``x_0, x_1, x_t, …`` are (B, …) of one shape and ``t`` is (B,) with values in [0, 1].
    """

    schedule: Schedule = field(default_factory=Linear)
    floor: float = 0.05

    def point(self, x_0: Tensor, x_1: Tensor, t: Tensor) -> Tensor:
        """``x_t``."""
        return _expand(self.schedule.alpha(t), x_0) * x_0 + _expand(self.schedule.beta(t), x_1) * x_1

    def velocity(self, x_0: Tensor, x_1: Tensor, t: Tensor) -> Tensor:
        """The derivative of ``x_t`` in t."""
        return _expand(self.schedule.alpha_dot(t), x_0) * x_0 + _expand(self.schedule.beta_dot(t), x_1) * x_1

    def data_from_velocity(self, x_t: Tensor, velocity: Tensor, t: Tensor) -> Tensor:
        """The estimate of ``x_1`` that a velocity at ``x_t`` implies: one step to the end."""
        schedule = self.schedule
        clean = _expand(schedule.alpha(t), x_t) * velocity - _expand(schedule.alpha_dot(t), x_t) * x_t
        return clean / _expand(self._wronskian(t), x_t)

    def velocity_from_data(self, x_t: Tensor, x_1: Tensor, t: Tensor) -> Tensor:
        """The velocity at ``x_t`` that an estimate of ``x_1`` implies, with alpha held above `floor`."""
        alpha = self.schedule.alpha(t).clamp(min=self.floor)
        return (_expand(self.schedule.alpha_dot(t), x_t) * x_t + _expand(self._wronskian(t), x_t) * x_1) / _expand(
            alpha, x_t
        )

    def _wronskian(self, t: Tensor) -> Tensor:
        schedule = self.schedule
        return schedule.alpha(t) * schedule.beta_dot(t) - schedule.alpha_dot(t) * schedule.beta(t)


def _expand(coefficient: Tensor, like: Tensor) -> Tensor:
    """(B,) to (B, 1, 1, …) with as many dimensions as `like`; a single number stays as it is."""
    if coefficient.ndim == 0:
        return coefficient
    if coefficient.ndim != 1 or coefficient.shape[0] != like.shape[0]:
        raise ValueError(f"a time is one number or ({like.shape[0]},), not {tuple(coefficient.shape)}")
    return coefficient.view(-1, *[1] * (like.ndim - 1))
