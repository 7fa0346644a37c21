"""BatchNorm over several processes: which layers it is; what it computes, `test_two_processes` compares."""

import pytest
import torch
from torch import nn

from latentinpaint.training import sync_batch_norm
from latentinpaint.training.sync_batch_norm import SharedBatchNorm, SharedBatchNorm2d


def test_layers_are_shared_in_place_and_become_their_own_again():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Sequential(nn.BatchNorm2d(4), nn.BatchNorm1d(4)))
    layers = list(model.modules())
    assert SharedBatchNorm().apply(model) is model
    assert [type(model[1]), type(model[2][0]), type(model[2][1])] == [SharedBatchNorm2d] * 2 + [nn.BatchNorm1d]
    assert SharedBatchNorm().revert(model) is model
    assert [type(model[1]), type(model[2][0])] == [nn.BatchNorm2d] * 2
    assert all(one is other for one, other in zip(layers, model.modules(), strict=True))


def test_of_equal_processes_it_is_torchs_own(monkeypatch):
    """Three processes with the same maps have one's mean and biased variance, and count thrice as many values."""
    monkeypatch.setattr(sync_batch_norm, "process_count", lambda: 3)
    monkeypatch.setattr(sync_batch_norm, "total", lambda own: own.sum(dim=0, keepdim=True).expand(3, -1, -1))
    maps = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(0)) + 3
    for momentum in (0.1, None):
        expected = nn.BatchNorm2d(3, momentum=momentum)
        shared = SharedBatchNorm().apply(nn.BatchNorm2d(3, momentum=momentum))
        for _ in range(2):
            torch.testing.assert_close(shared(maps), expected(maps.repeat(3, 1, 1, 1))[:4], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(shared.running_mean, expected.running_mean)
        torch.testing.assert_close(shared.running_var, expected.running_var)
        assert shared.num_batches_tracked == 2


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gradients_of_equal_processes_are_torchs_own(affine, layout, monkeypatch):
    """Of the first of three equal shares of one batch; the layer's own are sums over that share."""

    def total(own):
        return 3 * own if own.dim() == 2 else own.sum(dim=0, keepdim=True).expand(3, -1, -1)

    monkeypatch.setattr(sync_batch_norm, "process_count", lambda: 3)
    monkeypatch.setattr(sync_batch_norm, "total", total)
    generator = torch.Generator().manual_seed(0)
    maps = (torch.randn(4, 3, 5, 5, generator=generator) + 3).to(memory_format=layout)
    factor = torch.randn(4, 3, 5, 5, generator=generator)
    layers = [nn.BatchNorm2d(3, affine=affine), SharedBatchNorm().apply(nn.BatchNorm2d(3, affine=affine))]
    found = []
    for layer, copies in zip(layers, (3, 1), strict=True):
        if affine:
            nn.init.constant_(layer.weight, 1.7)
        x = maps.repeat(copies, 1, 1, 1).requires_grad_()
        (layer(x) * factor.repeat(copies, 1, 1, 1)).sum().backward()
        own = [parameter.grad / copies for parameter in layer.parameters()]
        found.append([x.grad[:4], *own])
    for one, shared in zip(*found, strict=True):
        torch.testing.assert_close(shared, one, rtol=1e-4, atol=1e-4)


def test_an_evaluation_asks_no_other_process(monkeypatch):
    monkeypatch.setattr(sync_batch_norm, "process_count", lambda: 3)
    layer = nn.BatchNorm2d(3).eval()
    maps = torch.randn(2, 3, 4, 4)
    assert torch.equal(SharedBatchNorm().apply(layer)(maps), nn.BatchNorm2d(3).eval()(maps))
