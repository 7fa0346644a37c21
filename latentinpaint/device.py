"""Where to run: a GPU if there is one, or what is asked for; and how much memory is free there."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from latentinpaint.errors import InputError

GIB = 2**30
_MEMINFO, _GROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def choose_device(name: str | torch.device | None = None) -> torch.device:
    """A device that works here.

    Args:
        name: such as "cpu", "cuda" or "mps"; None takes a GPU if there is one.

    Raises:
        InputError: if it cannot be used.
    """
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"the device {name} cannot be used here: choose cpu, cuda, cuda:1 … or mps") from error
    return device


def free_memory(device: torch.device) -> int | None:
    """Bytes that a program could still take; None where the system does not say.

    Of a CUDA device what its driver has left and what PyTorch holds there unused; of a processor the least of what
    Linux calls available and what its control group (a container's limit) has left.
    """
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    limits = [_available(), _left_in_group()]
    return min((limit for limit in limits if limit is not None), default=None)


def kept_for_gradient(function: Callable[[], Tensor]) -> int:
    """Bytes that autograd keeps between `function` and the gradient of its answer, weights and buffers aside.

    Tensors that share their memory are counted once.
    """
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, nn.Parameter):
            storage = tensor.untyped_storage()
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        answer = function()  # alive until all is counted, so that no address is used twice
        total = sum(kept.values())
    del answer
    return total


def _available() -> int | None:
    try:
        line = next(line for line in _MEMINFO.read_text().splitlines() if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):  # not Linux
        return None
    return int(line.split()[1]) * 1024


def _left_in_group() -> int | None:
    try:
        limit, used = ((_GROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return None
    return max(0, int(limit) - int(used)) if limit.isdigit() else None
