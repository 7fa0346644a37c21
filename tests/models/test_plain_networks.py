"""The networks of the small examples: their published sizes, shapes, and that they hear the time."""

import pytest
import torch

from latentinpaint.models.mlp import TimeMLP
from latentinpaint.models.plain_unets import AddUNet, ConcatUNet


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
    "mlp": (TimeMLP(3, 16), (4, 3), (4, 3)),
    "concat": (ConcatUNet(4, 3, 8), (2, 4, 16, 24), (2, 3, 16, 24)),
    "add": (AddUNet(2, 8), (2, 2, 12, 20), (2, 2, 12, 20)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_shape_time_and_rows(name):
    network, shape, answer = NETWORKS[name]
    network.eval()
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    early, late = torch.full((shape[0],), 0.1), torch.full((shape[0],), 0.9)
    with torch.no_grad():
        found = network(x, early)
        assert found.shape == answer and (found != network(x, late)).flatten(1).any(dim=1).all()
        torch.testing.assert_close(network(x[:1], early[:1])[0], found[0], atol=1e-5, rtol=1e-4)
    assert (found < 0).any() and (found > 0).any()


@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_learns(name):
    network, shape, _ = NETWORKS[name]
    network.zero_grad()
    network(torch.randn(shape), torch.rand(shape[0])).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())


@pytest.mark.parametrize("name", ["concat", "add"])
def test_pictures_are_seen_widely(name):
    """Through the coarsest level the answer at one corner depends on a pixel far away."""
    network, shape, _ = NETWORKS[name]
    x = torch.zeros(1, *shape[1:], requires_grad=True)
    network(x, torch.zeros(1))[0, :, 0, 0].sum().backward()
    assert x.grad[0, :, 8, 8].abs().sum() > 0
