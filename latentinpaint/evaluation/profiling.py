"""What a fill costs: seconds, memory, and evaluations of the network.

Memory is what the process holds at its peak during a fill beyond what it held before: of a CPU its resident pages, as
Linux counts them (nan elsewhere), of a CUDA device what PyTorch has allocated there.
"""

import ctypes
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass
class ResourceUsage:
    """seconds; megabytes, of 10^6 bytes, nan where they cannot be known; evaluations, None for no network."""

    seconds: float = math.nan
    megabytes: float = math.nan
    evaluations: int | None = None


@contextmanager
def profile(device: torch.device, network: nn.Module | None = None) -> Iterator[ResourceUsage]:
    """Measure what happens inside; the cost is complete afterwards.

    Args:
        device: where the work is done.
        network: its calls are counted, one for every row of a batch.
    """
    cost = ResourceUsage(evaluations=None if network is None else 0)

    def count(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        cost.evaluations += len(inputs[0])

    hook = None if network is None else network.register_forward_pre_hook(count)
    cuda = device.type == "cuda"
    if cuda:
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device) if cuda else _resident_reset()
    started = time.perf_counter()
    try:
        yield cost
    finally:
        if cuda:
            torch.cuda.synchronize(device)
        cost.seconds = time.perf_counter() - started
        peak = torch.cuda.max_memory_allocated(device) if cuda else _kilobytes("VmHWM") * 1024
        cost.megabytes = max(0.0, peak - before) / 1e6 if math.isfinite(peak - before) else math.nan
        if hook is not None:
            hook.remove()


def _resident_reset() -> float:
    """Start the peak anew; the resident bytes now, nan where the kernel does not say."""
    try:
        # glibc keeps freed pages, and the next fill would reuse them unseen.
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, TypeError, AttributeError):  # another C library
        pass
    try:
        _RESET.write_text("5")  # proc(5): resets the peak of the resident set
    except OSError:
        return math.nan
    return _kilobytes("VmRSS") * 1024


def _kilobytes(key: str) -> float:
    try:
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(key + ":"))
    except (OSError, StopIteration):
        return math.nan
    return float(line.split()[1])
