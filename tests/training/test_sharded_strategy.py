"""Sharded training: norms of shares, and modules made whole; the training itself is in `test_two_processes`."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from latentinpaint.training.sharded_strategy import ShardedStrategy, _set_parameters, total_norm, whole_weights


def test_the_norm_of_gradients_on_one_device():
    trainer = SimpleNamespace(strategy=SimpleNamespace(root_device="cpu"))
    assert total_norm([torch.full((3,), 2.0), torch.ones(4)], trainer).item() == 4
    assert total_norm([], trainer).item() == 0


def test_the_norm_of_shares_is_that_of_the_whole(monkeypatch):
    """A share of (1, 2, 2) in one process, of (4, 0) in the other: 9 + 16 = 25."""
    monkeypatch.setattr(ShardedStrategy, "root_device", "cpu")
    monkeypatch.setattr(ShardedStrategy, "reduce", lambda strategy, square, reduce_op: square + 16)
    trainer = SimpleNamespace(strategy=ShardedStrategy())
    assert total_norm([torch.tensor([1.0, 2.0, 2.0])], trainer).item() == pytest.approx(5)


def sharded(model):
    strategy = ShardedStrategy()
    strategy.model = model
    return strategy


@pytest.mark.parametrize(
    ("strategy", "gathered"),
    [(SimpleNamespace(model="a model"), []), (sharded(None), []), (sharded("a model"), ["a model"])],
    ids=["one device", "sharded, not yet set up", "sharded"],
)
def test_weights_are_gathered_where_they_are_shared_out_and_nowhere_else(strategy, gathered, monkeypatch):
    """And never written back: what is done with whole weights is to read them."""
    events = []

    @contextmanager
    def summon(model, writeback):
        events.append((model, writeback))
        yield
        events.append("given back")

    monkeypatch.setattr("torch.distributed.fsdp.FullyShardedDataParallel.summon_full_params", summon)
    with whole_weights(SimpleNamespace(strategy=strategy)):
        assert events == [(model, False) for model in gathered]
    assert events == [(model, False) for model in gathered] + ["given back"] * len(gathered)


def test_a_module_gets_its_weights_back():
    module = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1).requires_grad_(False))
    weights = {name: value + 1 for name, value in module.state_dict().items()}
    for parameter in module.parameters():
        parameter.data = parameter.data.flatten()[:0]
    _set_parameters(module, weights)
    assert all(torch.equal(value, weights[name]) for name, value in module.state_dict().items())
    assert [parameter.requires_grad for parameter in module.parameters()] == [True, True, False, False]
