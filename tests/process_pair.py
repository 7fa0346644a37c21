"""What each of two processes does in tests: the training commands, made short, and what they leave.

    python process_pair.py RANK FOLDER

Everything that two processes are needed for is done by one pair of them, because importing PyTorch takes them longer.
"""

import os
import signal
import sys
from contextlib import contextmanager, redirect_stdout
from datetime import timedelta
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import torch
import torch.distributed as dist

from latentinpaint.runtime.processes import process_number
from latentinpaint.runtime.randomness import numbered_generator
from latentinpaint.training.callbacks import RunProgress
from latentinpaint.training.cli import pretrain_ae, train_flow, train_lama, train_latent
from latentinpaint.training.nan_guard import NanGuard
from latentinpaint.training.recipe_files import CONFIGS
from latentinpaint.training.sharded_strategy import ShardedStrategy
from latentinpaint.training.sync_batch_norm import SharedBatchNorm
from latentinpaint.training.tasks.base import TrainingTask
from latentinpaint.training.tasks.latent_task import LatentTask

BATCH = 2  # of each process
RATE = 1e-9  # weights hardly move: figures of the validation are those of the weights that were begun with
FFC = ("--refiner", "ffc", "--model.refiner.blocks", "1", "--model.refiner.hole_weight", "3")
FLOW = ("--refiner", "flow", "--model.refiner.width", "16", "--model.refiner.multipliers", "[1,2]")
SMALL_DISCRIMINATOR = ("--model.discriminator_width", "4", "--model.discriminator_layers", "2")


def command(name: str, models: Path):
    """A training command's function and its arguments."""
    smoke = ("--config", str(CONFIGS / "smoke.yaml"))
    autoencoder = ("--autoencoder", str(models / "autoencoder.safetensors"))
    commands = {
        "pretrain_ae": (
            pretrain_ae,
            ("--config", str(CONFIGS / "smoke_pretrain_ae.yaml"), "--model.statistic_batches", "4"),
        ),
        "ffc": (train_latent, (*smoke, *FFC, *autoencoder)),
        "flow": (train_latent, (*smoke, *FLOW, *autoencoder)),
        "lama": (train_lama, (*smoke, *FFC, *SMALL_DISCRIMINATOR, *autoencoder)),
        "train_flow": (train_flow, ("--config", str(CONFIGS / "moons.yaml"), "--data.shown", "16")),
    }
    return commands[name]


def train(name: str, models: Path, folder: Path, *options: object) -> dict:
    """Train, and say what came of it: the exit status, what was printed, the batches, the first step's gradients."""
    function, arguments = command(name, models)
    found = {"batches": [], "done": [], "gradients": {}, "status": 0}
    words = [*arguments, "--output", str(folder), "--trainer.accelerator", "cpu", *map(str, options)]
    out = StringIO()
    with redirect_stdout(out), recorded(found):
        try:
            function(words)
        except (SystemExit, Exception) as error:
            found["status"] = getattr(error, "code", str(error))
    found["printed"] = out.getvalue()
    return found


@contextmanager
def recorded(found: dict):
    """Note what the runs within do."""
    before_step = NanGuard.on_before_optimizer_step

    def on_batch(callback, trainer, task, batch, index):
        found["batches"].append({key: value.double().sum().item() for key, value in batch.items()})
        found["done"].append(task.done)

    def on_end(callback, trainer, task):
        found["step"] = trainer.global_step
        found["metrics"] = {key: value.item() for key, value in trainer.callback_metrics.items() if "val/" in key}

    def on_step(callback, trainer, task, optimizer):
        before_step(callback, trainer, task, optimizer)
        if trainer.global_step == 0:
            found["gradients"] |= whole_gradients(trainer, task, optimizer)

    with (
        patch.object(RunProgress, "on_train_batch_start", on_batch),
        patch.object(RunProgress, "on_train_end", on_end),
        patch.object(NanGuard, "on_before_optimizer_step", on_step),
    ):
        yield


def whole_gradients(trainer, task, optimizer) -> dict[str, torch.Tensor]:
    """The gradients that an optimiser is about to step with, by the names of their parameters."""
    if isinstance(trainer.strategy, ShardedStrategy):
        from torch.distributed.fsdp import FullyShardedDataParallel

        with FullyShardedDataParallel.summon_full_params(trainer.strategy.model, writeback=False, with_grads=True):
            return {name: p.grad.clone() for name, p in task.named_parameters() if p.grad is not None}
    stepped = {id(p) for group in optimizer.param_groups for p in group["params"]}
    return {n: p.grad.clone() for n, p in task.named_parameters() if id(p) in stepped and p.grad is not None}


@contextmanager
def noise_of_two():
    """One process draws for its items, in turns, what two processes draw for theirs."""

    def generators(task, batch_idx):
        both = [numbered_generator(task.data_seed(), 2 * batch_idx + rank) for rank in range(2)]
        return both * BATCH

    with patch.object(TrainingTask, "step_generator", generators):
        yield


RUNS = [f"{name} ddp" for name in ("pretrain_ae", "ffc", "flow", "lama", "train_flow")]
RUNS += [f"{name} fsdp" for name in ("pretrain_ae", "ffc", "flow", "train_flow")]
ONE_STEP = ("--model.learning_rate", RATE, "--trainer.max_steps", 1, "--trainer.val_check_interval", 1)
ONE_STEP += ("--trainer.limit_val_batches", 9)


def two_of(name: str, models: Path, folder: Path, strategy: str) -> dict:
    """One step by both processes, and a validation."""
    options = ("--trainer.strategy", strategy, "--data.batch_size", BATCH)
    ema = ("--ema", 0) if strategy == "fsdp" else ()
    return train(name, models, folder / f"{name}_{strategy}", *ONE_STEP, *options, *ema)


def interrupted(name: str, models: Path, folder: Path, strategy: str, rank: int) -> dict:
    """A run of three steps; and one in which the second process alone is interrupted, and goes on."""
    options = ["--trainer.strategy", strategy, "--data.batch_size", BATCH, "--trainer.limit_val_batches", 0]
    options += ["--trainer.max_steps", 3]
    if strategy == "fsdp":
        options += ["--ema", 0]
    straight = train(name, models, folder / f"straight_{strategy}", *options)
    step = TrainingTask.on_train_batch_start

    def press(task, *arguments):
        if task.global_step == 0 and rank == 1:
            os.kill(os.getpid(), signal.SIGINT)
        step(task, *arguments)

    stopped_folder = folder / f"stopped_{strategy}"
    with patch.object(TrainingTask, "on_train_batch_start", press):
        stopped = train(name, models, stopped_folder, *options)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    resumed = train(name, models, stopped_folder, *options, "--ckpt_path", "last")
    return {"straight": straight, "stopped": stopped, "resumed": resumed}


def lost(models: Path, folder: Path, strategy: str, rank: int) -> dict:
    """A loss that is not a number in the second process alone."""
    losses = LatentTask.losses

    def wrong(task, batch, generator):
        found = losses(task, batch, generator)
        if rank == 1 and task.global_step == 1:
            found["loss"] = found["loss"] * float("nan")
        return found

    options = ("--trainer.strategy", strategy, "--trainer.limit_val_batches", 0, "--ema", 0)
    with patch.object(LatentTask, "losses", wrong):
        return train("ffc", models, folder / f"lost_{strategy}", *options)


def values(count: int) -> torch.Tensor:
    """Maps (count, 3, 4, 4) far from zero, of which the second half varies otherwise than the first."""
    maps = torch.randn(count, 3, 4, 4, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    maps[count // 2 :] *= 3
    return (maps + 5).float()


def normalised() -> dict[str, torch.Tensor]:
    """A shared BatchNorm's output and statistics for this process's half, and a second derivative through it."""
    norm = SharedBatchNorm().apply(torch.nn.BatchNorm2d(3))
    x = values(8).chunk(2)[process_number()].requires_grad_()
    return normalised_by(norm, x)


def normalised_by(norm: torch.nn.Module, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """What a layer makes of maps, its running statistics, and the gradient of the length of the input's gradient."""
    y = norm(x)
    (gradient,) = torch.autograd.grad(y.pow(3).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(gradient.square().sum(), x)
    running = {"mean": norm.running_mean, "variance": norm.running_var}
    return {"output": y.detach(), "gradient": gradient.detach(), "second": second, **running}


def main(rank: int, folder: Path) -> dict:
    models = folder / "models"
    found = {}
    for run in RUNS:
        name, strategy = run.split()
        found[run] = two_of(name, models, folder, strategy)
    for strategy in ("ddp", "fsdp"):
        found[f"interrupted {strategy}"] = interrupted("ffc", models, folder, strategy, rank)
        found[f"lost {strategy}"] = lost(models, folder, strategy, rank)
    found["norm"] = normalised()
    endless = ("--trainer.max_steps", -1, "--trainer.max_time", "1s", "--trainer.limit_val_batches", 0)
    found["max_time"] = train("train_flow", models, folder / "max_time", *endless)
    return found


if __name__ == "__main__":
    rank, folder = int(sys.argv[1]), Path(sys.argv[2])
    here = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "GROUP_RANK": 0}
    os.environ |= {name: str(value) for name, value in here.items()} | {"TORCHELASTIC_RUN_ID": "pair"}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    meeting = f"file://{folder / 'meeting'}"
    dist.init_process_group("gloo", meeting, rank=rank, world_size=2, timeout=timedelta(seconds=60))
    torch.save(main(rank, folder), folder / f"{rank}.pt")
    dist.destroy_process_group()
