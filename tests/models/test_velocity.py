"""The networks of the small examples: their published sizes, shapes, and that the time has an effect."""

import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.models.velocity import (
    ALPHA_NETWORKS,
    AddUNet,
    AlphaUNet,
    ConcatUNet,
    EstimateUNet,
    TimeMLP,
    build_network,
)
from latentinpaint.models.velocity import NETWORKS as VELOCITY_NETWORKS


def size(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("base", "inputs", "outputs", "parameters"),
    [(64, 5, 3, 8_565_315), (32, 5, 3, 2_144_547), (16, 5, 3, 537_747), (64, 9, 4, 8_567_684)],
)
def test_sizes_of_the_concatenating_one(base, inputs, outputs, parameters):
    """The time is one of the inputs."""
    assert size(ConcatUNet(inputs - 1, outputs, base)) == parameters
    assert 2088 * base**2 + (9 * inputs + 153 + outputs) * base + outputs == parameters


def test_size_of_the_adding_one():
    assert size(AddUNet()) == 205_953


@pytest.mark.parametrize(("width", "parameters"), [(64, 8_706), (128, 33_794), (256, 133_122), (512, 528_386)])
def test_sizes_of_the_perceptron(width, parameters):
    assert size(TimeMLP(2, width)) == parameters


NETWORKS = {
    "mlp": (lambda: TimeMLP(3, 16), (4, 3), (4, 3)),
    "concat": (lambda: ConcatUNet(4, 3, 8), (2, 4, 16, 24), (2, 3, 16, 24)),
    "add": (lambda: AddUNet(2, 8), (2, 2, 12, 20), (2, 2, 12, 20)),
}


def build(name):
    torch.manual_seed(0)
    make, shape, output = NETWORKS[name]
    return make().eval(), shape, output


@pytest.mark.parametrize("name", NETWORKS)
def test_shape_time_and_items(name):
    network, shape, output = build(name)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    early, late = torch.full((shape[0],), 0.1), torch.full((shape[0],), 0.9)
    with torch.no_grad():
        found = network(x, early)
        assert found.shape == output and (found != network(x, late)).flatten(1).any(dim=1).all()
        torch.testing.assert_close(network(x[:1], early[:1])[0], found[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_can_be_negative(name):
    """Nothing comes after the last linear layer: with its sign changed, the output's changes."""
    network, shape, _ = build(name)
    x, time = torch.randn(shape, generator=torch.Generator().manual_seed(0)), torch.full((shape[0],), 0.3)
    last = [module for module in network.modules() if isinstance(module, torch.nn.Linear | torch.nn.Conv2d)][-1]
    with torch.no_grad():
        found = network(x, time)
        last.weight.neg_()
        last.bias.neg_()
        torch.testing.assert_close(network(x, time), -found)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_learns(name):
    network, shape, _ = build(name)
    network(torch.randn(shape), torch.rand(shape[0])).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())


@pytest.mark.parametrize("name", ["concat", "add"])
def test_every_level_has_an_effect(name):
    """With any one level's output set to zero, the network's changes."""
    network, shape, _ = build(name)
    x, time = torch.randn(shape, generator=torch.Generator().manual_seed(0)), torch.full((shape[0],), 0.3)
    levels = [*network.down, *network.up] if name == "concat" else [network.fine, network.coarse, network.middle]
    with torch.no_grad():
        whole = network(x, time)
        for level in levels:
            handle = level.register_forward_hook(lambda module, inputs, output: torch.zeros_like(output))
            assert (network(x, time) - whole).abs().max() > 1e-4
            handle.remove()


@pytest.mark.parametrize("name", VELOCITY_NETWORKS)
def test_outputs_have_the_shape_of_the_samples(name):
    shape = (2,) if VELOCITY_NETWORKS[name].dimensions == 1 else (2, 8, 8)
    arguments = {"mlp": {"width": 8}, "concat_unet": {"base_channels": 8}, "time_unet": {"width": 16}}.get(name)
    network = build_network(name, shape, arguments)
    assert network(torch.randn(3, *shape), torch.rand(3)).shape == (3, *shape)


# A map of alphas in the place of the time ----------------------------------------------------------------


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
    network = ALPHA_NETWORKS[name](shape, 8, (1, 2), 1, True, 0.0, "zeros").eval()
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
