"""Latent paths: with the exact field they end in the exact conditional law; alphas and their map."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from small_flow_refiners import SCHEDULED, SMALL, build, make_condition, seeded

from latentinpaint.interpolants import SOLVERS, ScheduledPath, integrate
from latentinpaint.interpolants.schedules import Cosine, Linear
from latentinpaint.refiners import Condition, FlowRefiner, latent_paths
from latentinpaint.refiners.latent_paths import PATHS, ScheduledLatentPath

ADAPTIVE = [name for name, solver in SOLVERS.items() if solver.adaptive]


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


def conditional(item, condition):
    """Schur complement: mean and covariance of the hole's numbers, and where they are."""
    mean, covariance = gaussian()
    hole = HOLES[item].expand(DEPTH, 1, CELLS).flatten().bool()
    values = condition.latent[item].flatten()
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
    condition = visible()
    final = refiner.sample(condition, seeded(1, 2, 3, 4), steps, solver).x
    for item in range(4):
        noise = torch.randn(DEPTH, 1, CELLS, generator=seeded(item + 1)[0], dtype=torch.float64).flatten()
        centre, covariance, hole = conditional(item, condition)
        ended = final[item].flatten()
        known = condition.latent[item].flatten()[~hole]
        torch.testing.assert_close(ended[~hole], known, atol=tolerance, rtol=0)
        if hole.any():
            root = torch.from_numpy(np.real(sqrtm(covariance.numpy())))
            torch.testing.assert_close(ended[hole], centre + root @ noise[hole], atol=tolerance, rtol=0)


@pytest.mark.parametrize("path", [ExactLatentPath(Linear()), *(PATHS[name]() for name in PATHS)])
def test_one_euler_step_is_the_mean_of_what_is_missing(path):
    """The estimate of least squared error, and no trace of the noise."""
    refiner = ExactFlow(DEPTH, **SMALL).double()
    refiner.latent_path = path
    condition = visible()
    final = refiner.refine(condition, seeded(1, 2, 3, 4), steps=1)
    for item in range(4):
        centre, _, hole = conditional(item, condition)
        if isinstance(path, ScheduledLatentPath) and isinstance(path.path.schedule, Cosine):
            continue  # its first velocity points elsewhere
        torch.testing.assert_close(final[item].flatten()[hole], centre, atol=1e-10, rtol=0)
        torch.testing.assert_close(final[item].flatten()[~hole], condition.latent[item].flatten()[~hole])


def test_many_steps_of_the_hadamard_path_have_the_conditional_law():
    """Every cell's alpha runs to its end: mean and spread of the hole come nearer with the steps, at first order."""
    refiner = ExactFlow(DEPTH, **SMALL, interpolant="hadamard").double()
    condition, item = visible(), 1
    centre, covariance, hole = conditional(item, condition)
    noise = torch.randn(DEPTH, 1, CELLS, generator=seeded(item + 1)[0], dtype=torch.float64).flatten()
    exact = centre + torch.from_numpy(np.real(sqrtm(covariance.numpy()))) @ noise[hole]
    errors = []
    for steps in (50, 100, 200):
        ended = refiner.refine(condition, seeded(1, 2, 3, 4), steps)[item].flatten()
        torch.testing.assert_close(ended[~hole], condition.latent[item].flatten()[~hole], atol=1e-9, rtol=0)
        errors.append((ended[hole] - exact).abs().max().item())
    assert errors[2] < 0.05
    assert 1.6 < errors[0] / errors[1] < 2.4 and 1.6 < errors[1] / errors[2] < 2.4


def test_training_alphas_of_the_hadamard_path():
    refiner = build(interpolant="hadamard")
    few = make_condition()
    condition = few.select(list(range(3)) * 200)
    times = partial(refiner.times.sample, condition.latent)
    alpha = refiner.latent_path.sample_times(times, condition, torch.Generator().manual_seed(0))
    inside = condition.hole > 0
    assert (alpha[~inside] == 0).all() and ((alpha[inside] > 0) & (alpha[inside] < 1)).all()
    numbers = [len(c[h].unique()) for c, h in zip(alpha, inside, strict=True)]
    cells = [int(h.sum()) for h in inside]
    assert set(map(tuple, zip(numbers, cells, strict=True))) <= {p for c in cells for p in ((1, c), (c, c))}
    assert 0.42 < sum(n == 1 for n in numbers) / len(numbers) < 0.58
    logits = torch.logit(1 - alpha[inside]).numpy()
    assert abs(logits.mean() + 1.6) < 0.1 and abs(logits.std() - 1.2) < 0.1
    ones = torch.ones_like(condition.latent)
    z = refiner.latent_path.interpolate(alpha, ones, torch.zeros_like(ones), condition)
    torch.testing.assert_close(z, torch.where(inside, alpha, condition.latent))


def test_the_hadamard_networks_read_the_alphas():
    refiner, condition = build(interpolant="hadamard"), make_condition()
    alpha = 0.5 * condition.hole
    estimate = refiner.predict_data(condition.latent, alpha, condition)
    moved = alpha.clone()
    first, second = (condition.hole[0, 0] > 0).nonzero()[:2]  # the mean of the alphas stays
    moved[0, 0, first[0], first[1]] += 0.4
    moved[0, 0, second[0], second[1]] -= 0.4
    changed = refiner.predict_data(condition.latent, moved, condition)
    assert (changed - estimate)[0].abs().max() > 1e-4 and torch.equal(changed[1:], estimate[1:])


def test_few_euler_steps_have_the_exact_mean_and_too_little_spread():
    """Through `predict_data`: opposite noises average to the mean; the trace grows with the steps."""
    refiner = ExactFlow(DEPTH, **SMALL).double()
    condition, item = visible(), 1
    centre, covariance, hole = conditional(item, condition)
    whole = covariance.trace().item()
    ratios = []
    for steps in (2, 5, 10, 20):
        columns = []
        for axis in range(int(hole.sum())):
            ends = []
            for sign in (1.0, -1.0):
                unit = torch.zeros(DEPTH * CELLS).double()
                unit[hole.nonzero()[axis]] = sign
                z_0 = torch.where(HOLES > 0, unit.view(1, DEPTH, 1, CELLS), condition.latent)
                refiner.start = lambda condition, generator=None, z_0=z_0: z_0
                ends.append(refiner.refine(condition, steps=steps)[item].flatten()[hole])
            torch.testing.assert_close((ends[0] + ends[1]) / 2, centre, atol=1e-10, rtol=0)
            columns.append((ends[0] - ends[1]) / 2)
        ratios.append(torch.stack(columns).square().sum().item() / whole)
    assert ratios == sorted(ratios) and 0 < ratios[0] and 0.75 < ratios[-1] < 1


# Spread -----------------------------------------------------------------------------------------------------

VARIANCES = torch.tensor([0.05, 0.1, 0.3, 0.6, 1.0], dtype=torch.float64)


class IndependentFlow(FlowRefiner):
    """The exact estimate of data N(0, VARIANCES), one variance a cell."""

    def predict_data(self, z, t, condition, length=None):
        t = t.view(-1, 1, 1, 1)
        return VARIANCES * t / ((1 - t) ** 2 + VARIANCES * t**2) * z


def all_hole(count):
    ones = torch.ones(count, 1, 1, len(VARIANCES)).double()
    return Condition(torch.zeros_like(ones), ones, ones)


def spread(steps, count=1, **options):
    """What the samples' standard deviation is of the exact one, cell by cell: exactly, as the flow is linear; with
    noise on the way over `count` samples."""
    refiner = IndependentFlow(1, **{**SMALL, **options}).double()
    if count == 1:
        refiner.start = lambda condition, generator=None: torch.ones_like(condition.latent)
        return refiner.sample(all_hole(1), steps=steps).x.flatten() / VARIANCES.sqrt()
    generators = [torch.Generator().manual_seed(seed) for seed in range(count)]
    return refiner.sample(all_hole(count), generators, steps).x.flatten(1).std(dim=0) / VARIANCES.sqrt()


def product_of_steps(times):
    """Euler's spread by hand: y = z / alpha and u = beta / alpha grow by dy = E[data | z] du, which starts at 0."""
    u = times / (1 - times)
    y = torch.ones_like(VARIANCES)
    for before, after in zip(u[:-2], u[1:-1], strict=True):
        y = y * (1 + (after - before) * VARIANCES * before / (1 + VARIANCES * before**2))
    return y * VARIANCES * u[-2] / (1 + VARIANCES * u[-2] ** 2) / VARIANCES.sqrt()


@pytest.mark.parametrize("steps", [1, 2, 4, 8])
@pytest.mark.parametrize(("grid", "power"), [("uniform", 1.0), ("power", 0.7)])
def test_euler_s_spread_is_a_product(grid, power, steps):
    times = torch.linspace(0, 1, steps + 1, dtype=torch.float64) ** power
    torch.testing.assert_close(spread(steps, grid=grid), product_of_steps(times), atol=1e-9, rtol=0)


# Solver, grid, steps, evaluations, and the spread for each variance, as recursions of one number give it.
FEW_EVALUATIONS = [
    ("euler", "uniform", 4, 4, [0.5123, 0.6031, 0.6909, 0.7148, 0.7200]),
    ("euler", "power", 4, 4, [0.6201, 0.6816, 0.7243, 0.7209, 0.7025]),
    ("midpoint", "uniform", 1, 2, [0.4259, 0.5750, 0.8427, 0.9682, 1.0000]),
    ("midpoint", "power", 2, 4, [0.9090, 0.9648, 0.9703, 0.9706, 0.9805]),
    ("midpoint", "power", 4, 8, [0.9917, 0.9948, 0.9961, 0.9958, 0.9956]),
    ("heun", "power", 4, 7, [0.7548, 0.8671, 0.9667, 0.9946, 1.0006]),
    ("exponential", "power", 2, 4, [0.6120, 0.6844, 0.7493, 0.7698, 0.7787]),
    ("exponential", "power", 4, 8, [0.8224, 0.8677, 0.9105, 0.9218, 0.9238]),
]


@pytest.mark.parametrize(("solver", "grid", "steps", "nfe", "expected"), FEW_EVALUATIONS)
def test_the_spread_at_few_evaluations(solver, grid, steps, nfe, expected):
    """The exact map has 1: two midpoint steps on the power grid keep 0.9 of it where four of Euler's keep 0.5."""
    found = spread(steps, solver=solver, grid=grid)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), atol=6e-5, rtol=0)
    refiner = IndependentFlow(1, **SMALL, grid=grid).double()
    assert refiner.sample(all_hole(1), steps=steps, solver=solver).nfe == nfe


def churned_variance(times, churn):
    """(8a) by Euler's steps: v <- a^2 v + 2 epsilon alpha dt, without noise in the last step."""
    v = torch.ones_like(VARIANCES)
    steps = list(zip(times[:-1], times[1:], strict=True))
    for number, (t, s) in enumerate(steps):
        rate = churn if number < len(steps) - 1 else 0.0
        total = (1 - t) ** 2 + VARIANCES * t**2
        source, data = (1 - t) / total, VARIANCES * t / total
        gain = 1 + (s - t) * (data - source - rate * source)
        v = gain**2 * v + 2 * rate * (1 - t) * (s - t)
    return v


def test_churn_gives_four_euler_steps_their_spread_back():
    """By hand within 10 %, where without noise 28 to 38 % are lost; by 3000 samples within four standard errors."""
    times = torch.linspace(0, 1, 5, dtype=torch.float64) ** 0.7
    by_hand = churned_variance(times, 1.0).sqrt() / VARIANCES.sqrt()
    assert (by_hand - 1).abs().max() < 0.1
    torch.testing.assert_close(churned_variance(times, 0.0).sqrt() / VARIANCES.sqrt(), product_of_steps(times))
    found = spread(4, count=3000, grid="power", churn=1.0)
    torch.testing.assert_close(found, by_hand, rtol=4 / (2 * 3000) ** 0.5, atol=0)


def test_churn_leaves_the_known_cells_alone():
    refiner, condition = build(churn=1.0), make_condition()
    still = build()
    known = condition.hole.expand_as(condition.latent) == 0
    refiner.predict_data = still.predict_data = lambda z, t, condition, length=None: torch.zeros_like(z)
    noisy, plain = (each.sample(condition, seeded(1, 2, 3), 3).x for each in (refiner, still))
    assert torch.equal(noisy[known], plain[known])
    assert torch.equal(noisy, refiner.sample(condition, seeded(1, 2, 3), 3).x)


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
    """With a constant prediction the path ends there, whatever the noise it started from."""
    refiner = FlowRefiner(DEPTH, **SMALL, interpolant=interpolant).double()
    condition = Condition(torch.zeros_like(visible().latent), torch.ones_like(HOLES), torch.ones_like(HOLES))
    final = refiner.sample(condition, seeded(1, 2, 3, 4), steps, solver).x
    assert final.std().item() < (0.02 if steps == 5 else 0.005)
