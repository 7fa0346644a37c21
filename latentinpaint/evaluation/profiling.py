"""The resources that a fill takes: seconds, memory, and evaluations of the network.

Memory is the peak of what the process holds during a fill beyond what it held before: on a CPU its resident pages, as
Linux counts them (nan elsewhere), on a CUDA device what PyTorch has allocated there.
"""

import ctypes
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


@dataclass
class ResourceUsage:
    """seconds; megabytes, of 10^6 bytes, nan if unknown; evaluations of the network, None if there is no network."""

    seconds: float = math.nan
    megabytes: float = math.nan
    evaluations: int | None = None


@contextmanager
def profile(device: torch.device, network: nn.Module | None = None) -> Iterator[ResourceUsage]:
    """Measure what happens inside; the result is complete afterwards.

    Args:
        device: where the work is done.
        network: its calls are counted, one for every item of a batch.
    """
    usage = ResourceUsage()
    evaluations = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        nonlocal evaluations
        evaluations += len(inputs[0])

    hook = None
    if network is not None:
        hook = network.register_forward_pre_hook(count)
    before = _reset_peak(device)
    started = time.perf_counter()
    try:
        yield usage
    finally:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        usage.seconds = time.perf_counter() - started
        increase = _peak_bytes(device) - before
        if math.isfinite(increase):
            usage.megabytes = max(0.0, increase) / 1e6
        if hook is not None:
            hook.remove()
            usage.evaluations = evaluations


def _reset_peak(device: torch.device) -> float:
    """Start the peak of a device's memory anew; returns the bytes held now, nan where the kernel does not say."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    with suppress(OSError, TypeError, AttributeError):  # another C library
        # glibc keeps freed pages, and the next fill would reuse them unseen.
        ctypes.CDLL(None).malloc_trim(0)
    try:
        _RESET.write_text("5")  # proc(5): resets the peak of the resident set
    except OSError:
        return math.nan
    return _status_bytes("VmRSS")


def _peak_bytes(device: torch.device) -> float:
    """The most that was held since `_reset_peak`."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return _status_bytes("VmHWM")


def _status_bytes(key: str) -> float:
    """An entry of the kernel's status of this process; nan if there is none."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return math.nan
    for line in lines:
        if line.startswith(key + ":"):
            return float(line.split()[1]) * 1024
    return math.nan
