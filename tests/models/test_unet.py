"""The flow's network: any grid, zero at first, time that matters, items that do not mix."""

import numpy as np
import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.models import TimeUNet
from latentinpaint.models.unet import SelfAttention, time_features

SIZES = [(1, 1), (1, 7), (3, 5), (8, 8), (33, 17)]


def build(randomised=True, **arguments):
    torch.manual_seed(0)
    network = TimeUNet(3, 2, **{"width": 16, "multipliers": (1, 2, 3), "blocks": 1, **arguments}).eval()
    if randomised:
        for name, weight in network.named_parameters():
            if not weight.any():
                torch.nn.init.normal_(weight, std=0.2)
                assert weight.any(), name
    return network


@pytest.mark.parametrize("attention", [True, False])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("count", [1, 2])
def test_any_grid_keeps_its_size(size, attention, count):
    network = build(attention=attention)
    x = torch.randn(count, 3, *size)
    output = network(x, torch.rand(count))
    assert output.shape == (count, 2, *size)
    # A network that ignores its input would keep any shape.
    assert (network(x + torch.randn_like(x), torch.rand(count)) - output).abs().max() > 1e-3


@pytest.mark.parametrize("width", [2, 4, 8, 16, 48])
def test_small_widths_on_one_cell(width):
    """A group of one number has no standard deviation: the deepest level of a small picture is one cell."""
    network = build(width=width, multipliers=(1, 2))
    assert network(torch.randn(1, 3, 1, 1), torch.rand(1)).isfinite().all()


@pytest.mark.parametrize("attention", [True, False])
def test_the_answer_starts_at_zero(attention):
    network = build(randomised=False, attention=attention)
    output = network(torch.randn(2, 3, 6, 6), torch.rand(2))
    assert torch.equal(output, torch.zeros_like(output))
    torch.nn.init.normal_(network.answer.weight)
    assert network(torch.randn(2, 3, 6, 6), torch.rand(2)).abs().max() > 0


@pytest.mark.parametrize("attention", [True, False])
def test_time_matters_and_rows_do_not_mix(attention):
    network = build(attention=attention)
    x, time = torch.randn(3, 3, 9, 7), torch.tensor([0.1, 0.5, 0.9])
    output = network(x, time)
    later = network(x, torch.tensor([0.1, 0.52, 0.9]))
    torch.testing.assert_close(later[[0, 2]], output[[0, 2]], atol=1e-5, rtol=1e-5)
    assert (later[1] - output[1]).abs().max() > 1e-3
    other = x.clone()
    other[1] = torch.randn(3, 9, 7)
    changed = network(other, time)
    torch.testing.assert_close(changed[[0, 2]], output[[0, 2]], atol=1e-5, rtol=1e-5)
    assert (changed[1] - output[1]).abs().max() > 1e-3
    for item in range(3):
        alone = network(x[item : item + 1], time[item : item + 1])
        torch.testing.assert_close(alone[0], output[item], atol=1e-5, rtol=1e-5)


def test_attention_reaches_across_the_grid():
    """The far end of a row of 64 cells: without attention it is beyond every convolution."""
    reach = {}
    for attention in (True, False):
        network = build(attention=attention, multipliers=(1, 2)).double()
        for module in list(network.modules()):
            for name, part in module.named_children():
                if isinstance(part, torch.nn.GroupNorm):  # its statistics would see the whole grid
                    setattr(module, name, torch.nn.Identity())
        x = torch.randn(1, 3, 1, 64, dtype=torch.float64)
        changed = x.clone()
        changed[..., 0] += 1
        time = torch.tensor([0.3], dtype=torch.float64)
        reach[attention] = (network(changed, time) - network(x, time))[..., -1].abs().max().item()
    assert reach[False] == 0
    assert reach[True] > 1e-9


def test_self_attention_is_the_formula():
    torch.manual_seed(0)
    attention = SelfAttention(64).double()
    torch.nn.init.normal_(attention.merge.weight, std=0.1)
    x = torch.randn(2, 64, 3, 2, dtype=torch.float64)
    normed = attention.norm(x).flatten(2).detach().numpy()
    weight, bias = (p.detach().numpy() for p in (attention.project.weight[:, :, 0, 0], attention.project.bias))
    query, key, value = np.split(np.einsum("oi,bin->bon", weight, normed) + bias[:, None], 3, axis=1)
    heads = []
    for part in (slice(0, 32), slice(32, 64)):
        scores = np.einsum("bcn,bcm->bnm", query[:, part], key[:, part]) / np.sqrt(32)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        heads.append(np.einsum("bnm,bcm->bcn", scores, value[:, part]))
    merged = np.einsum("oi,bin->bon", attention.merge.weight.detach().numpy()[:, :, 0, 0], np.concatenate(heads, 1))
    expected = x.numpy() + merged.reshape(x.shape)
    np.testing.assert_allclose(attention(x).detach().numpy(), expected, atol=1e-10)


def test_time_features_are_sines_and_cosines():
    time = np.array([0.0, 0.25, 1.0])
    frequencies = 1000.0 / 10_000.0 ** (np.arange(4) / 4)
    angles = time[:, None] * frequencies
    expected = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
    np.testing.assert_allclose(time_features(torch.from_numpy(time), 8).numpy(), expected, atol=1e-11)


def test_dropout_only_while_training():
    network = build(dropout=0.5)
    x, time = torch.randn(1, 3, 8, 8), torch.rand(1)
    assert torch.equal(network(x, time), network(x, time))
    network.train()
    assert not torch.equal(network(x, time), network(x, time))


def test_periodic_padding_commutes_with_shifts():
    """By the side of the coarsest cell; zeros beyond the edge do not."""
    for padding, moves_along in (("circular", True), ("zeros", False)):
        network = build(padding=padding, multipliers=(1, 2)).double()
        x, time = torch.randn(1, 3, 8, 8, dtype=torch.float64), torch.tensor([0.3], dtype=torch.float64)
        shifted = network(x.roll((2, 4), (-2, -1)), time)
        assert torch.allclose(shifted, network(x, time).roll((2, 4), (-2, -1)), atol=1e-10) == moves_along


@pytest.mark.parametrize("normalised", [True, False])
def test_without_normalisation_the_scale_of_the_input_counts(normalised):
    """Twice a large input is answered by twice the output, and by the same output of a normalised network."""
    network = build(normalised=normalised, attention=False).double()
    x, time = 1e6 * torch.randn(1, 3, 8, 8, dtype=torch.float64), torch.tensor([0.3], dtype=torch.float64)
    doubled = (network(2 * x, time) / network(x, time)).median().item()
    assert doubled == pytest.approx(1 if normalised else 2, rel=1e-3)


def test_an_unknown_padding():
    with pytest.raises(InputError, match="no padding 'mirror'"):
        build(padding="mirror")
