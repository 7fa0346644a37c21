"""The settings of Lightning's trainer that a person writes, checked and made its own."""

import os
import re
from typing import Any

import torch

from latentinpaint.errors import InputError, check_at_least
from latentinpaint.training.durations import as_clock, read_duration
from latentinpaint.training.launch import launched
from latentinpaint.training.sharded_strategy import ShardedStrategy
from latentinpaint.training.sync_batch_norm import SharedBatchNorm

SMALLEST = {"max_steps": -1, "max_epochs": -1, "accumulate_grad_batches": 1, "gradient_clip_val": 0, "num_nodes": 1}
ACCELERATORS = ("auto", "cpu", "gpu", "cuda", "mps")
STRATEGIES = ("auto", "ddp", "fsdp")


def trainer_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Arguments of the trainer with the time as Lightning reads it, and with what several devices need.

    The devices and machines are those that a launcher has started, where the settings do not name them.

    Raises:
        InputError: if the accelerator, the devices, the strategy or the time cannot be used here.
    """
    settings = _with_launched(settings)
    _check_devices(settings.get("accelerator", "auto"), settings.get("devices", "auto"))
    for name, smallest in SMALLEST.items():
        if settings.get(name) is not None:
            check_at_least(f"trainer.{name}", settings[name], smallest)
    if settings.get("max_steps") == 0:
        raise InputError("trainer.max_steps starts at 1; -1 is no limit")
    if settings.get("val_check_interval") == 0:
        raise InputError("trainer.val_check_interval is a number of steps, or a share of an epoch, above 0")
    limit = settings.get("max_time")
    if isinstance(limit, str):
        settings = {**settings, "max_time": as_clock(read_duration("trainer.max_time", limit))}
    return _with_batch_norm(_with_strategy(settings))


def _with_launched(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with the devices and the machines of a launcher, if there is one.

    Raises:
        InputError: if the settings name others, or machines on which nothing was started.
    """
    for name in ("devices", "num_nodes"):
        value = settings.get(name)
        if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
            settings = {**settings, name: int(value)}
    machines = settings.get("num_nodes", 1)
    launch = launched()
    if launch is None:
        if machines > 1 and "MASTER_ADDR" not in os.environ:
            raise InputError(
                f"trainer.num_nodes is {machines}, and this run was started on one machine: start it on all by "
                "torchrun or srun, or leave trainer.num_nodes out"
            )
        return settings
    devices = settings.get("devices", "auto")
    if devices in ("auto", -1):
        devices = launch.per_machine
    wrong_devices = isinstance(devices, int) and devices != launch.per_machine
    if wrong_devices or machines not in (1, launch.machines):
        raise InputError(
            f"{launch.launcher} has started {launch.per_machine} processes on each of {launch.machines} machines: "
            "leave trainer.devices and trainer.num_nodes out, which are taken from it"
        )
    return {**settings, "devices": devices, "num_nodes": launch.machines}


def _with_strategy(settings: dict[str, Any]) -> dict[str, Any]:
    strategy = settings.get("strategy", "auto")
    if not isinstance(strategy, str):
        return settings  # a strategy itself, of a call from Python
    if strategy not in STRATEGIES:
        raise InputError(f"trainer.strategy is one of {', '.join(STRATEGIES)}, not {strategy}")
    if strategy != "fsdp":
        return settings
    if settings.get("gradient_clip_algorithm") == "value":
        raise InputError("fsdp limits the norm of the gradient: leave trainer.gradient_clip_algorithm out")
    return {**settings, "strategy": ShardedStrategy()}


def _with_batch_norm(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with this package's synchronised BatchNorm in place of Lightning's, which needs GPUs."""
    if not settings.get("sync_batchnorm"):
        return settings
    plugins = settings.get("plugins") or []
    if not isinstance(plugins, list):
        plugins = [plugins]
    return {**settings, "sync_batchnorm": False, "plugins": [*plugins, SharedBatchNorm()]}


def _check_devices(accelerator: object, devices: object) -> None:
    if not isinstance(accelerator, str):
        return  # an accelerator itself, of a call from Python
    if accelerator not in ACCELERATORS:
        raise InputError(f"trainer.accelerator is one of {', '.join(ACCELERATORS)}, not {accelerator}")
    has_cuda = torch.cuda.is_available()
    has_mps = torch.backends.mps.is_available()
    here = {"auto": True, "cpu": True, "gpu": has_cuda or has_mps, "cuda": has_cuda, "mps": has_mps}
    if not here[accelerator]:
        raise InputError(f"torch finds no {accelerator} here: set trainer.accelerator to cpu or auto")
    on_cpu = accelerator == "cpu" or not (has_cuda or has_mps)
    cores = os.cpu_count() or 1
    is_number = re.fullmatch(r"\d+", str(devices)) is not None
    if isinstance(devices, str) and not is_number and not re.fullmatch(r"auto|-1|\d+(,\d+)+", devices):
        raise InputError(f"trainer.devices is auto, -1 for all, a number, or several such as 0,1, not {devices}")
    if is_number:
        check_at_least("trainer.devices", int(str(devices)), 1)
    if on_cpu and is_number and int(str(devices)) > cores:
        raise InputError(
            f"trainer.devices is {devices}, and a CPU of {cores} cores trains by at most {cores} processes"
        )
    if has_cuda and not on_cpu and is_number and int(str(devices)) > torch.cuda.device_count():
        raise InputError(f"trainer.devices is {devices}, and torch finds {torch.cuda.device_count()} GPUs here")
