"""The U-Net that sees the map of alphas."""

import torch

from latentinpaint.models.velocity import AlphaUNet


def build():
    network = AlphaUNet(2, width=16, multipliers=(1, 2), blocks=1)
    torch.nn.init.normal_(network.network.answer.weight, std=0.05)
    return network.eval()


def test_shape_and_one_map_for_all_rows():
    network, x, alpha = build(), torch.randn(3, 2, 7, 9), torch.rand(1, 1, 7, 9)
    answer = network(x, alpha)
    assert answer.shape == x.shape
    assert torch.equal(answer, network(x, alpha.expand(3, -1, -1, -1)))


def test_it_knows_where_the_noise_is():
    """Not its mean alone: the map mirrored is another map."""
    network, x = build(), torch.randn(1, 2, 8, 8)
    alpha = torch.zeros(1, 1, 8, 8)
    alpha[..., :4] = 0.8
    assert (network(x, alpha) - network(x, alpha.flip(-1))).abs().max() > 1e-3


def test_it_knows_how_much_noise_there_is():
    network, x = build(), torch.randn(2, 2, 8, 8)
    with torch.no_grad():
        network.network.enter.weight[:, 2] = 0  # the mean alone
    assert (network(x, torch.full((1, 1, 8, 8), 0.2)) - network(x, torch.full((1, 1, 8, 8), 0.9))).abs().max() > 1e-3
