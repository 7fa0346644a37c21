"""The settings of Lightning's trainer that a person writes, checked and made its own."""

import os
import re
from typing import Any

import torch

from latentinpaint.errors import InputError, check_at_least
from latentinpaint.training.durations import as_clock, read_duration

SMALLEST = {"max_steps": -1, "max_epochs": -1, "accumulate_grad_batches": 1, "gradient_clip_val": 0}
ACCELERATORS = ("auto", "cpu", "gpu", "cuda", "mps")


def trainer_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Arguments of the trainer with the time as Lightning reads it.

    Raises:
        InputError: if the accelerator, the devices or the time cannot be used here.
    """
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
    return settings


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
