"""How long a training step takes, side by side: in turns, so that whatever else a machine does meets all alike."""

import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext

import torch

from latentinpaint.training.base import Batch
from latentinpaint.training.tasks import LatentTask

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
    low = torch.bfloat16 if "bf16" in precision else torch.float16 if "16" in precision else None

    def step() -> None:
        with nullcontext() if low is None else torch.autocast(device.type, low):
            loss = task.losses(batch, generator)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return step


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
