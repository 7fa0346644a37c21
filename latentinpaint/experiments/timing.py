"""How long a training step takes, side by side: in turns, so that whatever else a machine does meets all alike."""

import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import count
from typing import Any

import torch
from torch import Tensor

from latentinpaint.training.tasks.adversarial_task import AdversarialTask
from latentinpaint.training.tasks.base import Batch
from latentinpaint.training.tasks.latent_task import LatentTask

WARMUP_ROUNDS = 2


def latent_step(task: LatentTask, batch: Batch, precision: str = "32-true") -> Callable[[], None]:
    """One training step of a task on a batch, with an optimiser of its own: forward, backward, update.

    Args:
        task, batch: on the same device.
        precision: Lightning's name of it; "16-mixed" and "bf16-mixed" are autocast.
    """
    task.use_channels_last()
    task.train()
    (optimizer,) = task.configure_optimizers()
    generator = torch.Generator().manual_seed(0)
    device = batch["image"].device

    def step() -> None:
        with autocast(device, precision):
            loss = task.losses(batch, generator)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return step


def adversarial_step(task: AdversarialTask, batch: Batch, precision: str = "32-true") -> Callable[[], None]:
    """As `latent_step`, for a task of two optimisers."""
    task.use_channels_last()
    task.train()
    generator, discriminator = task.configure_optimizers()
    device = batch["image"].device
    steps = count()

    def backward(loss: Tensor, **options: Any) -> None:
        loss.backward(**options)

    def step() -> None:
        with autocast(device, precision):
            task.alternating_step(batch, next(steps), backward, generator.step, discriminator.step)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return step


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """What Lightning does under a precision of this name."""
    if "bf16" in precision:
        return torch.autocast(device.type, torch.bfloat16)
    if "16" in precision:
        return torch.autocast(device.type, torch.float16)
    return nullcontext()


def median_seconds(steps: Mapping[str, Callable[[], None]], rounds: int = 15) -> dict[str, float]:
    """The median seconds of each, run in turns after a warm-up.

    Args:
        steps: what to time, by name.
        rounds: how often each is timed, 1 or more.
    """
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(WARMUP_ROUNDS + rounds):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - started)
    medians = {}
    for name, times in seconds.items():
        medians[name] = statistics.median(times[WARMUP_ROUNDS:])
    return medians
