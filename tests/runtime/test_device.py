"""Which device, free memory as the system reports it, and what autograd saves, in closed form."""

import pytest
import torch
from torch import nn

from latentinpaint.errors import InputError
from latentinpaint.runtime import device as device_module
from latentinpaint.runtime.device import check_same_device, choose_device, free_memory, saved_for_backward


@pytest.mark.parametrize("name", ["cpu", torch.device("cpu")])
def test_a_device_by_name(name):
    assert choose_device(name) == torch.device("cpu")


@pytest.mark.parametrize(
    ("cuda", "apple", "right", "expected"),
    [
        (True, True, True, "cuda"),
        (False, True, True, "mps"),
        (False, True, False, "cpu"),
        (False, False, True, "cpu"),
    ],
)
def test_a_gpu_if_there_is_one_that_computes_rightly(cuda, apple, right, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: apple)
    monkeypatch.setattr(device_module, "_transforms_rightly", lambda device: right)
    tried = []
    monkeypatch.setattr(torch, "empty", lambda *shape, device: tried.append(device))
    device = choose_device()
    assert device.type == expected and tried == [device]


def test_a_device_that_transforms_wrongly_is_found_out(monkeypatch):
    assert device_module._transforms_rightly("cpu")
    assert not device_module._transforms_rightly("meta")  # has no values
    transform = torch.fft.rfft2
    outputs = iter([1.0, 1.001])
    monkeypatch.setattr(torch.fft, "rfft2", lambda x: transform(x) * next(outputs))
    assert not device_module._transforms_rightly("cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:4711", "meta:x", "meta", torch.device("meta")])
def test_a_device_that_cannot_be_used(name):
    with pytest.raises(InputError, match=f"the device {name} cannot be used here"):
        choose_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU of number 0")
def test_a_number_is_never_the_processor():
    with pytest.raises(InputError, match="the device 0 cannot be used here"):
        choose_device(0)


def test_free_memory_of_this_system():
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
def test_the_smaller_limit_counts(tmp_path, monkeypatch, meminfo, limit, used, expected):
    (tmp_path / "meminfo").write_text(meminfo)
    for name, text in (("memory.max", limit), ("memory.current", used)):
        if text is not None:
            (tmp_path / name).write_text(text + "\n")
    monkeypatch.setattr(device_module, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(device_module, "_CONTROL_GROUP", tmp_path)
    assert free_memory(torch.device("cpu")) == expected


def test_what_autograd_saves():
    x = torch.rand(1000, requires_grad=True)
    assert saved_for_backward(lambda: x.exp()) == 4000  # its output
    assert saved_for_backward(lambda: x.sin()) == 4000  # its input
    assert saved_for_backward(lambda: x + 1) == 0
    assert saved_for_backward(lambda: x.exp() * x.exp()) == 8000  # both outputs are also the product's factors: once
    with torch.no_grad():
        assert saved_for_backward(lambda: x.exp()) == 4000


def test_weights_are_not_counted():
    x = torch.rand(1, 3, 8, 8, requires_grad=True)
    convolution = nn.Conv2d(3, 5, 3).requires_grad_(False)
    assert saved_for_backward(lambda: convolution(x)) in (
        0,
        x.numel() * 4,
    )  # the input may be saved


def test_what_is_compared_is_on_one_device():
    here = torch.zeros(1)
    check_same_device(here, torch.ones(2))
    with pytest.raises(InputError, match="on one device, not on cpu and meta"):
        check_same_device(here, here.to("meta"))
