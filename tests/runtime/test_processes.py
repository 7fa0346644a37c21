"""Sums over processes: of one process they are its own; what several do, `test_two_processes` and these show."""

import pytest
import torch
import torch.distributed as dist

from latentinpaint.runtime import processes
from latentinpaint.runtime.processes import (
    average,
    batch_mean,
    gathered,
    one_batch,
    process_count,
    process_number,
    total,
)


def test_one_process_is_alone():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    assert (process_count(), process_number(), gathered("a")) == (1, 0, ["a"])
    assert total(x) is x
    with one_batch():
        assert batch_mean(x) is x


@pytest.fixture
def three(monkeypatch):
    """Three processes that hold the same."""
    monkeypatch.setattr(processes, "process_count", lambda: 3)
    monkeypatch.setattr(dist, "all_reduce", lambda tensor: tensor.mul_(3))


def test_a_sum_has_the_gradients_of_a_sum(three):
    """Each process's loss is (x_1 + x_2 + x_3)^2, and all three depend on its x: their gradients sum to 18 x."""
    x = torch.tensor(2.0, requires_grad=True)
    (gradient,) = torch.autograd.grad(total(x) ** 2, x, create_graph=True)
    (second,) = torch.autograd.grad(gradient, x)
    assert total(x).item() == 6
    assert gradient.item() == 18 * 2
    assert second.item() == 18


def test_only_within_one_batch_others_count(three):
    x = torch.tensor(2.0, requires_grad=True)
    assert batch_mean(x) is x
    with one_batch():
        assert batch_mean(x).item() == 2 and not batch_mean(x).requires_grad
    assert batch_mean(x) is x


def test_averages_of_several_tensors(monkeypatch):
    """Two processes, the other with twice as much: the mean is 1.5 times this one's."""
    monkeypatch.setattr(processes, "process_count", lambda: 2)
    monkeypatch.setattr(dist, "all_reduce", lambda tensor: tensor.mul_(3))
    tensors = [torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor(5.0)]
    average(tensors)
    assert tensors[0].tolist() == [[1.5, 3.0], [4.5, 6.0]] and tensors[1].item() == 7.5
