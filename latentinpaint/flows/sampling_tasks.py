"""What a trained flow can be asked to do, by name: each task turns a batch of samples into new ones.

A task is a method of the flows that can do it (`Flow.tasks`). The classes here say what a task needs, data or a hole,
and what of the data the flow was shown.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from latentinpaint.flows.base import Flow, SamplerConfig
from latentinpaint.interpolants import Solution


@dataclass(frozen=True, eq=False)
class Batch:
    """What a task starts from.

    Attributes:
        samples: (B, *shape), data; of no meaning for tasks that start from noise.
        observed: (B, *shape), the same as the task observes them.
        holes: (B, 1, H, W), 1 = hole; None for tasks without.
        noise_std: standard deviation of the noise in `observed`.
        channels: amounts of the channels that damaged `observed`, by name.
        reward: the numbers A and b of a reward that is the same for all entries.
        order: of the blocks, a key of `interpolants.paths.ORDERS`.
        config: how the flow is sampled, with a generator for each item.
    """

    samples: Tensor
    observed: Tensor
    holes: Tensor | None
    noise_std: float
    channels: Mapping[str, float]
    reward: tuple[float, float]
    order: str
    config: SamplerConfig

    @property
    def hole(self) -> Tensor:
        """The holes of a task that takes them."""
        assert self.holes is not None
        return self.holes

    @property
    def visible(self) -> Tensor:
        """What is observed outside the holes, 0 inside."""
        return torch.where(self.hole > 0, torch.zeros_like(self.observed), self.observed)


@dataclass(frozen=True, eq=False)
class TaskOutput:
    """What a task made, and the `view` (B, *shape) of the data that it was made from."""

    solution: Solution
    view: Tensor


class Task(ABC):
    """One way to use a flow.

    Attributes:
        accepts_data: whether it may start from data.
        needs_data: whether it cannot do without.
        takes_hole: whether the data have holes.
        observes_noise: whether noise is added to the data.
        takes_channels: whether the data are damaged by channels.
        takes_reward: whether it samples under a reward.
        restores: whether the data are the truth that its output is compared with.
    """

    accepts_data: bool = True
    needs_data: bool = True
    takes_hole: bool = False
    observes_noise: bool = False
    takes_channels: bool = False
    takes_reward: bool = False
    restores: bool = True

    def observe(self, flow: Flow, noise: Tensor, batch: Batch) -> Tensor:
        """What a task that observes noise sees of the batch's samples, with standard normal noise (B, *shape)."""
        return batch.samples + batch.noise_std * noise

    @abstractmethod
    def run(self, flow: Flow, batch: Batch) -> TaskOutput:
        """Do the task with a flow that has it."""


@runtime_checkable
class _Generates(Protocol):
    def generate(self, count: int, config: SamplerConfig | None = None) -> Solution: ...


class Generate(Task):
    """New samples from noise."""

    accepts_data = False
    needs_data = False

    def run(self, flow: Flow, batch: Batch) -> TaskOutput:
        assert isinstance(flow, _Generates)
        return TaskOutput(flow.generate(len(batch.samples), batch.config), batch.samples)


@runtime_checkable
class _Transports(Protocol):
    def transport(self, source: Tensor, config: SamplerConfig | None = None) -> Solution: ...


class Transport(Task):
    """Data carried over to the flow's own."""

    restores = False

    def run(self, flow: Flow, batch: Batch) -> TaskOutput:
        assert isinstance(flow, _Transports)
        return TaskOutput(flow.transport(batch.samples, batch.config), batch.samples)


@runtime_checkable
class _Inpaints(Protocol):
    def inpaint(self, picture: Tensor, hole: Tensor, config: SamplerConfig | None = None) -> Solution: ...


class Inpaint(Task):
    """Holes filled, given what is known."""

    takes_hole = True

    def run(self, flow: Flow, batch: Batch) -> TaskOutput:
        assert isinstance(flow, _Inpaints)
        return TaskOutput(flow.inpaint(batch.samples, batch.hole, batch.config), batch.visible)


@runtime_checkable
class _FillsSequentially(Protocol):
    def sequential(
        self, picture: Tensor, hole: Tensor, config: SamplerConfig | None = None, order: str = "raster"
    ) -> Solution: ...


class Sequential(Task):
    """Holes filled block after block; without data, whole pictures."""

    needs_data = False
    takes_hole = True

    def run(self, flow: Flow, batch: Batch) -> TaskOutput:
        assert isinstance(flow, _FillsSequentially)
        solution = flow.sequential(batch.samples, batch.hole, batch.config, batch.order)
        return TaskOutput(solution, batch.visible)


@runtime_checkable
class _FillsAdaptively(Protocol):
    def adaptive(self, picture: Tensor, hole: Tensor, config: SamplerConfig | None = None) -> Solution: ...


class Adaptive(Task):
    """Holes filled block after block, the least certain next; without data, whole pictures."""

    needs_data = False
    takes_hole = True

    def run(self, flow: Flow, batch: Batch) -> TaskOutput:
        assert isinstance(flow, _FillsAdaptively)
        return TaskOutput(flow.adaptive(batch.samples, batch.hole, batch.config), batch.visible)


@runtime_checkable
class _Denoises(Protocol):
    def denoise(self, observed: Tensor, noise_std: float, config: SamplerConfig | None = None) -> Solution: ...


class Denoise(Task):
    """Noise taken off."""

    observes_noise = True

    def run(self, flow: Flow, batch: Batch) -> TaskOutput:
        assert isinstance(flow, _Denoises)
        return TaskOutput(flow.denoise(batch.observed, batch.noise_std, batch.config), batch.observed)


@runtime_checkable
class _SamplesPosterior(Protocol):
    def posterior(
        self, observed: Tensor, hole: Tensor, noise_std: float, config: SamplerConfig | None = None
    ) -> Solution: ...


class Posterior(Task):
    """Holes filled and noise taken off, by the exact posterior."""

    takes_hole = True
    observes_noise = True

    def run(self, flow: Flow, batch: Batch) -> TaskOutput:
        assert isinstance(flow, _SamplesPosterior)
        solution = flow.posterior(batch.observed, batch.hole, batch.noise_std, batch.config)
        return TaskOutput(solution, batch.visible)


@runtime_checkable
class _Restores(Protocol):
    def corrupt(self, picture: Tensor, noise: Tensor, channels: Mapping[str, float]) -> Tensor: ...

    def restore(
        self, observed: Tensor, channels: Mapping[str, float], config: SamplerConfig | None = None
    ) -> Solution: ...


class Restore(Task):
    """Damages of several channels taken off."""

    observes_noise = True
    takes_channels = True

    def observe(self, flow: Flow, noise: Tensor, batch: Batch) -> Tensor:
        assert isinstance(flow, _Restores)
        return flow.corrupt(batch.samples, noise, batch.channels)

    def run(self, flow: Flow, batch: Batch) -> TaskOutput:
        assert isinstance(flow, _Restores)
        return TaskOutput(flow.restore(batch.observed, batch.channels, batch.config), batch.observed)


@runtime_checkable
class _SamplesReward(Protocol):
    def reward(
        self, count: int, quadratic: float = 0.0, linear: float = 0.0, config: SamplerConfig | None = None
    ) -> Solution: ...


class Reward(Task):
    """New samples of the density times exp r, r(x) = sum of A x^2 / 2 + b x."""

    accepts_data = False
    needs_data = False
    takes_reward = True

    def run(self, flow: Flow, batch: Batch) -> TaskOutput:
        assert isinstance(flow, _SamplesReward)
        quadratic, linear = batch.reward
        return TaskOutput(flow.reward(len(batch.samples), quadratic, linear, batch.config), batch.samples)


TASKS: dict[str, Task] = {
    "generate": Generate(),
    "transport": Transport(),
    "inpaint": Inpaint(),
    "sequential": Sequential(),
    "adaptive": Adaptive(),
    "denoise": Denoise(),
    "posterior": Posterior(),
    "restore": Restore(),
    "reward": Reward(),
}
