"""The deterministic refiner: its correction, its weights, its width."""

import numpy as np
import pytest
import torch

from latentinpaint.models import FFCResnetBlock
from latentinpaint.refiners import Condition, FFCRefiner


def make_condition(count=2, channels=8):
    hole = (torch.rand(count, 1, 4, 5) > 0.5).float()
    return Condition(torch.randn(count, channels, 4, 5), hole, hole / 2)


def build(**arguments):
    torch.manual_seed(0)
    return FFCRefiner(8, **{"blocks": 2, **arguments}).eval()


def test_blocks_in_a_row():
    refiner, condition = build(blocks=3), make_condition()
    assert [type(block) for block in refiner.blocks] == [FFCResnetBlock] * 3
    x = condition.latent
    for block in refiner.blocks:
        x = block(x)
    assert torch.equal(refiner.refine(condition), x)


def test_delta_adds_the_input():
    plain, delta, condition = build(), build(delta=True), make_condition()
    delta.load_state_dict(plain.state_dict())
    torch.testing.assert_close(delta.refine(condition), plain.refine(condition) + condition.latent)


def test_a_deeper_refiner_goes_on_from_a_shallower_one():
    """What the blocks that it has in addition do at first is small, and gradients reach all their weights."""
    shallow, deep, condition = build(delta=True, width=6), build(blocks=5, delta=True, width=6), make_condition()
    torch.nn.init.normal_(shallow.leave.weight)
    deep.load_state_dict(deep.adopted(shallow.state_dict()))
    before, after = shallow.refine(condition), deep.refine(condition)
    difference = (after - before).square().mean().sqrt()
    assert 0 < difference < 0.2 * (before - condition.latent).square().mean().sqrt()
    deep.train().refine(condition).square().sum().backward()
    for block in deep.blocks[2:]:
        assert all(parameter.grad.abs().max() > 0 for parameter in block.parameters())


def test_no_blocks_is_the_identity():
    condition = make_condition()
    assert torch.equal(build(blocks=0).refine(condition), condition.latent)


@pytest.mark.parametrize("hole_weight", [1.0, 10.0])
def test_loss_by_hand(hole_weight):
    refiner, condition = build(hole_weight=hole_weight), make_condition()
    clean = torch.randn(condition.latent.shape)
    losses = refiner.loss(clean, condition)
    distance = np.abs(refiner.refine(condition).detach().numpy() - clean.numpy())
    hole = np.broadcast_to(condition.hole.numpy(), distance.shape) > 0
    inside, outside = distance[hole], distance[~hole]
    expected = (hole_weight * inside.sum() + outside.sum()) / (hole_weight * inside.size + outside.size)
    assert set(losses) == {"loss"}
    assert losses["loss"].item() == pytest.approx(expected, rel=1e-5)
    if hole_weight == 1:
        assert losses["loss"].item() == pytest.approx(distance.mean(), rel=1e-5)
    assert refiner.loss(refiner.refine(condition), condition)["loss"] == 0


def test_width_is_inside_only():
    refiner, condition = build(width=12, blocks=1), make_condition()
    assert refiner.blocks[0].first.norm.num_features == 12
    assert refiner.enter.weight.shape == (12, 8, 1, 1) and refiner.leave.weight.shape == (8, 12, 1, 1)
    assert refiner.refine(condition).shape == condition.latent.shape
    assert sum(p.numel() for p in build(blocks=0).parameters()) == 0


def test_ratio_reaches_the_blocks():
    assert build(ratio=0.25).blocks[1].second.split == (6, 2)
    with pytest.raises(ValueError, match="fraction"):
        build(ratio=1.5)


def test_it_reads_the_latent_and_nothing_else():
    refiner, condition = build(), make_condition()
    other = Condition(condition.latent, 1 - condition.hole, 1 - condition.area)
    generator = torch.Generator().manual_seed(3)
    assert torch.equal(refiner.refine(condition), refiner.refine(other, generator, steps=7))
    assert torch.equal(generator.get_state(), torch.Generator().manual_seed(3).get_state())


def test_size_is_the_theses():
    """The thesis's model, ngf 8 with 9 blocks of 64 channels, has 0.43 M in all."""
    from latentinpaint.models import LamaAutoencoder

    both = sum(p.numel() for module in (FFCRefiner(64), LamaAutoencoder(8)) for p in module.parameters())
    assert both == pytest.approx(0.43e6, rel=0.02)


def with_uncertainty(**arguments):
    torch.manual_seed(0)
    return FFCRefiner(6, blocks=1, width=8, delta=True, uncertainty=True, **arguments).eval()


def test_the_predicted_scale_learns_the_mean_absolute_error():
    """Trained alone on errors of two sizes, one at the hole's cells, it finds both."""
    refiner = with_uncertainty()
    condition = make_condition(channels=6)
    z_clean = condition.latent + torch.where(condition.hole > 0, 0.5, 0.125)
    parameters = list(refiner.log_scale.parameters())
    torch.nn.init.normal_(refiner.enter.weight)
    with torch.no_grad():
        features = refiner._features(condition)
    assert features.shape[1] == 8 and parameters[0].shape == (1, 8, 1, 1)
    error = (refiner.refine(condition) - z_clean).abs().mean(dim=1)
    assert float(error.detach().max()) == pytest.approx(0.5, abs=1e-5)
    losses = refiner.loss(z_clean, condition)
    assert set(losses) == {"loss", "latent", "scale"}
    _, scale = refiner.refine_with_error(condition)
    assert torch.equal(scale, torch.ones_like(scale))
    # The likelihood's minimum for one scale everywhere is the mean absolute error.
    (bias,) = [parameter for parameter in parameters if parameter.ndim == 1]
    optimizer = torch.optim.LBFGS([bias], line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = refiner.loss(z_clean, condition)["scale"]
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
    _, scale = refiner.refine_with_error(condition)
    assert float(scale.detach().mean()) == pytest.approx(float(error.mean()), rel=1e-3)


def test_the_prediction_is_trained_by_the_latent_l1_alone():
    """The gradients of everything but the scale's convolution come from the latent L1."""
    condition = make_condition(channels=6)
    z_clean = torch.randn_like(condition.latent)
    refiner = with_uncertainty()
    torch.nn.init.normal_(refiner.leave.weight)
    torch.nn.init.normal_(refiner.log_scale.weight)
    weights = [weight for name, weight in refiner.named_parameters() if "log_scale" not in name]
    of_all = torch.autograd.grad(refiner.loss(z_clean, condition)["loss"], weights)
    of_latent = torch.autograd.grad(refiner.loss(z_clean, condition)["latent"], weights)
    assert min(float(gradient.abs().max()) for gradient in of_all) > 0
    torch.testing.assert_close(of_all, of_latent)


def test_without_uncertainty_no_error_is_expected():
    condition = make_condition(channels=6)
    refiner = FFCRefiner(6, blocks=1)
    refined, error = refiner.refine_with_error(condition)
    assert error is None and torch.equal(refined, refiner.refine(condition))


@pytest.mark.parametrize("uncertainty", [False, True])
def test_one_iteration_is_one_pass_bit_for_bit(uncertainty):
    """Against the pass written out."""
    torch.manual_seed(0)
    refiner = FFCRefiner(6, blocks=2, width=8, delta=True, hole_weight=10.0, uncertainty=uncertainty, iterations=1)
    torch.nn.init.normal_(refiner.leave.weight)
    condition = make_condition(channels=6)
    features = refiner.eval().blocks(refiner.enter(condition.latent))
    expected = condition.latent + refiner.leave(features)
    refined, _ = refiner.refine_with_error(condition)
    assert torch.equal(refined, expected) and torch.equal(refiner.refine(condition), expected)
    z_clean = torch.randn_like(expected)
    weight = (1 + 9 * condition.hole).expand_as(expected)
    by_hand = (weight * (expected - z_clean).abs()).sum() / weight.sum()
    losses = refiner.loss(z_clean, condition)
    torch.testing.assert_close(losses["latent" if uncertainty else "loss"], by_hand)


def test_iterations_share_weights_and_every_pass_is_trained():
    torch.manual_seed(0)
    refiner = FFCRefiner(6, blocks=1, width=8, delta=True, iterations=3).eval()
    single = FFCRefiner(6, blocks=1, width=8, delta=True).eval()
    assert refiner.state_dict().keys() == single.state_dict().keys()
    torch.nn.init.normal_(refiner.leave.weight, std=0.1)
    single.load_state_dict(refiner.state_dict())
    condition = make_condition(channels=6)
    z_clean = torch.randn_like(condition.latent)
    distances = []
    latent = condition.latent
    for _ in range(3):
        latent = single.refine(Condition(latent, condition.hole, condition.area))
        distances.append((latent - z_clean).abs().mean())
    assert torch.equal(refiner.refine(condition), latent)
    expected = 0.64 * distances[0] + 0.8 * distances[1] + distances[2]
    torch.testing.assert_close(refiner.loss(z_clean, condition)["loss"], expected)


def test_several_iterations_need_delta():
    with pytest.raises(ValueError, match="set delta to true"):
        FFCRefiner(6, iterations=2)
    with pytest.raises(ValueError, match="iterations starts at 1"):
        FFCRefiner(6, iterations=0, delta=True)
