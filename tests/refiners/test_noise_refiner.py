"""The refiner of noise in one pass: where it begins, what it takes over, the spread that its samples learn."""

import pytest
import torch

from latentinpaint.refiners import Condition, FFCRefiner, NoiseRefiner
from latentinpaint.refiners.continuation import continue_known


def make_condition(count=3, channels=4, height=4, width=6):
    hole = (torch.rand(count, 1, height, width) > 0.5).float()
    return Condition(torch.randn(count, channels, height, width), hole, hole / 2)


def build(**arguments):
    return NoiseRefiner(4, **{"blocks": 2, "width": 8, "noise": 5, **arguments}).eval()


@pytest.mark.parametrize("continued", [False, True])
def test_it_begins_at_the_identity(continued):
    condition = make_condition()
    expected = continue_known(condition) if continued else condition
    assert torch.equal(build(continued=continued).refine(condition), expected.latent)


@pytest.mark.parametrize("uncertainty", [False, True])
def test_it_goes_on_from_a_refiner_without_noise(uncertainty):
    """At first for any noise the same prediction; a step of training later, another for other noise."""
    condition = make_condition()
    plain = FFCRefiner(4, blocks=2, width=8, delta=True, uncertainty=uncertainty).eval()
    torch.nn.init.normal_(plain.leave.weight)
    noisy = build(continued=False)
    noisy.load_state_dict(noisy.adopted(plain.state_dict()))
    torch.testing.assert_close(noisy.refine(condition), plain.refine(condition))
    assert torch.equal(noisy.refine(condition), noisy.refine(condition))
    noisy.loss(torch.randn_like(condition.latent), condition)["loss"].backward()
    torch.optim.Adam(noisy.parameters(), lr=0.01).step()
    assert (noisy.refine(condition) - noisy.refine(condition)).abs().max() > 1e-3


def test_its_own_weights_are_adopted_as_they_are():
    weights = build().state_dict()
    adopted = build().adopted(weights)
    assert adopted.keys() == weights.keys()
    assert all(torch.equal(value, weights[name]) for name, value in adopted.items())


def test_the_loss_is_the_energy_score_of_two_samples():
    """Of one cell, where blocks of any side are that cell: absolute differences."""
    refiner = NoiseRefiner(1, blocks=1, width=8, ratio=0.0, noise=5, continued=False).eval()
    for weight in (refiner.leave.weight, refiner.blocks[0].modulation.weight):
        torch.nn.init.normal_(weight)
    one = torch.ones(1, 1, 1, 1)
    # A reflected border needs two cells.
    condition = Condition(0.5 * one.expand(1, 1, 2, 2), one.expand(1, 1, 2, 2), one.expand(1, 1, 2, 2))
    z_clean = one.expand(1, 1, 2, 2)
    noise = torch.randn(2, 5, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        samples = []
        for row in noise:
            features = refiner.blocks(refiner.enter(condition.latent), refiner.mapping(row[None]))
            samples.append((condition.latent + refiner.leave(features)).mean().item())
    losses = refiner.loss(z_clean, condition, torch.Generator().manual_seed(3))
    error = (abs(samples[0] - 1) + abs(samples[1] - 1)) / 2
    spread = abs(samples[0] - samples[1])
    assert spread > 0.01
    assert losses["error"].item() == pytest.approx(error, rel=1e-4)
    assert losses["spread"].item() == pytest.approx(spread, rel=1e-4)
    assert losses["loss"].item() == pytest.approx(error - spread / 2, rel=1e-4)


def test_trained_samples_have_the_mean_and_the_spread_of_the_truth():
    """Where the known latent is 1 the truth is N(1, 0.75^2) in all cells together, where it is -1 N(-1, 0.25^2)."""
    refiner = NoiseRefiner(1, blocks=1, width=16, ratio=0.0, noise=4, continued=False)
    optimizer = torch.optim.Adam(refiner.parameters(), lr=0.02)
    steps = 250
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    cells = torch.ones(256, 1, 2, 2)
    signs = torch.tensor([1.0, -1.0]).repeat(128).view(-1, 1, 1, 1)
    quantiles = torch.special.ndtri((torch.arange(128) + 0.5) / 128).repeat_interleave(2).view(-1, 1, 1, 1)
    z_clean = (signs + (0.5 + 0.25 * signs) * quantiles) * cells
    condition = Condition(signs * cells, cells, cells)
    for _ in range(steps):
        optimizer.zero_grad()
        refiner.loss(z_clean, condition)["loss"].backward()
        optimizer.step()
        schedule.step()
    refiner.eval()
    with torch.no_grad():
        samples = torch.cat([refiner.refine(condition)[:, 0, 0, 0].view(-1, 2) for _ in range(20)])
    assert samples.mean(dim=0).tolist() == pytest.approx([1, -1], abs=0.05)
    assert samples.std(dim=0).tolist() == pytest.approx([0.75, 0.25], rel=0.07)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(dict(noise=0), "noise starts at 1"), (dict(width=0), "width"), (dict(hole_weight=0), "hole_weight is above 0")],
)
def test_numbers_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        build(**arguments)
