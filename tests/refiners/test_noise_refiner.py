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
    """Of a picture of one value everywhere, where blocks of any side are alike: absolute differences."""
    refiner = NoiseRefiner(1, blocks=1, width=8, ratio=0.0, noise=5, continued=False).eval()
    for weight in (refiner.leave.weight, refiner.blocks[0].modulation.weight, refiner.scatter.weight):
        torch.nn.init.normal_(weight)
    everywhere = torch.ones(1, 1, 2, 2)
    condition = Condition(0.5 * everywhere, 0 * everywhere, 0 * everywhere)  # without a hole the vector alone matters
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        first, second = (refiner.refine(condition, generator) for _ in range(2))
    assert first.std() < 1e-6 and second.std() < 1e-6
    error = (abs(first.mean() - 1) + abs(second.mean() - 1)).item() / 2
    spread = abs(first.mean() - second.mean()).item()
    losses = refiner.loss(everywhere, condition, torch.Generator().manual_seed(3))
    assert spread > 0.01
    assert losses["error"].item() == pytest.approx(error, rel=1e-4)
    assert losses["spread"].item() == pytest.approx(spread, rel=1e-4)
    assert losses["loss"].item() == pytest.approx(error - spread / 2, rel=1e-4)


def test_without_a_hole_samples_differ_by_the_vector_alone_and_in_it_from_cell_to_cell():
    refiner = NoiseRefiner(1, blocks=1, width=8, ratio=0.0, noise=5, continued=False).eval()
    torch.nn.init.normal_(refiner.leave.weight)
    torch.nn.init.normal_(refiner.scatter.weight)
    cells = torch.ones(1, 1, 9, 9)
    hole = torch.zeros_like(cells)
    hole[..., :3, :3] = 1
    one, other = (refiner.refine(Condition(cells, hole, hole)) for _ in range(2))
    difference = (one - other)[0, 0]
    assert difference[:3, :3].std() > 0.1 and difference[5:, 5:].abs().max() == 0  # out of the convolutions' reach


def test_trained_samples_have_the_law_of_the_truth():
    """Where the known latent is 1 the truth is N(1, 0.75^2), one number for all cells; where it is -1 it is
    N(-1, 0.25^2), for each cell its own."""
    refiner = NoiseRefiner(1, blocks=1, width=16, ratio=0.0, noise=4, continued=False)
    optimizer = torch.optim.Adam(refiner.parameters(), lr=0.02)
    steps = 400
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    cells = torch.ones(256, 1, 2, 2)
    signs = torch.tensor([1.0, -1.0]).repeat(128).view(-1, 1, 1, 1)
    condition = Condition(signs * cells, cells, cells)
    for _ in range(steps):
        own = torch.randn(256, 1, 2, 2)
        z_clean = torch.where(signs > 0, 1 + 0.75 * own[..., :1, :1], -1 + 0.25 * own)
        optimizer.zero_grad()
        refiner.loss(z_clean, condition)["loss"].backward()
        optimizer.step()
        schedule.step()
    refiner.eval()
    with torch.no_grad():
        samples = torch.cat([refiner.refine(condition).view(-1, 2, 4) for _ in range(20)])
    for law, mean, deviation, correlation in ((0, 1, 0.75, 1), (1, -1, 0.25, 0)):
        values = samples[:, law]
        assert values.mean(dim=0).tolist() == pytest.approx([mean] * 4, abs=0.08)
        assert values.std(dim=0).tolist() == pytest.approx([deviation] * 4, rel=0.1)
        assert values.T.corrcoef()[0, 1:].tolist() == pytest.approx([correlation] * 3, abs=0.25)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(dict(noise=0), "noise starts at 1"), (dict(width=0), "width"), (dict(hole_weight=0), "hole_weight is above 0")],
)
def test_numbers_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        build(**arguments)
