"""Costs of things whose cost is known."""

import math
import os
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from latentinpaint.evaluation import profiling
from latentinpaint.evaluation.profiling import profile

CPU = torch.device("cpu")
needs_peak = pytest.mark.skipif(
    not os.access("/proc/self/clear_refs", os.W_OK), reason="/proc/self/clear_refs cannot be written to here"
)


def allocate(megabytes):
    return torch.ones(megabytes, 1_000_000, dtype=torch.uint8)


# ---- evaluations


class Twice(nn.Module):
    """Calls its only layer twice."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x, times=None):
        return self.layer(self.layer(x))


@pytest.mark.parametrize("rows", [[], [1], [3, 5, 1], [0, 2]])
def test_every_row_is_an_evaluation(rows):
    network = Twice()
    network(torch.rand(7, 4))  # before: not counted
    with profile(CPU, network) as cost:
        for count in rows:
            network(torch.rand(count, 4), torch.rand(count))
    network(torch.rand(7, 4))  # nor after
    assert cost.evaluations == sum(rows)


def test_only_calls_of_the_network_itself_are_counted():
    network = Twice()
    with profile(CPU, network.layer) as inner, profile(CPU, network) as outer:
        network(torch.rand(3, 4))
    assert (inner.evaluations, outer.evaluations) == (6, 3)


def test_without_a_network_there_is_no_count():
    with profile(CPU) as cost:
        Twice()(torch.rand(3, 4))
    assert cost.evaluations is None


def test_an_exception_passes_and_leaves_no_hook_behind():
    network = Twice()
    with pytest.raises(KeyError, match="inside"), profile(CPU, network) as cost:
        network(torch.rand(3, 4))
        raise KeyError("inside")
    assert cost.evaluations == 3 and cost.seconds > 0
    assert not network._forward_pre_hooks
    network(torch.rand(3, 4))
    assert cost.evaluations == 3


# ---- seconds


def test_the_seconds_of_a_sleep():
    with profile(CPU) as cost:
        assert math.isnan(cost.seconds)
        time.sleep(0.2)
    assert 0.2 <= cost.seconds < 0.7


# ---- memory


@needs_peak
def test_the_memory_of_an_allocation_that_is_gone_at_the_end():
    with profile(CPU) as cost:
        held = allocate(200)
        del held
        allocate(50)
    # At the end 50 are held; whether the allocator had given the 200 back by then is its own affair.
    assert 160 < cost.megabytes < 290


@needs_peak
def test_what_was_held_before_is_not_counted():
    allocate(300)  # an earlier peak
    held = allocate(200)
    with profile(CPU) as cost:
        allocate(50)
    assert held[0, 0] == 1 and cost.megabytes == pytest.approx(50, abs=10)


@needs_peak
def test_the_same_work_costs_the_same_every_time():
    """Freed memory that the allocator keeps for later is used anew, but it is a cost nevertheless."""
    between, found = [], []
    for _ in range(4):
        with profile(CPU) as cost:
            pieces = []
            for _ in range(100):
                pieces.append(allocate(1))
                between.append(torch.ones(100))  # lives on, so that the pieces' places are not given back
            del pieces
        found.append(cost.megabytes)
    assert found == pytest.approx([100] * 4, rel=0.2)


@pytest.mark.parametrize("file", ["_RESET", "_STATUS"])
def test_where_the_kernel_does_not_tell_it_is_unknown(file, monkeypatch):
    monkeypatch.setattr(profiling, file, Path("/nowhere/at/all"))
    with profile(CPU) as cost:
        allocate(50)
    assert math.isnan(cost.megabytes) and cost.seconds > 0
