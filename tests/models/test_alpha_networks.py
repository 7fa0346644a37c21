"""Networks of many clocks: that every one of them has its effect, and what the estimates of the data are."""

import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.models.alpha_networks import ALPHA_NETWORKS, AlphaUNet, AmountsUNet, EstimateUNet


def alpha_unet():
    network = AlphaUNet(2, width=16, multipliers=(1, 2), blocks=1)
    torch.nn.init.normal_(network.network.answer.weight, std=0.05)
    return network.eval()


def test_the_alpha_unet_takes_any_shape_and_one_map_for_all_items():
    network, x, alpha = alpha_unet(), torch.randn(3, 2, 7, 9), torch.rand(1, 1, 7, 9)
    output = network(x, alpha)
    assert output.shape == x.shape
    assert torch.equal(output, network(x, alpha.expand(3, -1, -1, -1)))


def test_the_alpha_unet_reads_where_the_noise_is():
    """Not its mean alone: the map mirrored is another map."""
    network, x = alpha_unet(), torch.randn(1, 2, 8, 8)
    alpha = torch.zeros(1, 1, 8, 8)
    alpha[..., :4] = 0.8
    assert (network(x, alpha) - network(x, alpha.flip(-1))).abs().max() > 1e-3


def test_the_alpha_unet_reads_how_much_noise_there_is():
    network, x = alpha_unet(), torch.randn(2, 2, 8, 8)
    with torch.no_grad():
        network.network.enter.weight[:, 2] = 0  # the mean alone
    assert (network(x, torch.full((1, 1, 8, 8), 0.2)) - network(x, torch.full((1, 1, 8, 8), 0.9))).abs().max() > 1e-3


def test_estimates_of_the_data():
    """What the network sees is the expected data of independent normal entries, over their standard deviation, and
    what it corrects is right for standard normal data."""
    network = EstimateUNet(1, (1.0, 100.0), width=16, multipliers=(1,), blocks=1).double()
    g = torch.Generator().manual_seed(0)
    x = torch.randn(2, 1, 4, 4, generator=g, dtype=torch.float64)
    alpha = torch.rand(2, 1, 4, 4, generator=g, dtype=torch.float64)
    alpha[0, 0, 0, :2] = torch.tensor([0.0, 1.0])
    seen = []
    network.network.register_forward_pre_hook(lambda module, inputs: seen.append(inputs))
    found = network(x, alpha)
    for column, variance in ((1, 1.0), (2, 100.0)):
        expected = variance * (1 - alpha) / (alpha**2 + variance * (1 - alpha) ** 2) * x
        torch.testing.assert_close(seen[0][0][:, column : column + 1], expected / variance**0.5, atol=1e-10, rtol=0)
    # eta_0 - eta_1 = Cov(x_0 - x_1, x) x / Var x, before the network has learnt anything.
    torch.testing.assert_close(found, (alpha - (1 - alpha)) / (alpha**2 + (1 - alpha) ** 2) * x, atol=1e-10, rtol=0)
    torch.nn.init.normal_(network.network.answer.weight, std=0.3)
    assert torch.isfinite(network(x, alpha)).all() and (network(x, alpha) - found).abs().max() > 1e-3


def test_estimates_need_variances():
    for variances in ((), (1.0, 0.0)):
        with pytest.raises(InputError, match="variances"):
            EstimateUNet(1, variances)


SHAPES = {"alpha_unet": (3, 8, 12), "path_unet": (2, 10, 1)}  # data that a network of alphas takes


@pytest.mark.parametrize("name", ALPHA_NETWORKS)
def test_networks_of_alphas(name):
    """Every entry's alpha has an effect, an item's none on the next, and one alpha serves all items."""
    torch.manual_seed(0)
    shape = SHAPES[name]
    settings = {"width": 8, "multipliers": (1, 2), "blocks": 1, "attention": True, "dropout": 0.0, "padding": "zeros"}
    network = ALPHA_NETWORKS[name](shape, **settings).eval()
    x = torch.randn(3, *shape)
    alpha = torch.rand(3, 1, *shape[1:], requires_grad=True)
    assert network(x, alpha).abs().max() == 0  # before training
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    found = network(x, alpha)
    assert found.shape == x.shape
    found[0].square().sum().backward()
    assert alpha.grad[0].abs().min() > 0 and alpha.grad[1:].abs().max() == 0
    torch.testing.assert_close(network(x, alpha[:1])[0], found[0], atol=1e-4, rtol=1e-4)


def test_every_amount_has_an_effect_and_the_grid_is_periodic():
    torch.manual_seed(0)
    network = AmountsUNet(2, 3, width=8, multipliers=(1, 2), blocks=1).double().eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    x, estimate = torch.randn(2, 1, 2, 8, 8, dtype=torch.float64)
    amounts = torch.rand(1, 3, dtype=torch.float64, requires_grad=True)
    found = network(x, estimate, amounts)
    found.square().sum().backward()
    assert amounts.grad.abs().min() > 0
    shifted = network(x.roll((2, 4), (-2, -1)), estimate.roll((2, 4), (-2, -1)), amounts)
    torch.testing.assert_close(shifted, found.roll((2, 4), (-2, -1)), atol=1e-10, rtol=1e-10)
    assert (network(x, estimate.flip(-1), amounts) - found).abs().max() > 1e-3
