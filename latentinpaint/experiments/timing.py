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

WARM_UP = 2


def step_of(task: LatentTask, batch: Batch, precision: str = "32-true") -> Callable[[], None]:
    """One training step of a task on a batch, with an AdamW of its own: forward, backward, update.

    Args:
        task, batch: on the same device.
        precision: Lightning's name of it; "16-mixed" and "bf16-mixed" are autocast.
    """
    task.setup("fit")
    task.train()
    optimizer = task.configure_optimizers()
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


def turns_of(task: AdversarialTask, batch: Batch, precision: str = "32-true") -> Callable[[], None]:
    """As `step_of`, for a task of two optimisers."""
    task.setup("fit")
    task.train()
    generator, judge = task.configure_optimizers()
    device = batch["image"].device

    def backward(loss: Tensor, **options: Any) -> None:
        loss.backward(**options)

    numbers = count()

    def step() -> None:
        with autocast(device, precision):
            task.turns(batch, next(numbers), backward, generator.step, judge.step)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return step


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """What Lightning does under a precision of this name."""
    low = torch.bfloat16 if "bf16" in precision else torch.float16 if "16" in precision else None
    return nullcontext() if low is None else torch.autocast(device.type, low)


def median_seconds(steps: Mapping[str, Callable[[], None]], rounds: int = 15) -> dict[str, float]:
    """The median seconds of each, run in turns after a warm-up.

    Args:
        steps: what to time, by name.
        rounds: how often each is timed, 1 or more.
    """
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds + WARM_UP):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(times[WARM_UP:]) for name, times in seconds.items()}
