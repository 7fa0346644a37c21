"""What all refiners share: the latent L1 by hand, and the contract over the registry."""

import pytest
import torch

from latentinpaint.refiners import REFINERS, Condition
from latentinpaint.refiners.base import latent_l1

CHANNELS = 8
SMALL = {
    "ffc": [
        dict(blocks=1),
        dict(blocks=2, ratio=0.5, delta=True, width=12, hole_weight=3.0),
        dict(blocks=1, delta=True, width=12, uncertainty=True, continued=True),
    ],
    "flow": [
        dict(width=32, multipliers=(1, 2), blocks=1, steps=3),
        dict(width=32, multipliers=(1, 2), blocks=1, steps=3, interpolant="cosine", attention=False),
        dict(width=32, multipliers=(1, 2), blocks=1, steps=3, interpolant="hadamard"),
        dict(width=32, multipliers=(1, 2), blocks=1, steps=3, continued=True),
    ],
    "noise": [dict(blocks=2, width=12, noise=6), dict(blocks=1, width=12, noise=6, ratio=0.0, continued=False)],
}
EVERY = [(name, arguments) for name in REFINERS for arguments in SMALL[name]]


def build(name, arguments):
    """Nothing in it is zero, so that every parameter matters."""
    torch.manual_seed(0)
    refiner = REFINERS[name](CHANNELS, **arguments)
    for weight in refiner.parameters():
        if not weight.any():
            torch.nn.init.normal_(weight, std=0.1)
    return refiner.eval()


def make_condition(count=3, height=4, width=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    area = torch.rand(count, 1, height, width, generator=generator)
    area = torch.where(area > 0.5, area, 0.0)
    latent = torch.randn(count, CHANNELS, height, width, generator=generator)
    return Condition(latent, (area > 0).float(), area)


def item_of(condition, item):
    return Condition(*(t[item : item + 1] for t in (condition.latent, condition.hole, condition.area)))


def seeded(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


# Helpers --------------------------------------------------------------------------------------------------


def test_latent_l1_by_hand():
    first = torch.tensor([[[[1.0, -2.0]]], [[[0.5, 0.0]]]])
    second = torch.tensor([[[[0.0, 2.0]]], [[[1.0, 4.0]]]])
    assert latent_l1(first, second).item() == pytest.approx((1 + 4 + 0.5 + 4) / 4)
    weight = torch.tensor([[[[10.0, 1.0]]], [[[1.0, 0.0]]]])
    assert latent_l1(first, second, weight).item() == pytest.approx((10 + 4 + 0.5) / 12)


def test_select_takes_items_by_index_also_twice():
    condition = make_condition(3)
    chosen = condition.select([2, 0, 0])
    for name in ("latent", "hole", "area"):
        items = [getattr(condition, name)[i] for i in (2, 0, 0)]
        assert torch.equal(getattr(chosen, name), torch.stack(items))


def test_split_gives_the_items():
    condition = make_condition(3)
    items = condition.split()
    assert len(items) == 3
    for index, part in enumerate(items):
        for name in ("latent", "hole", "area"):
            assert torch.equal(getattr(part, name), getattr(condition, name)[index : index + 1])


# The contract, for every refiner --------------------------------------------------------------------------


def test_every_refiner_is_tested():
    assert set(SMALL) == set(REFINERS)


@pytest.mark.parametrize(("name", "arguments"), EVERY, ids=str)
def test_shape_and_equal_generators(name, arguments):
    refiner, condition = build(name, arguments), make_condition()
    first, second = (refiner.refine(condition, seeded(1, 2, 3)) for _ in range(2))
    assert first.shape == condition.latent.shape and first.isfinite().all()
    assert torch.equal(first, second)
    one, same = (refiner.refine(condition, torch.Generator().manual_seed(9)) for _ in range(2))
    assert torch.equal(one, same)


@pytest.mark.parametrize(("name", "arguments"), EVERY, ids=str)
def test_stochastic_says_what_it_does(name, arguments):
    refiner, condition = build(name, arguments), make_condition()
    one, other = (refiner.refine(condition, seeded(*seeds)) for seeds in ((1, 2, 3), (1, 5, 3)))
    differs = [(one[item] - other[item]).abs().max() > 1e-3 for item in range(3)]
    assert differs == [False, refiner.stochastic, False]


@pytest.mark.parametrize(("name", "arguments"), EVERY, ids=str)
def test_items_do_not_depend_on_the_batch(name, arguments):
    refiner, condition = build(name, arguments), make_condition()
    together = refiner.refine(condition, seeded(1, 2, 3))
    for item in range(3):
        alone = refiner.refine(item_of(condition, item), seeded(item + 1))
        torch.testing.assert_close(alone[0], together[item], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("name", "arguments"), EVERY, ids=str)
def test_the_condition_matters(name, arguments):
    refiner = build(name, arguments)
    one, other = (refiner.refine(make_condition(seed=seed), seeded(1, 2, 3)) for seed in (0, 1))
    assert (one - other).abs().max() > 1e-2


@pytest.mark.parametrize(("name", "arguments"), EVERY, ids=str)
def test_the_loss_reaches_every_parameter(name, arguments):
    refiner, condition = build(name, arguments).train(), make_condition()
    losses = refiner.loss(torch.randn(condition.latent.shape), condition, seeded(1, 2, 3))
    assert all(value.ndim == 0 and value.isfinite() for value in losses.values())
    losses["loss"].backward()
    for parameter_name, weight in refiner.named_parameters():
        assert weight.grad is not None and weight.grad.abs().max() > 0, parameter_name


@pytest.mark.parametrize(("name", "arguments"), EVERY, ids=str)
def test_equal_generators_give_equal_losses(name, arguments):
    refiner, condition = build(name, arguments), make_condition()
    clean = torch.randn(condition.latent.shape)
    first, second, other = (
        refiner.loss(clean, condition, seeded(*seeds))["loss"] for seeds in ((1, 2, 3),) * 2 + ((4, 5, 6),)
    )
    assert first == second
    assert (first != other) == refiner.stochastic


@pytest.mark.parametrize(("name", "arguments"), EVERY, ids=str)
def test_arguments_build_an_equal_one(name, arguments):
    refiner, condition = build(name, arguments), make_condition()
    twin = REFINERS[name](**refiner.arguments).eval()
    twin.load_state_dict(refiner.state_dict())
    assert twin.arguments == refiner.arguments
    assert torch.equal(twin.refine(condition, seeded(1, 2, 3)), refiner.refine(condition, seeded(1, 2, 3)))
    clean = torch.randn(condition.latent.shape)
    loss = refiner.loss(clean, condition, seeded(1, 2, 3))["loss"]
    assert twin.loss(clean, condition, seeded(1, 2, 3))["loss"] == loss


@pytest.mark.parametrize(("name", "arguments"), EVERY, ids=str)
def test_a_few_steps_lower_the_loss(name, arguments):
    refiner, condition = build(name, arguments).train(), make_condition()
    clean = torch.randn(condition.latent.shape)
    optimizer = torch.optim.Adam(refiner.parameters(), lr=1e-3)
    history = []
    for _ in range(8):
        optimizer.zero_grad()
        loss = refiner.loss(clean, condition, seeded(1, 2, 3))["loss"]
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    assert history[-1] < 0.97 * history[0]


@pytest.mark.parametrize("name", REFINERS)
def test_a_hole_weighs_something(name):
    with pytest.raises(ValueError, match="hole_weight is above 0, not 0"):
        REFINERS[name](CHANNELS, hole_weight=0)
