r"""A trained flow as a prior of pictures: the velocity of :math:`x_t = (1 - t) x_0 + t x_1` and what follows.

t = 0 is standard normal noise, t = 1 data in [-1, 1]. With :math:`v(x, t) = \mathbb E[x_1 - x_0 \mid x_t = x]` the
data that are expected at x are :math:`\mathbb E[x_1 \mid x] = x + (1 - t) v`. Derivatives of the velocity
are those of `torch.func`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from latentinpaint.errors import InputError
from latentinpaint.flows import Flow, HadamardFlow, ScheduledFlow
from latentinpaint.interpolants import Linear, integrate

# x (B, C, H, W) and t (B,) to the velocity (B, C, H, W).
Velocity = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class VelocityPrior:
    """The velocity of a linear path from noise to pictures.

    velocity: of points (B, C, H, W) and times (B,). shape: (C, H, W). flow: the flow that it belongs to; None of a
    velocity that is known in closed form.
    """

    velocity: Velocity
    shape: tuple[int, ...]
    flow: Flow | None = None

    @property
    def network(self) -> nn.Module | None:
        """What is evaluated, once for every item; None without a flow."""
        network = getattr(self.flow, "network", None)
        assert network is None or isinstance(network, nn.Module)
        return network

    @property
    def device(self) -> torch.device:
        """Where it is computed."""
        if self.flow is None:
            return torch.device("cpu")
        return next(self.flow.parameters()).device

    def at(self, x: Tensor, t: float) -> Tensor:
        """The velocity at x (B, C, H, W) at one time."""
        return self.velocity(x, x.new_full((len(x),), t))

    def data(self, x: Tensor, t: float) -> Tensor:
        """The data that are expected at x: the denoiser."""
        return x + (1 - t) * self.at(x, t)

    def pullback(self, x: Tensor, t: float) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """The velocity, and the map of a vector u (B, C, H, W) to its transposed Jacobian times u."""
        found = torch.func.vjp(lambda point: self.at(point, t), x)
        return found[0], lambda u: found[1](u)[0]

    def carry(self, noise: Tensor, steps: int) -> Tensor:
        """The pictures (B, C, H, W) that noise becomes by `steps` steps of the midpoint rule.

        Gradients pass through it, and what they need is computed again step by step: memory holds one step.
        """
        x = noise
        for number in range(steps):
            x = checkpoint(self._midpoint, x, number / steps, 1 / steps, use_reentrant=False)
        return x

    def _midpoint(self, x: Tensor, t: float, step: float) -> Tensor:
        middle = x + 0.5 * step * self.at(x, t)
        return x + step * self.at(middle, t + 0.5 * step)

    @torch.no_grad()
    def back(self, pictures: Tensor, tolerance: float = 1e-5) -> Tensor:
        """The noise (B, C, H, W) that becomes these pictures, by Dormand and Prince's method, item by item."""
        found = integrate(self.velocity, pictures, method="dopri5", span=(1.0, 0.0), rtol=tolerance, atol=tolerance)
        return found.x


def data_variance(t: float) -> float:
    """The variance of the data at a time, given the point of the path, if the data are standard normal."""
    return (1 - t) ** 2 / ((1 - t) ** 2 + t**2)


def prior_of(flow: Flow) -> VelocityPrior:
    """A flow from noise to pictures as a prior.

    A Hadamard flow has one with the same alpha everywhere: :math:`v(x, t) = -\\eta(1 - t, x)`.

    Raises:
        InputError: if it is no flow of pictures along the linear path.
    """
    if len(flow.shape) != 3:
        raise InputError("a prior is a flow of pictures, and this is one of points")
    if isinstance(flow, ScheduledFlow):
        if not isinstance(flow.path.schedule, Linear):
            raise InputError("a prior follows the linear schedule: train the flow with it")
        return VelocityPrior(flow.velocity, flow.shape, flow)
    if not isinstance(flow, HadamardFlow):
        raise InputError("a prior is a scheduled or a Hadamard flow: train one by a recipe prior_…")
    if flow.scale != 1:
        raise InputError("a prior's pictures are in [-1, 1]: train the Hadamard flow with scale 1")

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        alpha = (1 - t).view(-1, 1, 1, 1).expand(-1, 1, *x.shape[-2:])
        return -flow.difference(x, alpha)

    return VelocityPrior(velocity, flow.shape, flow)
