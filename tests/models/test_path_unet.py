"""The network of paths: its widths and kernels, shapes, and what its output depends on."""

import pytest
import torch
from torch import nn

from latentinpaint.errors import InputError
from latentinpaint.models.path_unet import PathBlock, PathUNet


def small(length=50):
    torch.manual_seed(0)
    network = PathUNet((2, length, 1), width=8, multipliers=(1, 2, 2), blocks=1).eval()
    nn.init.normal_(network.answer.weight, std=0.1)
    return network


def inputs(length=50, count=3):
    g = torch.Generator().manual_seed(0)
    return torch.randn(count, 2, length, 1, generator=g), torch.rand(count, 1, length, 1, generator=g)


def test_the_published_widths_and_kernel():
    """Negrel et al., arXiv 2508.04605: channels 80, 160, 256, 512, kernel 5 along the path, two blocks a stage."""
    network = PathUNet((2, 50, 1), width=16, multipliers=(5, 10, 16, 32), blocks=2)
    kernels = {m.kernel_size for m in network.modules() if isinstance(m, nn.Conv1d)}
    assert kernels == {(5,), (1,)}  # 1 on the skips alone
    assert [len(blocks) for blocks in network.down] == [2] * 4 and [len(blocks) for blocks in network.up] == [2] * 3
    widths = [blocks[-1].after[-1].out_channels for blocks in network.down]
    assert widths == [80, 160, 256, 512]


@pytest.mark.parametrize("length", [50, 7, 2])
def test_shapes_and_items(length):
    network = small(length)
    x, alpha = inputs(length)
    with torch.no_grad():
        together = network(x, alpha)
        alone = network(x[1:2], alpha[1:2])
    assert together.shape == x.shape
    torch.testing.assert_close(alone, together[1:2], atol=1e-5, rtol=1e-4)


def test_it_starts_at_zero():
    network = PathUNet((2, 50, 1), width=8, multipliers=(1, 2), blocks=1)
    assert network(*inputs()).abs().max() == 0


@pytest.mark.parametrize("end", [0, 49])
def test_every_point_reaches_the_farthest(end):
    """A pin at one end has an effect on the other."""
    network = small()
    x, alpha = inputs(count=1)
    x.requires_grad_()
    alpha.requires_grad_()
    network(x, alpha)[0, :, 49 - end].abs().sum().backward()
    assert x.grad[0, :, end].abs().min() > 0 and alpha.grad[0, :, end].abs().min() > 0


def test_one_alpha_for_all_items():
    network = small()
    x, alpha = inputs()
    with torch.no_grad():
        torch.testing.assert_close(network(x, alpha[:1]), network(x, alpha[:1].expand(3, -1, -1, -1)))


def randomised(**settings):
    network = PathUNet((2, 48, 1), width=8, blocks=1, **settings).double().eval()
    g = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.2, generator=g)
    return network


def test_closed_paths():
    """With circular padding a shift by the coarsest step shifts the output alike; with zeros it does not."""
    x = torch.randn(1, 2, 48, 1, dtype=torch.float64)
    alpha = torch.full((1, 1, 48, 1), 0.4, dtype=torch.float64)
    for padding, moves_along in (("circular", True), ("zeros", False)):
        network = randomised(multipliers=(1, 2), padding=padding)
        shifted = network(x.roll(4, 2), alpha)
        assert torch.allclose(shifted, network(x, alpha).roll(4, 2), atol=1e-10) == moves_along


@pytest.mark.parametrize("attention", [True, False])
def test_attention_is_over_the_coarsest_level(attention):
    network = randomised(multipliers=(1, 2), attention=attention)
    x, alpha = inputs(48)
    found = network(x.double(), alpha)
    lengths = []
    network.middle.register_forward_hook(lambda module, given, output: lengths.append(given[0].shape[2]))
    network(x.double(), alpha)
    network.middle = nn.Identity()
    assert lengths == [24] and torch.equal(network(x.double(), alpha), found) != attention


def test_the_alphas_shift_the_features_too():
    """Where the features are zero, scaling has no effect."""
    block = PathBlock(8, 8, 4, 0.0, "zeros").eval()
    nn.init.zeros_(block.before[-1].bias)
    x = torch.zeros(1, 8, 6)
    embedding = torch.randn(2, 1, 4, generator=torch.Generator().manual_seed(0))
    assert (block(x, embedding[0]) - block(x, embedding[1])).abs().max() > 1e-3


def test_pictures_are_refused():
    with pytest.raises(InputError, match="one point wide"):
        PathUNet((2, 50, 50))
