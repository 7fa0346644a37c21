"""The faster arithmetic is chosen by the clock, or by what a GPU can do."""

import pytest
import torch

from latentinpaint.training import precision


@pytest.mark.parametrize(("seconds", "expected"), [((1.0, 2.0), "bf16-mixed"), ((2.0, 1.0), "32-true")])
def test_the_clock_decides_on_a_cpu(seconds, expected, monkeypatch):
    """Every step takes the first of `seconds` in bfloat16, the second otherwise."""
    now = [0.0]

    class Network(torch.nn.Sequential):
        def forward(self, x):
            now[0] += seconds[0] if torch.is_autocast_enabled("cpu") else seconds[1]
            return super().forward(x)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(precision.nn, "Sequential", Network)
    monkeypatch.setattr(precision.time, "process_time", lambda: now[0])
    assert precision.fastest_precision() == expected


@pytest.mark.parametrize(("supported", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_a_gpu_says_what_it_can_do(supported, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: supported)
    assert precision.fastest_precision() == expected
