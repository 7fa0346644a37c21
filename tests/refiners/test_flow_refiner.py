"""The flow: its start, its times, its loss by hand; its latent paths are in `test_latent_paths`."""

import math

import pytest
import torch
from scipy import stats
from small_flow_refiners import SCHEDULED, SMALL, build, make_condition, seeded

from latentinpaint.errors import InputError
from latentinpaint.interpolants import SOLVERS
from latentinpaint.refiners import Condition, FlowRefiner
from latentinpaint.refiners.latent_paths import PATHS

# The start ----------------------------------------------------------------------------------


def test_start_keeps_the_known_cells():
    refiner, condition = build(), make_condition()
    start = refiner.start(condition, seeded(1, 2, 3))
    hole = condition.hole.expand_as(start) > 0
    assert torch.equal(start[~hole], condition.latent[~hole])
    assert (start[hole] != condition.latent[hole]).all()


def test_start_is_standard_normal_in_the_hole():
    refiner = build(channels=2)
    hole = torch.tensor([1.0, 0.0, 1.0, 1.0]).view(1, 1, 1, 4).expand(4000, -1, -1, -1)
    condition = Condition(torch.full((4000, 2, 1, 4), 50.0), hole, hole / 3)
    draws = refiner.start(condition, torch.Generator().manual_seed(0))[..., [0, 2, 3]].flatten(1).double()
    assert stats.kstest(draws.flatten().numpy(), "norm").pvalue > 1e-3
    # Six numbers a sample, independent and of variance 1: five standard errors of each entry.
    error = 5 / 4000**0.5
    torch.testing.assert_close(draws.mean(0), torch.zeros(6).double(), atol=error, rtol=0)
    torch.testing.assert_close(torch.cov(draws.T), torch.eye(6).double(), atol=2**0.5 * error, rtol=0)


# The estimate and the loss --------------------------------------------------------------------------------


def test_the_estimate_starts_from_what_is_known():
    refiner, condition = build(), make_condition()
    torch.nn.init.zeros_(refiner.network.answer.weight)
    z_t, t = torch.randn_like(condition.latent), torch.rand(3)
    torch.testing.assert_close(refiner.predict_data(z_t, t, condition), (1 - condition.area) * condition.latent)


@pytest.mark.parametrize("interpolant", PATHS)
def test_with_skip_the_estimate_goes_over_to_z(interpolant):
    """As the data's weight in z grows; where z is all data, the estimate is z."""
    refiner, condition = build(skip=True, interpolant=interpolant), make_condition()
    torch.nn.init.zeros_(refiner.network.answer.weight)
    z, known = torch.randn_like(condition.latent), (1 - condition.area) * condition.latent
    for time, share in ((0.0, 0.0), (0.25, math.sin(math.pi / 8) if interpolant == "cosine" else 0.25), (1.0, 1.0)):
        t = torch.full((3,), time)
        if interpolant == "hadamard":
            t = torch.full_like(condition.hole, 1 - time)
        expected = (1 - share) * known + share * z
        torch.testing.assert_close(refiner.predict_data(z, t, condition), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("steps", [1, 5, 20])
def test_euler_ends_at_a_constant_estimate(steps):
    """The straight line to it: whatever the number of steps down to the floor's 1 / 0.05."""
    refiner, condition = build(), make_condition()
    torch.nn.init.zeros_(refiner.network.answer.weight)
    refined = refiner.refine(condition, seeded(1, 2, 3), steps)
    torch.testing.assert_close(refined, (1 - condition.area) * condition.latent, atol=1e-5, rtol=0)


def test_the_network_reads_the_whole_condition():
    refiner, condition = build(), make_condition()
    # With a latent of zeros the prediction is the network's output alone.
    condition = Condition(torch.zeros_like(condition.latent), condition.hole, condition.area)
    z_t, t = torch.randn_like(condition.latent), torch.full((3,), 0.5)
    estimate = refiner.predict_data(z_t, t, condition)
    for changed in (
        (z_t + 1, t, condition),
        (z_t, t + 0.1, condition),
        (z_t, t, Condition(condition.latent + 1, condition.hole, condition.area)),
        (z_t, t, Condition(condition.latent, 1 - condition.hole, condition.area)),
        (z_t, t, Condition(condition.latent, condition.hole, condition.area / 2)),
    ):
        assert (refiner.predict_data(*changed) - estimate).abs().max() > 1e-3


def with_estimate(refiner, estimate):
    refiner.predict_data = lambda z_t, t, condition, length=None: estimate
    return refiner


@pytest.mark.parametrize("interpolant", PATHS)
def test_the_exact_estimate_has_no_loss(interpolant):
    condition = make_condition()
    clean = torch.randn_like(condition.latent)
    losses = with_estimate(build(interpolant=interpolant), clean).loss(clean, condition, seeded(1, 2, 3))
    assert {name: value.item() for name, value in losses.items()} == {"loss": 0, "velocity": 0, "latent": 0}
    wrong = with_estimate(build(interpolant=interpolant), clean + 0.1).loss(clean, condition, seeded(1, 2, 3))
    assert all(value > 0 for value in wrong.values())


def test_the_loss_by_hand():
    """Linear path: velocity error against z_1 - z_0, the hole weighing 4, latent L1 counting half."""
    refiner, condition = build(hole_weight=4.0, latent_weight=0.5), make_condition()
    clean = torch.randn_like(condition.latent)
    losses = refiner.loss(clean, condition, seeded(1, 2, 3))

    squares = absolutes = weights = 0.0
    for row, generator in enumerate(seeded(1, 2, 3)):
        noise = torch.randn(4, 4, 6, generator=generator)
        t = torch.sigmoid(-1.6 + 1.2 * torch.randn(1, generator=generator))
        assert t < 0.95  # beyond, the floor replaces alpha
        z_0 = torch.where(condition.hole[row] > 0, noise, condition.latent[row])
        z_t = (1 - t) * z_0 + t * clean[row]
        alone = Condition(condition.latent[row, None], condition.hole[row, None], condition.area[row, None])
        estimate = refiner.predict_data(z_t[None], t, alone)[0]
        velocity = (estimate - z_t) / (1 - t)
        weight = torch.where(condition.hole[row] > 0, 4.0, 1.0).expand_as(z_t)
        squares += (weight * (velocity - (clean[row] - z_0)) ** 2).sum().item()
        absolutes += (weight * (estimate - clean[row]).abs()).sum().item()
        weights += weight.sum().item()
    assert losses["velocity"].item() == pytest.approx(squares / weights, rel=1e-4)
    assert losses["latent"].item() == pytest.approx(absolutes / weights, rel=1e-4)
    assert losses["loss"].item() == pytest.approx(squares / weights + 0.5 * absolutes / weights, rel=1e-4)


# Sampling -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("solver", "interpolant"), [("euler", "hadamard"), *((s, i) for s in SOLVERS for i in SCHEDULED)]
)
def test_equal_seeds_give_equal_samples_whatever_the_batch(solver, interpolant):
    refiner, condition = build(solver=solver, interpolant=interpolant), make_condition()
    together = refiner.sample(condition, seeded(5, 6, 7))
    assert torch.equal(refiner.refine(condition, seeded(5, 6, 7)), together.x)
    busiest = 0
    for row in range(3):
        alone = Condition(*(t[row : row + 1] for t in (condition.latent, condition.hole, condition.area)))
        sample = refiner.sample(alone, seeded(5 + row))
        torch.testing.assert_close(sample.x[0], together.x[row], atol=1e-4, rtol=1e-4)
        busiest = max(busiest, sample.nfe)
    assert together.nfe == busiest
    assert (refiner.refine(condition, seeded(5, 6, 8)) - together.x)[2].abs().max() > 1e-3


def test_steps_and_solver_of_a_call():
    refiner, condition = build(steps=3), make_condition()
    assert refiner.sample(condition, seeded(1, 2, 3)).nfe == 3
    assert refiner.sample(condition, seeded(1, 2, 3), steps=5).nfe == 5
    assert refiner.sample(condition, seeded(1, 2, 3), steps=5, solver="rk4").nfe == 20
    one, other = (refiner.refine(condition, seeded(1, 2, 3), steps) for steps in (2, 5))
    assert not torch.equal(one, other)


def test_as_many_steps_as_were_learnt_are_shortcuts():
    refiner, condition = build(shortcuts=4, solver="midpoint"), make_condition()
    generators = (1, 2, 3)
    for steps, nfe in ((1, 1), (2, 2), (4, 4), (3, 6), (8, 16)):
        assert refiner.sample(condition, seeded(*generators), steps).nfe == nfe
    assert refiner.sample(condition, seeded(*generators), 2, "euler").nfe == 2
    shortcut = refiner.sample(condition, seeded(*generators), 1).x
    assert not torch.allclose(shortcut, refiner.sample(condition, seeded(*generators), 1, "euler").x)


def test_a_flow_with_shortcuts_starts_as_the_flow_whose_weights_it_adopts():
    flow, refiner, condition = build(), build(shortcuts=4), make_condition()
    own = refiner.state_dict()
    assert refiner.adopted(own) is own
    refiner.load_state_dict(refiner.adopted(flow.state_dict()))
    z, t = torch.randn_like(condition.latent), torch.rand(3)
    for length in (None, torch.tensor([0.0, 0.25, 1.0])):
        found = refiner.predict_data(z, t, condition, length)
        torch.testing.assert_close(found, flow.predict_data(z, t, condition), rtol=1e-5, atol=1e-5)
    assert flow.adopted(own) is own


def test_shortcuts_leave_the_share_of_the_flow_alone():
    """With none the loss is the plain flow's."""
    flow, refiner, condition = build(latent_weight=0.5), build(shortcuts=4, latent_weight=0.5), make_condition()
    refiner.load_state_dict(refiner.adopted(flow.state_dict()))
    clean = torch.randn_like(condition.latent)
    refiner.shortcut_share = 0.0
    expected = flow.loss(clean, condition, seeded(1, 2, 3))
    for name, value in refiner.loss(clean, condition, seeded(1, 2, 3)).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-5)
    refiner.shortcut_share = 1.0
    taught = refiner.loss(clean, condition, seeded(1, 2, 3))["loss"]
    assert taught.item() != pytest.approx(expected["loss"].item(), rel=1e-2)


def test_impossible_choices():
    with pytest.raises(InputError, match="linear interpolant, not for cosine"):
        build(interpolant="cosine", shortcuts=4)
    with pytest.raises(InputError, match="grid 'late'.*power"):
        build(grid="late")
    with pytest.raises(InputError, match="churn"):
        build(churn=-1.0)
    for options in (dict(churn=1.0), dict(grid="power")):
        with pytest.raises(InputError, match="rk4 takes equal steps without noise.*midpoint"):
            build(solver="rk4", **options)
        with pytest.raises(InputError, match="rk4 takes equal steps without noise.*midpoint"):
            build(**options).sample(make_condition(), solver="rk4")
    with pytest.raises(InputError, match="exponential adds no noise"):
        build(solver="exponential", churn=1.0)
    with pytest.raises(InputError, match="shortcut_share is a share"):
        build(shortcut_share=-0.1)
    with pytest.raises(InputError, match="interpolant 'quadratic'.*linear"):
        FlowRefiner(4, **SMALL, interpolant="quadratic")
    with pytest.raises(InputError, match="solver 'rk4': choose one of euler$"):
        build(interpolant="hadamard", solver="rk4")
    with pytest.raises(InputError, match="solver 'rk4'"):
        build(interpolant="hadamard").sample(make_condition(), solver="rk4")
    with pytest.raises(InputError, match="solver 'ralston'.*euler"):
        FlowRefiner(4, **SMALL, solver="ralston")
    with pytest.raises(InputError, match="solver 'ralston'.*euler"):
        build().sample(make_condition(), solver="ralston")
    with pytest.raises(InputError, match="steps"):
        build().refine(make_condition(), steps=0)
