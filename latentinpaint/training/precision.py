"""Which arithmetic trains fastest here; bfloat16 helps on some processors and hurts on others."""

import time
from typing import Literal

import torch
from torch import Tensor, nn

REPEATS = 4
Precision = Literal["bf16-mixed", "32-true"]


def fastest_precision() -> Precision:
    """Lightning's name of the faster precision on this machine, measured in some milliseconds."""
    if torch.cuda.is_available():
        bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        network = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1))
        network = network.to(memory_format=torch.channels_last)
        x = torch.randn(8, 64, 32, 32).contiguous(memory_format=torch.channels_last)
        bfloat16 = _best_seconds(network, x, bfloat16=True) < _best_seconds(network, x, bfloat16=False)
    return "bf16-mixed" if bfloat16 else "32-true"


def _best_seconds(network: nn.Module, x: Tensor, bfloat16: bool) -> float:
    """The shortest of some training steps on the CPU, in processor time: other programs would lengthen others."""
    best = float("inf")
    for _ in range(REPEATS):
        started = time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss = network(x).float().square().mean()
        loss.backward()
        best = min(best, time.process_time() - started)
    return best
