"""The flow: its start, its times, its loss by hand, and with the exact field the exact conditional law."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.linalg import sqrtm

from latentinpaint.errors import InputError
from latentinpaint.interpolants import SOLVERS, ScheduledPath, integrate
from latentinpaint.interpolants.schedules import Cosine, Linear
from latentinpaint.refiners import Condition, FlowRefiner, latent_paths
from latentinpaint.refiners.latent_paths import PATHS, ScheduledLatentPath

SMALL = dict(width=32, multipliers=(1, 2), blocks=1, steps=3)
SCHEDULED = [name for name, make in PATHS.items() if isinstance(make(), ScheduledLatentPath)]
ADAPTIVE = [name for name, solver in SOLVERS.items() if solver.adaptive]


def build(channels=4, **arguments):
    torch.manual_seed(0)
    refiner = FlowRefiner(channels, **{**SMALL, **arguments}).eval()
    torch.nn.init.normal_(refiner.network.answer.weight, std=0.05)
    return refiner


def condition(rows=3, channels=4, height=4, width=6):
    area = torch.rand(rows, 1, height, width)
    area = torch.where(area > 0.5, area, 0.0)
    area[:, :, 0, 0] = 1 / 64  # one hole pixel makes a hole cell
    return Condition(torch.randn(rows, channels, height, width), (area > 0).float(), area)


def seeded(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


# The start and the times ----------------------------------------------------------------------------------


def test_start_keeps_the_known_cells():
    refiner, given = build(), condition()
    start = refiner.start(given, seeded(1, 2, 3))
    hole = given.hole.expand_as(start) > 0
    assert torch.equal(start[~hole], given.latent[~hole])
    assert (start[hole] != given.latent[hole]).all()


def test_start_is_standard_normal_in_the_hole():
    refiner = build(channels=2)
    hole = torch.tensor([1.0, 0.0, 1.0, 1.0]).view(1, 1, 1, 4).expand(4000, -1, -1, -1)
    given = Condition(torch.full((4000, 2, 1, 4), 50.0), hole, hole / 3)
    draws = refiner.start(given, torch.Generator().manual_seed(0))[..., [0, 2, 3]].flatten(1).double()
    assert stats.kstest(draws.flatten().numpy(), "norm").pvalue > 1e-3
    # Six numbers a row, independent and of variance 1: five standard errors of each entry.
    error = 5 / 4000**0.5
    torch.testing.assert_close(draws.mean(0), torch.zeros(6).double(), atol=error, rtol=0)
    torch.testing.assert_close(torch.cov(draws.T), torch.eye(6).double(), atol=2**0.5 * error, rtol=0)


@pytest.mark.parametrize(("mean", "deviation"), [(-0.8, 1.0), (0.5, 0.3)])
def test_times_are_logit_normal(mean, deviation):
    refiner = build(time_mean=mean, time_deviation=deviation)
    rows = torch.empty(1500, 1, dtype=torch.float64)
    times = refiner.sample_training_times(rows, 2, torch.Generator().manual_seed(0))
    assert times.shape == (1500, 2) and times.min() > 0 and times.max() < 1
    times = times.flatten()
    logits = np.log(times.numpy() / (1 - times.numpy()))
    assert stats.kstest(logits, stats.norm(mean, deviation).cdf).pvalue > 1e-3
    assert stats.kstest(logits, stats.norm(mean + 0.15, deviation).cdf).pvalue < 1e-3


# The estimate and the loss --------------------------------------------------------------------------------


def test_the_estimate_starts_from_what_is_known():
    refiner, given = build(), condition()
    torch.nn.init.zeros_(refiner.network.answer.weight)
    z_t, t = torch.randn_like(given.latent), torch.rand(3)
    torch.testing.assert_close(refiner.predict_data(z_t, t, given), (1 - given.area) * given.latent)


@pytest.mark.parametrize("steps", [1, 5, 20])
def test_euler_ends_at_a_constant_estimate(steps):
    """The straight line to it: whatever the number of steps down to the floor's 1 / 0.05."""
    refiner, given = build(), condition()
    torch.nn.init.zeros_(refiner.network.answer.weight)
    answer = refiner.refine(given, seeded(1, 2, 3), steps)
    torch.testing.assert_close(answer, (1 - given.area) * given.latent, atol=1e-5, rtol=0)


def test_the_network_sees_the_whole_condition():
    refiner, given = build(), condition()
    # With a latent of zeros the estimate is the network's answer alone.
    given = Condition(torch.zeros_like(given.latent), given.hole, given.area)
    z_t, t = torch.randn_like(given.latent), torch.full((3,), 0.5)
    estimate = refiner.predict_data(z_t, t, given)
    for changed in (
        (z_t + 1, t, given),
        (z_t, t + 0.1, given),
        (z_t, t, Condition(given.latent + 1, given.hole, given.area)),
        (z_t, t, Condition(given.latent, 1 - given.hole, given.area)),
        (z_t, t, Condition(given.latent, given.hole, given.area / 2)),
    ):
        assert (refiner.predict_data(*changed) - estimate).abs().max() > 1e-3


def with_estimate(refiner, estimate):
    refiner.predict_data = lambda z_t, t, given: estimate
    return refiner


@pytest.mark.parametrize("interpolant", PATHS)
def test_the_exact_estimate_has_no_loss(interpolant):
    given = condition()
    clean = torch.randn_like(given.latent)
    losses = with_estimate(build(interpolant=interpolant), clean).loss(clean, given, seeded(1, 2, 3))
    assert {name: value.item() for name, value in losses.items()} == {"loss": 0, "velocity": 0, "latent": 0}
    wrong = with_estimate(build(interpolant=interpolant), clean + 0.1).loss(clean, given, seeded(1, 2, 3))
    assert all(value > 0 for value in wrong.values())


def test_the_loss_by_hand():
    """Linear path: velocity error against z_1 - z_0, the hole weighing 4, latent L1 counting half."""
    refiner, given = build(hole_weight=4.0, latent_weight=0.5), condition()
    clean = torch.randn_like(given.latent)
    losses = refiner.loss(clean, given, seeded(1, 2, 3))

    squares = absolutes = weights = 0.0
    for row, generator in enumerate(seeded(1, 2, 3)):
        noise = torch.randn(4, 4, 6, generator=generator)
        t = torch.sigmoid(-1.6 + 1.2 * torch.randn(1, generator=generator))
        assert t < 0.95  # beyond, the floor replaces alpha
        z_0 = torch.where(given.hole[row] > 0, noise, given.latent[row])
        z_t = (1 - t) * z_0 + t * clean[row]
        alone = Condition(given.latent[row, None], given.hole[row, None], given.area[row, None])
        estimate = refiner.predict_data(z_t[None], t, alone)[0]
        velocity = (estimate - z_t) / (1 - t)
        weight = torch.where(given.hole[row] > 0, 4.0, 1.0).expand_as(z_t)
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
    refiner, given = build(solver=solver, interpolant=interpolant), condition()
    together = refiner.sample(given, seeded(5, 6, 7))
    assert torch.equal(refiner.refine(given, seeded(5, 6, 7)), together.x)
    busiest = 0
    for row in range(3):
        alone = Condition(*(t[row : row + 1] for t in (given.latent, given.hole, given.area)))
        sample = refiner.sample(alone, seeded(5 + row))
        torch.testing.assert_close(sample.x[0], together.x[row], atol=1e-4, rtol=1e-4)
        busiest = max(busiest, sample.nfe)
    assert together.nfe == busiest
    assert (refiner.refine(given, seeded(5, 6, 8)) - together.x)[2].abs().max() > 1e-3


def test_steps_and_solver_can_be_asked_for():
    refiner, given = build(steps=3), condition()
    assert refiner.sample(given, seeded(1, 2, 3)).nfe == 3
    assert refiner.sample(given, seeded(1, 2, 3), steps=5).nfe == 5
    assert refiner.sample(given, seeded(1, 2, 3), steps=5, solver="rk4").nfe == 20
    one, other = (refiner.refine(given, seeded(1, 2, 3), steps) for steps in (2, 5))
    assert not torch.equal(one, other)


def test_impossible_choices():
    with pytest.raises(InputError, match="interpolant 'quadratic'.*linear"):
        FlowRefiner(4, **SMALL, interpolant="quadratic")
    with pytest.raises(InputError, match="solver 'rk4': choose one of euler$"):
        build(interpolant="hadamard", solver="rk4")
    with pytest.raises(InputError, match="solver 'rk4'"):
        build(interpolant="hadamard").sample(condition(), solver="rk4")
    with pytest.raises(InputError, match="solver 'heun'.*euler"):
        FlowRefiner(4, **SMALL, solver="heun")
    with pytest.raises(InputError, match="solver 'heun'.*euler"):
        build().sample(condition(), solver="heun")
    with pytest.raises(InputError, match="steps"):
        build().refine(condition(), steps=0)


# The exact conditional flow -------------------------------------------------------------------------------

CELLS, DEPTH = 3, 2
HOLES = torch.tensor([[0, 1, 0], [1, 0, 1], [1, 1, 1], [0, 0, 0]]).view(4, 1, 1, CELLS).double()


def gaussian():
    """A correlated Gaussian over all numbers of a latent (2, 1, 3)."""
    size = DEPTH * CELLS
    factor = torch.randn(size, size, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    covariance = factor @ factor.T / size + 0.2 * torch.eye(size).double()
    return torch.linspace(-1, 2, size, dtype=torch.float64), covariance


def oracle(schedule, z, t, hole):
    """The exact ends of Gaussian data where every cell of the hole is at t, and the known cells are data."""
    mean, covariance = gaussian()
    a, b = schedule.alpha(t).view(-1, 1, 1, 1), schedule.beta(t).view(-1, 1, 1, 1)
    # A known cell has both ends equal, so it stands at (alpha + beta) times its value.
    inside = (hole > 0).expand_as(z)
    x = torch.where(inside, z, z / (a + b)).flatten(1)
    a_each, b_each = (torch.where(inside, c, o).flatten(1).double() for c, o in ((a, 0.0), (b, 1.0)))
    sigma = torch.diag_embed(a_each**2) + b_each[:, :, None] * covariance * b_each[:, None, :]
    solved = torch.linalg.solve(sigma, x - b_each * mean)
    eta_0, eta_1 = a_each * solved, mean + (b_each * solved) @ covariance
    return eta_0.view_as(z), eta_1.view_as(z)


class ExactLatentPath(ScheduledLatentPath):
    """The exact velocity, whatever the estimate."""

    def velocity(self, t, z, z_clean, condition, alpha_min):
        schedule = self.path.schedule
        eta_0, eta_1 = oracle(schedule, z, t, condition.hole)
        alpha_dot, beta_dot = (r(t).view(-1, 1, 1, 1) for r in (schedule.alpha_dot, schedule.beta_dot))
        return alpha_dot * torch.where(condition.hole > 0, eta_0, eta_1) + beta_dot * eta_1


class ExactFlow(FlowRefiner):
    """The exact estimate of Gaussian data in the place of the network's."""

    def predict_data(self, z, t, condition):
        if t.ndim > 1:  # a map of alphas, the same in all of the hole
            t = 1 - t.amax(dim=(1, 2, 3))
        schedule = getattr(self.latent_path, "path", ScheduledPath()).schedule
        return oracle(schedule, z, t, condition.hole)[1]


def visible():
    """Any numbers in the known cells; what stands in the hole must not matter."""
    latent = torch.randn(4, DEPTH, 1, CELLS, generator=torch.Generator().manual_seed(8), dtype=torch.float64)
    return Condition(torch.where(HOLES > 0, 1e3, latent), HOLES, HOLES)


def conditional(row, given):
    """Schur complement: mean and covariance of the hole's numbers, and where they are."""
    mean, covariance = gaussian()
    hole = HOLES[row].expand(DEPTH, 1, CELLS).flatten().bool()
    values = given.latent[row].flatten()
    gain = torch.linalg.solve(covariance[~hole][:, ~hole], covariance[~hole][:, hole]).T
    centre = mean[hole] + gain @ (values[~hole] - mean[~hole])
    return centre, covariance[hole][:, hole] - gain @ covariance[~hole][:, hole], hole


@pytest.mark.parametrize("interpolant", SCHEDULED)
@pytest.mark.parametrize("solver", ["midpoint", "rk4", *ADAPTIVE])
def test_the_exact_field_samples_the_exact_conditional_law(solver, interpolant, monkeypatch):
    """arXiv 2508.04605: the map is mean + S^(1/2) noise point by point, so mean and covariance are exact."""
    steps, tolerance = {"midpoint": (300, 1e-3), "rk4": (80, 1e-5)}.get(solver, (1, 1e-6))
    monkeypatch.setattr(latent_paths, "integrate", partial(integrate, rtol=1e-9, atol=1e-9))
    refiner = ExactFlow(DEPTH, **SMALL, interpolant=interpolant).double()
    refiner.latent_path = ExactLatentPath(refiner.latent_path.path.schedule)
    given = visible()
    final = refiner.sample(given, seeded(1, 2, 3, 4), steps, solver).x
    for row in range(4):
        noise = torch.randn(DEPTH, 1, CELLS, generator=seeded(row + 1)[0], dtype=torch.float64).flatten()
        centre, covariance, hole = conditional(row, given)
        ended = final[row].flatten()
        known = given.latent[row].flatten()[~hole]
        torch.testing.assert_close(ended[~hole], known, atol=tolerance, rtol=0)
        if hole.any():
            root = torch.from_numpy(np.real(sqrtm(covariance.numpy())))
            torch.testing.assert_close(ended[hole], centre + root @ noise[hole], atol=tolerance, rtol=0)


@pytest.mark.parametrize("path", [ExactLatentPath(Linear()), *(PATHS[name]() for name in PATHS)])
def test_one_euler_step_is_the_mean_of_what_is_missing(path):
    """The estimate of least squared error, and no trace of the noise."""
    refiner = ExactFlow(DEPTH, **SMALL).double()
    refiner.latent_path = path
    given = visible()
    final = refiner.refine(given, seeded(1, 2, 3, 4), steps=1)
    for row in range(4):
        centre, _, hole = conditional(row, given)
        if isinstance(path, ScheduledLatentPath) and isinstance(path.path.schedule, Cosine):
            continue  # its first velocity points elsewhere
        torch.testing.assert_close(final[row].flatten()[hole], centre, atol=1e-10, rtol=0)
        torch.testing.assert_close(final[row].flatten()[~hole], given.latent[row].flatten()[~hole])


def test_many_steps_of_the_hadamard_path_have_the_conditional_law():
    """Every cell's alpha runs to its end: mean and spread of the hole come nearer with the steps, at first order."""
    refiner = ExactFlow(DEPTH, **SMALL, interpolant="hadamard").double()
    given, row = visible(), 1
    centre, covariance, hole = conditional(row, given)
    noise = torch.randn(DEPTH, 1, CELLS, generator=seeded(row + 1)[0], dtype=torch.float64).flatten()
    exact = centre + torch.from_numpy(np.real(sqrtm(covariance.numpy()))) @ noise[hole]
    errors = []
    for steps in (50, 100, 200):
        ended = refiner.refine(given, seeded(1, 2, 3, 4), steps)[row].flatten()
        torch.testing.assert_close(ended[~hole], given.latent[row].flatten()[~hole], atol=1e-9, rtol=0)
        errors.append((ended[hole] - exact).abs().max().item())
    assert errors[2] < 0.05
    assert 1.6 < errors[0] / errors[1] < 2.4 and 1.6 < errors[1] / errors[2] < 2.4


def test_training_alphas_of_the_hadamard_path():
    refiner = build(interpolant="hadamard")
    given = Condition(*(t.repeat(200, 1, 1, 1) for t in (condition().latent, condition().hole, condition().area)))
    times = partial(refiner.sample_training_times, given.latent)
    alpha = refiner.latent_path.sample_times(times, given, torch.Generator().manual_seed(0))
    inside = given.hole > 0
    assert (alpha[~inside] == 0).all() and ((alpha[inside] > 0) & (alpha[inside] < 1)).all()
    numbers = [len(c[h].unique()) for c, h in zip(alpha, inside, strict=True)]
    cells = [int(h.sum()) for h in inside]
    assert set(map(tuple, zip(numbers, cells, strict=True))) <= {p for c in cells for p in ((1, c), (c, c))}
    assert 0.42 < sum(n == 1 for n in numbers) / len(numbers) < 0.58
    logits = torch.logit(1 - alpha[inside]).numpy()
    assert abs(logits.mean() + 1.6) < 0.1 and abs(logits.std() - 1.2) < 0.1
    z = refiner.latent_path.interpolate(alpha, torch.ones_like(given.latent), torch.zeros_like(given.latent), given)
    torch.testing.assert_close(z, torch.where(inside, alpha, given.latent))


def test_the_hadamard_networks_read_the_alphas():
    refiner, given = build(interpolant="hadamard"), condition()
    alpha = 0.5 * given.hole
    estimate = refiner.predict_data(given.latent, alpha, given)
    moved = alpha.clone()
    first, second = (given.hole[0, 0] > 0).nonzero()[:2]  # the mean of the alphas stays
    moved[0, 0, first[0], first[1]] += 0.4
    moved[0, 0, second[0], second[1]] -= 0.4
    changed = refiner.predict_data(given.latent, moved, given)
    assert (changed - estimate)[0].abs().max() > 1e-4 and torch.equal(changed[1:], estimate[1:])


def test_few_euler_steps_have_the_exact_mean_and_too_little_spread():
    """Through `predict_data`: opposite noises average to the mean; the trace grows with the steps."""
    refiner = ExactFlow(DEPTH, **SMALL).double()
    given, row = visible(), 1
    centre, covariance, hole = conditional(row, given)
    whole = covariance.trace().item()
    ratios = []
    for steps in (2, 5, 10, 20):
        columns = []
        for axis in range(int(hole.sum())):
            ends = []
            for sign in (1.0, -1.0):
                unit = torch.zeros(DEPTH * CELLS).double()
                unit[hole.nonzero()[axis]] = sign
                z_0 = torch.where(HOLES > 0, unit.view(1, DEPTH, 1, CELLS), given.latent)
                refiner.start = lambda condition, generator=None, z_0=z_0: z_0
                ends.append(refiner.refine(given, steps=steps)[row].flatten()[hole])
            torch.testing.assert_close((ends[0] + ends[1]) / 2, centre, atol=1e-10, rtol=0)
            columns.append((ends[0] - ends[1]) / 2)
        ratios.append(torch.stack(columns).square().sum().item() / whole)
    assert ratios == sorted(ratios) and 0 < ratios[0] and 0.75 < ratios[-1] < 1


@pytest.mark.parametrize(
    ("solver", "steps", "interpolant"),
    [
        ("euler", 5, "hadamard"),
        ("euler", 40, "hadamard"),
        *(
            (solver, steps, interpolant)
            for solver, steps in (("euler", 5), ("euler", 40), ("euler", 100), ("rk4", 50), ("dopri5", 1))
            for interpolant in SCHEDULED
        ),
    ],
)
def test_no_noise_is_left_at_the_end(solver, steps, interpolant):
    """A network that answers a constant is a path that ends there, whatever the noise it started from."""
    refiner = FlowRefiner(DEPTH, **SMALL, interpolant=interpolant).double()
    given = Condition(torch.zeros_like(visible().latent), torch.ones_like(HOLES), torch.ones_like(HOLES))
    final = refiner.sample(given, seeded(1, 2, 3, 4), steps, solver).x
    assert final.std().item() < (0.02 if steps == 5 else 0.005)
