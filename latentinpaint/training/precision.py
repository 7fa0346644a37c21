"""Which arithmetic trains fastest here; bfloat16 helps on some processors and hurts on others."""

import time

import torch
from torch import nn


def fastest_precision() -> str:
    """Lightning's name of the faster precision on this machine, measured in some milliseconds."""
    if torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    network = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1))
    network = network.to(memory_format=torch.channels_last)
    x = torch.randn(8, 64, 32, 32).contiguous(memory_format=torch.channels_last)

    def seconds(bfloat16: bool) -> float:
        started = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss = network(x).float().square().mean()
        loss.backward()
        return time.perf_counter() - started

    def best(bfloat16: bool) -> float:
        return min(seconds(bfloat16) for _ in range(4))

    return "bf16-mixed" if best(True) < best(False) else "32-true"
