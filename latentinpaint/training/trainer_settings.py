"""The settings of Lightning's trainer that a person writes, checked and made its own."""

import os
from typing import Any

import torch

from latentinpaint.errors import InputError
from latentinpaint.training.durations import as_clock, read_duration

ACCELERATORS = ("auto", "cpu", "gpu", "cuda", "mps")


def trainer_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Arguments of the trainer with the time as Lightning reads it.

    Raises:
        InputError: if the accelerator, the devices or the time cannot be used here.
    """
    _check_devices(settings.get("accelerator", "auto"), settings.get("devices", "auto"))
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
    if on_cpu and isinstance(devices, int) and devices > cores:
        raise InputError(
            f"trainer.devices is {devices}, and a CPU of {cores} cores trains by at most {cores} processes"
        )
