"""The networks of the small examples: their published sizes, shapes, and that the time has an effect."""

import pytest
import torch

from latentinpaint.models.velocity import NETWORKS as VELOCITY_NETWORKS
from latentinpaint.models.velocity import AddUNet, ConcatUNet, TimeMLP, build_network


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
