"""A flow on a trained refiner's fill: what it reads, where it starts, and that the refiner learns no more."""

import pytest
import torch
from checkpoints import equal

from latentinpaint.errors import InputError
from latentinpaint.refiners import Condition, FFCRefiner, FlowRefiner
from latentinpaint.refiners.origins import FirstFill
from latentinpaint.refiners.residual_noise import ResidualNoise

CHANNELS = 8
ARGUMENTS = dict(blocks=1, width=16, delta=True, continued=True, uncertainty=True)


def trained():
    """A refiner whose output is not its input, with statistics of its own."""
    torch.manual_seed(0)
    refiner = FFCRefiner(CHANNELS, **ARGUMENTS)
    torch.nn.init.normal_(refiner.leave.weight, std=0.3)
    torch.nn.init.normal_(refiner.log_scale.weight, std=0.3)
    for _ in range(3):
        refiner.refine(condition())
    return refiner.eval()


def condition(seed=0):
    latent = torch.randn(2, CHANNELS, 6, 8, generator=torch.Generator().manual_seed(seed))
    area = torch.zeros(2, 1, 6, 8)
    area[..., 1:5, 2:6] = 1
    area[..., 5, 2:6] = 0.25
    return Condition(latent, (area > 0).float(), area)


def flow(**options):
    torch.manual_seed(1)
    return FlowRefiner(CHANNELS, 8, (1,), attention=False, noise="residual", first=ARGUMENTS, **options)


def test_the_hole_has_the_refiners_fill_and_its_error():
    refiner = trained()
    first = FirstFill(CHANNELS, ARGUMENTS)
    first.refiner.load_state_dict(refiner.state_dict())
    known = condition()
    filled = first.train().prepare(known)
    fill, expected = refiner.refine_with_error(known)
    hole = known.hole.expand_as(fill) > 0
    assert torch.equal(filled.latent[hole], fill[hole]) and torch.equal(filled.latent[~hole], known.latent[~hole])
    assert (fill[hole] - known.latent[hole]).abs().mean() > 0.1
    assert torch.equal(filled.error, expected) and filled.hole is known.hole and filled.area is known.area


@pytest.mark.parametrize("uncertainty", [True, False])
def test_a_latent_in_units_of_the_expected_error_and_back(uncertainty):
    known, latent = condition(), condition(1).latent
    error = 0.25 * torch.ones(2, 1, 6, 8) if uncertainty else None
    filled = Condition(known.latent, known.hole, known.area, error)
    first = FirstFill(CHANNELS, ARGUMENTS)
    deviation = first.to_flow(latent, filled)
    expected = (latent - known.latent) * (1 + 3 * known.hole if uncertainty else 1)
    torch.testing.assert_close(deviation, expected)
    torch.testing.assert_close(first.from_flow(deviation, filled), latent)
    chosen = filled.select([1, 0, 1])
    torch.testing.assert_close(first.to_flow(latent[[1, 0, 1]], chosen), deviation[[1, 0, 1]])


def test_a_flow_adopts_the_refiner_and_starts_from_its_fill(monkeypatch):
    refiner, sampler = trained(), flow()
    untrained = {name: value.clone() for name, value in sampler.network.state_dict().items()}
    sampler.load_state_dict(sampler.adopted(refiner.state_dict()))
    assert equal(sampler.network.state_dict(), untrained)
    assert equal(sampler.origin.refiner.state_dict(), refiner.state_dict())
    known = condition()
    fill, expected = refiner.refine_with_error(known)
    monkeypatch.setattr(type(sampler.residual_noise), "draw", lambda noise, like, generator: torch.zeros_like(like))
    torch.nn.init.zeros_(sampler.network.answer.weight)
    torch.nn.init.zeros_(sampler.network.answer.bias)
    sample, error = sampler.refine_with_error(known, torch.Generator(), steps=1)
    torch.testing.assert_close(sample, torch.where(known.hole > 0, fill, known.latent))  # nothing was learnt or added
    assert torch.equal(error, expected)


def test_a_flows_own_weights_are_taken_with_its_fill():
    sampler = flow()
    weights = sampler.state_dict()
    assert sampler.adopted(weights) is weights
    longer = flow(shortcuts=4)
    longer.load_state_dict(longer.adopted(weights))
    assert equal(longer.origin.state_dict(), sampler.origin.state_dict())


def test_noise_is_measured_around_the_fill_in_units_of_its_error():
    """What the fill misses is noise of twice the expected error, one number for all cells of a channel."""
    sampler = flow()
    sampler.load_state_dict(sampler.adopted(trained().state_dict()))
    known = condition()
    filled = sampler.origin.prepare(known)
    sizes = torch.randn(2, CHANNELS, 1, 1, generator=torch.Generator().manual_seed(3))
    sampler.measure([(filled.latent + 2 * sizes * filled.error, known)])
    directly = ResidualNoise(CHANNELS)
    directly.measure([((2 * sizes).expand(-1, -1, 6, 8), known.hole)])
    torch.testing.assert_close(sampler.residual_noise.roots, directly.roots, rtol=0, atol=1e-3)
    assert sampler.residual_noise.measured and directly.roots.abs().max() > 0.5


def test_samples_spread_as_the_error_says(monkeypatch):
    """With nothing learnt a sample of one step is the fill and the noise, in units of the expected error."""
    sampler = flow(skip=True)
    sampler.load_state_dict(sampler.adopted(trained().state_dict()))
    ones = torch.ones(2, CHANNELS, 6, 8)
    monkeypatch.setattr(ResidualNoise, "draw", lambda noise, like, generator: ones)
    monkeypatch.setattr(FlowRefiner, "predict_data", lambda refiner, z, t, filled: z)
    known = condition()
    filled = sampler.origin.prepare(known)
    sample = sampler.refine(known, torch.Generator(), steps=2)
    torch.testing.assert_close(sample, filled.latent + known.hole * filled.error)


def test_the_refiner_learns_no_more():
    sampler = flow().train()
    before = {name: value.clone() for name, value in sampler.origin.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in sampler.parameters() if p.requires_grad], lr=0.1)
    sampler.loss(torch.randn(2, CHANNELS, 6, 8), condition())["loss"].backward()
    optimizer.step()
    assert equal(sampler.origin.state_dict(), before)
    assert all(parameter.grad is None for parameter in sampler.origin.parameters())
    assert any(parameter.grad.abs().max() > 0 for parameter in sampler.network.parameters())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"continued": True}, "set continued to false, or leave first out"),
        ({"churn": 0.5}, "churn to 0"),
        ({"first": {"block": 1}}, "first has the arguments of an ffc refiner without its channels"),
        ({"first": {"blocks": -1}}, "blocks"),
    ],
)
def test_arguments_that_cannot_be_are_one_sentence(options, sentence):
    with pytest.raises(InputError, match=sentence):
        FlowRefiner(CHANNELS, 8, (1,), **{"noise": "residual", "first": ARGUMENTS, **options})
