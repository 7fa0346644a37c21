"""A flow from a source to data along a schedule: flow matching, for points and for pictures.

The source is noise, or other data: then samples of one domain are carried to the other. The network learns the
velocity ``E[dx_t / dt | x_t]`` of the path of a schedule by its squared error (Lipman et al., arXiv 2210.02747; Liu
et al., arXiv 2209.03003; Albergo and Vanden-Eijnden, arXiv 2209.15571).
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from latentinpaint.errors import choose
from latentinpaint.flows.base import Flow, SamplerConfig, sample_noise, uniform_times
from latentinpaint.interpolants import SCHEDULES, ScheduledPath, Solution
from latentinpaint.interpolants.objectives import squared_error
from latentinpaint.models.velocity import build_network


class ScheduledFlow(Flow):
    """One velocity network, one schedule.

    Args:
        shape: (d,) for points, (C, H, W) for pictures.
        network: a key of `models.velocity.NETWORKS`.
        network_arguments: of the network beside its channels.
        schedule: a key of `SCHEDULES`.
        solver, steps, tolerance: see `SamplerConfig`.
    """

    tasks = ("generate", "transport")
    accepts_source = True

    def __init__(
        self,
        shape: Sequence[int],
        network: str = "mlp",
        network_arguments: dict[str, Any] | None = None,
        schedule: str = "linear",
        solver: str = "rk4",
        steps: int = 20,
        tolerance: float = 1e-5,
    ) -> None:
        super().__init__()
        network_arguments = network_arguments or {}
        self.arguments["network_arguments"] = dict(network_arguments)
        self.shape = tuple(shape)
        self.path = ScheduledPath(choose(SCHEDULES, schedule, "schedule")())
        choose(self.solvers, solver, "solver")
        self.sampler = SamplerConfig(solver, steps, tolerance)
        self.network = build_network(network, shape, network_arguments)

    def velocity(self, x: Tensor, t: Tensor) -> Tensor:
        """The velocity (B, *shape) at x (B, *shape) and t (B,)."""
        return self.network(x, t).to(x)

    def loss(self, source: Tensor, target: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        t = self.path.schedule.last * uniform_times(target, generator)
        x = self.path.at(t).point(source, target)
        rate = self.path.rate(t).point(source, target)
        return {"loss": squared_error(self.velocity(x, t), rate)}

    @torch.no_grad()
    def transport(self, source: Tensor, config: SamplerConfig | None = None) -> Solution:
        """Carry samples (B, *shape) of the source to the data.

        A schedule whose velocity is infinite at its end is followed to just before, and ends at the data that are
        expected there.
        """
        config = config or self.sampler
        last = self.path.schedule.last
        solution = config.integrate(self.velocity, source, span=(0.0, last))
        if last == 1:
            return solution
        return Solution(self._finished(solution.x), solution.nfe + 1)

    @torch.no_grad()
    def trajectory(self, source: Tensor, times: Sequence[float] | Tensor) -> Tensor:
        """Where samples (B, *shape) of the source are at two or more increasing times from 0 on: (T, B, *shape).

        The flow's own solver is used, with at least its number of steps on the whole way.
        """
        states = [source]
        last = self.path.schedule.last
        steps = math.ceil(self.sampler.steps / (len(times) - 1))
        config = replace(self.sampler, steps=steps)
        for begin, end in pairwise(float(t) for t in times):
            state = states[-1]
            if begin < last:
                state = config.integrate(self.velocity, state, span=(begin, min(end, last))).x
            if end == 1:
                state = self._finished(state)
            states.append(state)
        return torch.stack(states)

    def _finished(self, state: Tensor) -> Tensor:
        """The data that are expected where the schedule's last time is not the end."""
        last = self.path.schedule.last
        if last == 1:
            return state
        t = state.new_full((len(state),), last)
        return self.path.endpoints_from_velocity(state, self.velocity(state, t), t).data

    @torch.no_grad()
    def generate(self, count: int, config: SamplerConfig | None = None) -> Solution:
        """`count` new samples from standard normal noise, each from a generator of its own; of a flow that was
        trained with noise as its source."""
        config = config or self.sampler
        return self.transport(sample_noise(self, count, config.generator), config)

    def preview(self, source: Tensor, target: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        return {"source": source, "carried over": self.transport(source).x, "target": target}
