"""What a training command says of a run: a line before it begins, and what to type next when it has ended."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Timer

from latentinpaint.data.datamodule import InpaintingDataModule
from latentinpaint.data.flow_datamodule import FlowDataModule
from latentinpaint.data.trajectories import is_recorded
from latentinpaint.errors import count_of
from latentinpaint.training.checkpoint_callbacks import BestCheckpoint
from latentinpaint.training.durations import spoken_duration
from latentinpaint.training.tasks.autoencoder_task import PretrainTask
from latentinpaint.training.tasks.base import TrainingTask
from latentinpaint.training.tasks.flow_task import FlowTask

RESUME = ("--ckpt_path", "last")


def first_line(trainer: pl.Trainer, task: TrainingTask, data: pl.LightningDataModule, folder: Path) -> str:
    """What is trained, where, on what, for how long and into which folder."""
    trained = 0
    for parameter in task.parameters():
        if parameter.requires_grad:
            trained += parameter.numel()
    where = str(trainer.strategy.root_device)
    if trainer.world_size > 1:
        where = f"{trainer.world_size} processes of {where.split(':')[0]}"
    return (
        f"training {count_of(trained, 'parameter')} on {where} in {trainer.precision}: {contents(data)}, "
        f"{_length(trainer)}, into {folder}"
    )


def contents(data: pl.LightningDataModule) -> str:
    """What a run is trained on; the data are set up."""
    if isinstance(data, InpaintingDataModule):
        assert data.train_crops is not None and data.val_crops is not None
        photographs = count_of(len(data.train_crops.source), "photograph")
        return f"{photographs} and {len(data.val_crops.source):,} to validate on"
    assert isinstance(data, FlowDataModule) and data.train_batches is not None
    target = data.train_batches.target
    length = getattr(target, "__len__", None)
    return data.target if length is None else f"{count_of(length(), 'item')} of {data.target}"


def next_command(task: TrainingTask, data: pl.LightningDataModule, folder: Path) -> str:
    """The command to type when a run has ended well."""
    run = str(folder)
    words: Sequence[str] = (
        "inpaint",
        "--model",
        run,
        "--image",
        "photo.jpg",
        "--mask",
        "mask.png",
        "--output",
        "filled.png",
    )
    if isinstance(task, PretrainTask):
        assert isinstance(data, InpaintingDataModule)
        words = ("train_latent", "--config", "latent_ffc", "--autoencoder", run, "--data.root", data.root)
    elif isinstance(task, FlowTask):
        assert isinstance(data, FlowDataModule)
        words = ("sample", "--model", run, "--output", "samples.png")
        if is_recorded(data.target):
            words = ("plan", "--model", run, "--start=-2.5,2.5", "--goal=2.5,-2.5", "--output", "plan.png")
    return shlex.join(("latentinpaint", *words))


def resuming_command(program: str | None, arguments: Sequence[str]) -> str:
    """The command that goes on with a run that was stopped.

    Args:
        program: what the command is called; None of a call from Python.
        arguments: the run was begun with.
    """
    if program is None:
        return "with " + shlex.join(RESUME)
    words = list(arguments)
    if "--ckpt_path" not in words:
        words += RESUME
    return f"with {program} {shlex.join(words)}"


def best_line(trainer: pl.Trainer) -> str | None:
    """Which step was the best by validation, where that was not the last; None else."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]  # Lightning attaches them by a connector
        if isinstance(callback, BestCheckpoint) and callback.best_step not in (None, trainer.global_step):
            step = callback.best_step
            figure = f"{callback.monitor} {callback.best_model_score:.4g}"
            return (
                f"the best validation, {figure}, was at step {step}: the same command with --ckpt_path best "
                f"--trainer.max_steps {step} makes the model of it"
            )
    return None


def _length(trainer: pl.Trainer) -> str:
    """How long a run is, by its steps, epochs and time."""
    parts = []
    if trainer.max_steps > 0:
        parts.append(count_of(trainer.max_steps, "step"))
    if trainer.max_epochs is not None and trainer.max_epochs > 0:
        parts.append(count_of(trainer.max_epochs, "epoch"))
    for callback in trainer.callbacks:  # type: ignore[attr-defined]  # as above
        if isinstance(callback, Timer):
            limit = callback.time_remaining()  # before it runs
            if limit is not None:
                parts.append(spoken_duration(limit))
    return " or ".join(parts) or "without end"
