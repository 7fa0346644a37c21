"""Sampling a trained flow, batch after batch: the task, its data and its holes, and the errors of the result.

Equal seeds give equal samples, whatever the batch size: every item has generators of its own.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from latentinpaint.data.distributions import from_range
from latentinpaint.flows.base import Flow, SamplerConfig
from latentinpaint.flows.sampling_tasks import TASKS, Batch
from latentinpaint.interpolants import SOLVERS
from latentinpaint.interpolants.solvers import Progress
from latentinpaint.metrics.pixels import PSNR_CAP, squared_errors
from latentinpaint.runtime.randomness import draw_normal, numbered_generator


@dataclass(frozen=True, eq=False)
class SessionResult:
    """What a session made.

    Attributes:
        samples: (N, *shape), made by the flow.
        view: (N, *shape), what of the data they were made from; None without data.
        data: (N, *shape), the data themselves; None without.
        nfe: most function evaluations that an item took.
        seconds: that the flow took.
        errors: of restored pictures in [0, 1], inside their holes if they have any; empty where there is no truth.
    """

    samples: Tensor
    view: Tensor | None
    data: Tensor | None
    nfe: int
    seconds: float
    errors: dict[str, float | int | None]


@dataclass(frozen=True, eq=False)
class Session:
    """A task for a flow, with all that it starts from.

    Args:
        flow: on the device where it runs.
        task: a key of `TASKS`.
        config: how it is sampled; generators and progress are the session's.
        samples: (N, *shape), see `load_samples`.
        holes: (N, 1, H, W), see `load_holes`.
        has_data: whether the samples are data.
        has_pictures: whether these are pictures in [-1, 1], of which there are errors.
        noise_std: standard deviation of the noise that is added to observed data.
        channels: amounts of the channels that damage the data, see `load_channels`.
        reward: see `load_reward`.
        order: of the blocks, a key of `interpolants.paths.ORDERS`.
        seed: of the samples and of the noise that is added.
        batch_size: items at once.
    """

    flow: Flow
    task: str
    config: SamplerConfig
    samples: Tensor
    holes: Tensor | None
    has_data: bool
    has_pictures: bool = True
    noise_std: float = 0.2
    channels: Mapping[str, float] = field(default_factory=dict)
    reward: tuple[float, float] = (0.0, 0.0)
    order: str = "raster"
    seed: int = 0
    batch_size: int = 64

    def run(self, progress: Progress) -> SessionResult:
        """Do the task; `progress` is called with the fraction that is done."""
        started = time.monotonic()
        made = []
        views = []
        nfe = 0
        for batch in self._batches(progress):
            output = TASKS[self.task].run(self.flow, batch)
            made.append(output.solution.x.cpu())
            views.append(output.view.cpu())
            nfe = max(nfe, output.solution.nfe)
        seconds = time.monotonic() - started
        samples = torch.cat(made)
        if not self.has_data:
            return SessionResult(samples, None, None, nfe, seconds, {})
        return SessionResult(samples, torch.cat(views), self.samples, nfe, seconds, self._errors(samples))

    def effective_settings(self) -> dict[str, str | float]:
        """The settings that have an effect on this flow, by name."""
        settings: dict[str, str | float] = {"solver": self.config.solver}
        method = SOLVERS.get(self.config.solver)
        if method is not None and method.adaptive:
            settings["tolerance"] = self.config.tolerance
            settings["shared_steps"] = self.config.shared_steps
        else:
            settings["steps"] = self.config.steps
        if self.flow.accepts_epsilon:
            settings["epsilon"] = self.config.epsilon
        return settings

    def report(self, result: SessionResult) -> dict[str, str | float | int | None]:
        """The figures of a result, by their names in a report."""
        return {
            "task": self.task,
            "rows": len(result.samples),
            "evaluations": result.nfe,
            "seconds": result.seconds,
            **self.effective_settings(),
            "seed": self.seed,
            **result.errors,
        }

    def describe_errors(self, result: SessionResult) -> str:
        """The errors of a result that has any, in one line."""
        where = "of the pictures" if self.holes is None else "inside the holes"
        errors = result.errors
        if errors["psnr"] is None:
            return f"{where}: no hole, so there is no error"
        psnr = f"{errors['psnr']:.2f} dB"
        if errors["capped"]:
            psnr += f" ({errors['capped']} of {len(result.samples)} capped at {PSNR_CAP:g} dB)"
        if errors["left_out"]:
            psnr += f" ({errors['left_out']} of {len(result.samples)} have no hole and are left out)"
        return f"{where}: PSNR {psnr}, mean squared error {errors['mse']:.5f} (pictures in [0, 1])"

    def _errors(self, samples: Tensor) -> dict[str, float | int | None]:
        """The errors of restored pictures (N, C, H, W); none of others, and of tasks that restore nothing."""
        if samples.ndim != 4 or not self.has_pictures or not TASKS[self.task].restores:
            return {}
        return squared_errors(from_range(samples), from_range(self.samples), self.holes)

    def _batches(self, progress: Progress) -> Iterator[Batch]:
        starts = range(0, len(self.samples), self.batch_size)
        for number, start in enumerate(starts):

            def total_progress(done: float, number: int = number) -> None:
                progress((number + done) / len(starts))

            stop = min(start + self.batch_size, len(self.samples))
            yield self._batch(start, stop, total_progress)

    def _batch(self, start: int, stop: int, progress: Progress) -> Batch:
        """Items `start` to `stop`, on the flow's device."""
        parameter = next(self.flow.parameters())
        samples = self.samples[start:stop].to(parameter)
        holes = self.holes
        if holes is not None:
            holes = holes[start:stop].to(parameter)
        generators = self._generators(self.seed, start, stop)
        config = replace(self.config, generator=generators, progress=progress)
        batch = Batch(samples, samples, holes, self.noise_std, self.channels, self.reward, self.order, config)
        task = TASKS[self.task]
        if not task.observes_noise:
            return batch
        # Noise of its own: the sampler's must not be what was added to the data.
        noise = draw_normal(samples, self._generators(self.seed + 2**31, start, stop))
        return replace(batch, observed=task.observe(self.flow, noise, batch))

    def _generators(self, seed: int, start: int, stop: int) -> list[torch.Generator]:
        return [numbered_generator(seed, number) for number in range(start, stop)]
