"""Free memory as the system tells it, and what autograd keeps, in closed form."""

import pytest
import torch
from torch import nn

from latentinpaint import device as device_module
from latentinpaint.device import free_memory, kept_for_gradient


def test_this_system_tells_what_a_program_can_take():
    free = free_memory(torch.device("cpu"))
    if free is None:
        pytest.skip("this system does not say")
    assert 2**20 < free < 2**50


@pytest.mark.parametrize(
    "meminfo, limit, used, expected",
    [
        ("MemTotal: 9 kB\nMemAvailable:    2048 kB\n", "max", "5", 2048 * 1024),
        ("MemAvailable: 2048 kB\n", "1000", "400", 600),
        ("MemAvailable: 2048 kB\n", "1000", "1400", 0),
        ("MemTotal: 9 kB\n", "1000", "400", 600),
        ("MemTotal: 9 kB\n", None, None, None),
    ],
)
def test_the_least_limit_counts(tmp_path, monkeypatch, meminfo, limit, used, expected):
    (tmp_path / "meminfo").write_text(meminfo)
    for name, text in (("memory.max", limit), ("memory.current", used)):
        if text is not None:
            (tmp_path / name).write_text(text + "\n")
    monkeypatch.setattr(device_module, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(device_module, "_GROUP", tmp_path)
    assert free_memory(torch.device("cpu")) == expected


def test_what_autograd_keeps():
    x = torch.rand(1000, requires_grad=True)
    assert kept_for_gradient(lambda: x.exp()) == 4000  # its answer
    assert kept_for_gradient(lambda: x.sin()) == 4000  # its input
    assert kept_for_gradient(lambda: x + 1) == 0
    assert kept_for_gradient(lambda: x.exp() * x.exp()) == 8000  # both answers are also the product's factors: once
    with torch.no_grad():
        assert kept_for_gradient(lambda: x.exp()) == 4000


def test_weights_are_not_counted():
    x = torch.rand(1, 3, 8, 8, requires_grad=True)
    convolution = nn.Conv2d(3, 5, 3).requires_grad_(False)
    assert kept_for_gradient(lambda: convolution(x)) in (0, x.numel() * 4)  # the input is kept for the weights' sake
