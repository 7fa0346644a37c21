"""Refiners: a seed means the same noise on every device, so samples and losses are the processor's."""

import copy

import pytest
import torch
from small_flow_refiners import build, make_condition, seeded
from two_devices import NEAR, near, same_on

from latentinpaint.refiners import Condition, FFCRefiner
from latentinpaint.refiners.latent_paths import PATHS
from latentinpaint.runtime.randomness import draw_normal

pytestmark = pytest.mark.gpu


def moved(condition, device):
    return Condition(condition.latent.to(device), condition.hole.to(device), condition.area.to(device))


def test_noise_is_drawn_on_the_processor(device):
    like = torch.empty(3, 4, 5, 6)
    found = draw_normal(like.to(device), seeded(1, 2, 3))
    assert found.device.type == device.type
    assert torch.equal(found.cpu(), draw_normal(like, seeded(1, 2, 3)))


@pytest.mark.parametrize("solver", ["euler", "midpoint", "heun", "exponential", "rk4"])
def test_a_flow_draws_the_same_samples(solver, device):
    check_samples(build(solver=solver), device)


@pytest.mark.parametrize("interpolant", PATHS)
def test_every_path_draws_the_same_samples(interpolant, device):
    check_samples(build(interpolant=interpolant), device)


@pytest.mark.parametrize(
    "arguments",
    [
        {"churn": 1.0},
        {"continued": True, "skip": True},
        {"grid": "trained", "uniform_times": 0.2},
        {"shortcuts": 4, "steps": 4},
        {"noise": "residual", "first": {"blocks": 1, "delta": True, "continued": True}},
    ],
    ids=lambda arguments: next(iter(arguments)),
)
def test_every_way_of_sampling_draws_the_same(arguments, device):
    check_samples(build(**arguments), device)


def check_samples(refiner, device):
    condition = make_condition()
    expected = refiner.refine(condition, seeded(1, 2, 3))
    there = copy.deepcopy(refiner).to(device)
    found = there.refine(moved(condition, device), seeded(1, 2, 3))
    assert near(found, expected, 10 * NEAR)  # of a few evaluations of the network after one another
    other = there.refine(moved(condition, device), seeded(1, 2, 4))
    assert not torch.allclose(other[2], found[2], atol=0.1)


@pytest.mark.parametrize("name", ["flow", "shortcuts", "hadamard", "ffc"])
def test_the_loss_and_its_gradients(name, device):
    condition = make_condition(4)
    refiner = {
        "flow": lambda: build(),
        "shortcuts": lambda: build(shortcuts=4),
        "hadamard": lambda: build(interpolant="hadamard"),
        "ffc": lambda: FFCRefiner(4, blocks=1),
    }[name]()

    def loss(module, latent):
        return module.loss(latent, moved(condition, latent.device), seeded(1, 2, 3, 4))["loss"]

    assert same_on(device, refiner, loss, torch.randn_like(condition.latent), share=10 * NEAR)
