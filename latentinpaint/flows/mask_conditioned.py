r"""A flow that is conditioned on the hole: pictures with noise in the hole are carried to whole ones.

With h = 1 in the hole and noise :math:`\xi`, a path runs from :math:`x_0 = (1 - h)\,x_1 + h\,\xi` to the picture
:math:`x_1`. Two networks see the point, the time and the hole: one learns the velocity
:math:`b = \mathbb E[\dot x_t \mid x_t]`, the other the denoiser :math:`\eta = -\mathbb E[x_0 \mid x_t]`, each with
its one-sided loss (`interpolants.objectives`). For the linear schedule :math:`\eta = t\,b - x_t` exactly, so the
second is redundant: it is there because the study this follows trains both, and its distance from that relation
says how well they have learnt. Samples use the velocity alone.

Source: a mask-conditioned study of stochastic interpolants on the dogs of CIFAR-10, with the losses of Albergo,
Boffi, Vanden-Eijnden, arXiv 2303.08797.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from latentinpaint.data.masks import mask_preset
from latentinpaint.errors import InputError, check_above_zero, choose
from latentinpaint.flows.base import Flow, SamplerConfig, draw_holes, uniform_times
from latentinpaint.interpolants import Linear, ScheduledPath, Solution
from latentinpaint.interpolants.objectives import (
    WEIGHTINGS,
    hole_weights,
    one_sided_noise,
    one_sided_velocity,
    weighted_mean,
)
from latentinpaint.models.velocity import ConcatUNet, check_sides
from latentinpaint.runtime.randomness import draw_normal


class MaskConditionedFlow(Flow):
    """Velocity and denoiser networks for pictures with holes.

    Args:
        shape: (C, H, W), H and W multiples of 8.
        masks: preset of the holes it learns, see `data.masks.mask_preset`.
        hole_weight: weight of a hole's entry over a known one, above 0.
        weighting: a key of `objectives.WEIGHTINGS`: "exact" weighs every entry, "items" within its picture; "mean"
            multiplies the whole loss by the mean weight, as the study did.
        base_channels: of both networks, see `ConcatUNet`.
        solver, steps, tolerance: see `SamplerConfig`.
    """

    tasks = ("inpaint",)

    def __init__(
        self,
        shape: Sequence[int],
        masks: str = "patches",
        hole_weight: float = 10.0,
        weighting: str = "exact",
        base_channels: int = 64,
        solver: str = "dopri5",
        steps: int = 50,
        tolerance: float = 1e-5,
    ) -> None:
        super().__init__()
        if len(shape) != 3:
            raise InputError("a mask-conditioned flow takes pictures")
        check_sides(shape, 8)
        check_above_zero("hole_weight", hole_weight)
        choose(WEIGHTINGS, weighting, "weighting")
        self.shape = tuple(shape)
        choose(self.solvers, solver, "solver")
        self.sampler = SamplerConfig(solver, steps, tolerance)
        self.masks = mask_preset(masks, min(shape[1:]))
        self.hole_weight = hole_weight
        self.weighting = weighting
        self.path = ScheduledPath(Linear())
        channels = shape[0]
        self.velocity_network = ConcatUNet(channels + 1, channels, base_channels)
        self.noise_network = ConcatUNet(channels + 1, channels, base_channels)

    def velocity(self, x: Tensor, t: Tensor, hole: Tensor) -> Tensor:
        """b at x (B, C, H, W) and t (B,), for holes (B, 1, H, W)."""
        return self.velocity_network(torch.cat([x, hole.to(x)], dim=1), t).to(x)

    def noise(self, x: Tensor, t: Tensor, hole: Tensor) -> Tensor:
        """eta, minus the expected start."""
        return self.noise_network(torch.cat([x, hole.to(x)], dim=1), t).to(x)

    def loss(self, source: Tensor, target: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        hole = draw_holes(self.masks, target, generator)
        t = uniform_times(target, generator)
        start = torch.where(hole > 0, source, target)
        x = self.path.at(t).point(start, target)
        rate = self.path.rate(t).point(start, target)
        velocity = self.velocity(x, t, hole)
        noise = self.noise(x, t, hole)
        weight = hole_weights(hole, self.hole_weight)
        velocity_loss = one_sided_velocity(velocity, rate, weight, self.weighting)
        noise_loss = one_sided_noise(noise, start, weight, self.weighting)
        with torch.no_grad():
            relation = t.view(-1, 1, 1, 1) * velocity - x
            inside = weighted_mean((velocity - rate).square(), hole)
        return {
            "loss": velocity_loss + noise_loss,  # of separate networks: their gradients do not mix
            "velocity": velocity_loss,
            "noise": noise_loss,
            "velocity_mse_hole": inside,
            "relation": (noise - relation).square().mean().sqrt(),
        }

    @torch.no_grad()
    def inpaint(self, picture: Tensor, hole: Tensor, config: SamplerConfig | None = None) -> Solution:
        """Fill holes (B, 1, H, W) of pictures (B, C, H, W); known entries come back as they were.

        What a picture holds in its hole does not matter.
        """
        config = config or self.sampler
        hole = hole.expand(len(picture), -1, -1, -1)
        inside = hole > 0
        start = torch.where(inside, draw_normal(picture, config.generator), picture)

        def field(x: Tensor, t: Tensor, hole: Tensor) -> Tensor:
            return torch.where(hole > 0, self.velocity(x, t, hole), 0.0)

        solution = config.integrate(field, start, extra_args=(hole,))
        return Solution(torch.where(inside, solution.x, picture), solution.nfe)

    def preview(self, source: Tensor, target: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        hole = draw_holes(self.masks, target, generator)
        filled = self.inpaint(target, hole, replace(self.sampler, generator=generator)).x
        return {"hole": torch.where(hole > 0, 0.0, target), "fill": filled, "truth": target}
