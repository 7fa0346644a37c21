"""The device to run on, and how much memory is free there."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from latentinpaint.errors import InputError, shown

GIB = 2**30
_MEMINFO = Path("/proc/meminfo")
_CONTROL_GROUP = Path("/sys/fs/cgroup")


def choose_device(name: str | int | torch.device | None = None) -> torch.device:
    """A device that works here.

    Args:
        name: such as "cpu", "cuda" or "mps", or a GPU's number; None or "" is a GPU if there is one, Apple's if it
            computes what the networks need.

    Raises:
        InputError: if it cannot be used.
    """
    if name is None or name == "":
        name = _best_device()
    if not isinstance(name, str | int | torch.device) or isinstance(name, bool):
        raise InputError(f"a device is a name such as cpu or cuda, or a GPU's number, not {shown(name)}")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
        if device.type == "meta":
            raise RuntimeError("tensors there hold no values")
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"the device {name} cannot be used here: choose cpu, cuda, cuda:1 … or mps") from error
    return device


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available() and _transforms_rightly("mps"):
        return "mps"
    return "cpu"


def _transforms_rightly(device: str) -> bool:
    """Whether a device has the Fourier transforms and gets them right; some releases for Apple's GPUs do not."""
    x = torch.linspace(0, 1, 7 * 12).square().view(1, 1, 7, 12)
    expected = torch.fft.irfft2(torch.fft.rfft2(x).roll(1, -2), s=(7, 12))
    try:
        found = torch.fft.irfft2(torch.fft.rfft2(x.to(device)).roll(1, -2), s=(7, 12)).cpu()
    except (RuntimeError, NotImplementedError, TypeError):
        return False
    return torch.allclose(found, expected, atol=1e-5)


def check_same_device(one: Tensor, other: Tensor) -> None:
    """Raise an `InputError` unless two tensors that are to be compared are on one device."""
    if one.device != other.device:
        raise InputError(f"what is compared is on one device, not on {one.device} and {other.device}")


def free_memory(device: torch.device) -> int | None:
    """Bytes that a program could still allocate; None where the system does not say.

    On a CUDA device the driver's free memory and what PyTorch has reserved there without using it; on a processor the
    smaller of what Linux calls available and what its control group (a container's limit) has left.
    """
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    available = _available_memory()
    left_in_group = _left_in_control_group()
    if available is None:
        return left_in_group
    if left_in_group is None:
        return available
    return min(available, left_in_group)


def saved_for_backward(function: Callable[[], Tensor]) -> int:
    """Bytes that autograd saves in `function` for the backward pass, parameters excepted.

    Tensors that share their memory are counted once.
    """
    saved: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, nn.Parameter):
            storage = tensor.untyped_storage()
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = function()  # alive until all is counted, so that no address is used twice
        total = sum(saved.values())
    del output
    return total


def _available_memory() -> int | None:
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:  # not Linux
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _left_in_control_group() -> int | None:
    try:
        limit = (_CONTROL_GROUP / "memory.max").read_text().strip()
        used = (_CONTROL_GROUP / "memory.current").read_text().strip()
    except OSError:
        return None
    if not limit.isdigit():  # "max", there is no limit
        return None
    return max(0, int(limit) - int(used))
