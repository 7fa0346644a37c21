"""Paths: rates against differences, ends, block orders, and the exact conditional law along any of them."""

import math

import numpy as np
import pytest
import torch
from oracles import Gaussian, Mixture, matrix
from scipy.integrate import solve_ivp
from scipy.linalg import sqrtm
from scipy.stats import norm

from latentinpaint.interpolants import SCHEDULES, integrate
from latentinpaint.interpolants.interpolant import Process
from latentinpaint.interpolants.operators import Dense, Fourier, Hadamard, identity
from latentinpaint.interpolants.paths import (
    HadamardPath,
    ScheduledPath,
    StraightPath,
    denoise,
    inpaint,
    morton,
    raster,
    sequential,
)
from latentinpaint.interpolants.transfers import gaussian_blur, power_law

SIZE = 6
HOLE = torch.tensor([[0, 1, 1, 0, 1, 1]], dtype=torch.float64)


def number(t):
    return torch.tensor(float(t), dtype=torch.float64)


def gaussian(size=SIZE, seed=5):
    factor = torch.randn(size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    covariance = factor @ factor.T / size + 0.2 * torch.eye(size).double()
    return Gaussian(torch.linspace(-1, 2, size, dtype=torch.float64), covariance)


def dense(seed, size=4):
    g = torch.Generator().manual_seed(seed)
    noise = torch.randn(2, size, size, generator=g, dtype=torch.float64) / 2
    return Process(Dense(torch.eye(size).double() + noise[0]), Dense(noise[1]))


SPEEDS = torch.tensor([[1, 1, 2, 1, 3, 1.5]], dtype=torch.float64)
TURNS = torch.tensor([[0, 2, 0, 0, 1, 1]])
PATHS = {
    **{name: (ScheduledPath(kind()), (SIZE,)) for name, kind in SCHEDULES.items()},
    "inpaint": (inpaint(HOLE), (SIZE,)),
    "speeds": (inpaint(HOLE, SPEEDS), (SIZE,)),
    "sequential": (sequential(HOLE, TURNS), (SIZE,)),
    "denoise": (denoise(torch.rand(1, SIZE, generator=torch.Generator().manual_seed(0)).double()), (SIZE,)),
    "matrices": (StraightPath(dense(1), Process(0.1 * identity(), identity())), (4,)),
    "blur": (
        StraightPath(
            Process(Fourier(power_law(4, 5, 1.0)), Fourier(gaussian_blur(4, 5, 1.2))),
            Process(0.05 * identity(), identity()),
        ),
        (1, 4, 5),
    ),
}


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("t", [0.11, 0.4, 0.83])
def test_rates_are_the_derivatives(name, t):
    path, shape = PATHS[name]
    step = 1e-6
    rate, after, before = path.rate(number(t)), path.at(number(t + step)), path.at(number(t - step))
    for which in ("alpha", "beta"):
        slope = (matrix(getattr(after, which), shape) - matrix(getattr(before, which), shape)) / (2 * step)
        np.testing.assert_allclose(matrix(getattr(rate, which), shape), slope, atol=1e-7)


@pytest.mark.parametrize("name", PATHS)
def test_a_path_ends_at_the_data(name):
    path, shape = PATHS[name]
    end = path.at(number(1.0))
    np.testing.assert_allclose(matrix(end.beta, shape), np.eye(math.prod(shape)), atol=1e-12)
    assert np.abs(matrix(end.alpha, shape)).max() < 0.11  # a little noise where a path does not reach the end


@pytest.mark.parametrize("name", PATHS)
def test_one_time_or_one_a_row(name):
    path, shape = PATHS[name]
    g = torch.Generator().manual_seed(0)
    x_0, x_1 = (torch.randn(3, *shape, generator=g, dtype=torch.float64) for _ in range(2))
    times = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    for part in (path.at, path.rate):
        together = part(times).point(x_0, x_1)
        for item, t in enumerate(times):
            alone = part(t).point(x_0[item : item + 1], x_1[item : item + 1])
            torch.testing.assert_close(together[item : item + 1], alone, atol=1e-12, rtol=0)


# The moments of the flow ---------------------------------------------------------------------------------


def affine(drift, shape):
    """An affine drift's matrix and constant."""
    size = math.prod(shape)
    constant = drift(torch.zeros(1, *shape, dtype=torch.float64)).flatten().numpy()
    units = torch.eye(size, dtype=torch.float64).reshape(size, *shape)
    return drift(units).reshape(size, size).numpy().T - constant[:, None], constant


@pytest.mark.parametrize("name", [name for name in PATHS if name != "sequential"])
def test_the_flow_carries_the_law(name):
    """(7): the moments of an affine flow obey m' = M m + c and S' = M S + S M^T; they must stay the process's."""
    path, shape = PATHS[name]
    size = math.prod(shape)
    oracle = gaussian(size)
    # Clocks of a power above 1 and the end of noise are limits: from just after to just before.
    first, last = (0.0, 0.98)

    def rate(t, state):
        at, moment = number(t), state[:size]
        matrix_, constant = affine(lambda x: path.velocity(oracle(path.at(at), x), at), shape)
        sigma = state[size:].reshape(size, size)
        return np.concatenate([matrix_ @ moment + constant, (matrix_ @ sigma + sigma @ matrix_.T).flatten()])

    mean, covariance = oracle.law(path.at(number(first)), shape)
    start = np.concatenate([mean, covariance.flatten()])
    end = solve_ivp(rate, (first, last), start, method="DOP853", rtol=1e-10, atol=1e-11).y[:, -1]
    mean, covariance = oracle.law(path.at(number(last)), shape)
    np.testing.assert_allclose(end[:size], mean, atol=1e-7)
    np.testing.assert_allclose(end[size:].reshape(size, size), covariance, atol=1e-7)


# Inpainting ----------------------------------------------------------------------------------------------


def conditional(oracle, known, hole):
    """Schur complement: mean and covariance of the hole's entries."""
    mean, covariance = oracle.mean, oracle.covariance
    gain = torch.linalg.solve(covariance[~hole][:, ~hole], covariance[~hole][:, hole]).T
    centre = mean[hole] + gain @ (known - mean[~hole])
    return centre, covariance[hole][:, hole] - gain @ covariance[~hole][:, hole]


def affine_end(path, oracle, x, solve):
    """Where a flow whose end is affine in its noise ends for noise 0, and its matrix."""
    noise = torch.cat([torch.zeros(1, SIZE), torch.eye(SIZE)]).double()
    ended = solve(path, oracle, path.start(x.expand(SIZE + 1, -1), noise))
    return ended[0], (ended[1:] - ended[0]).T


def euler(path, oracle, x, steps):
    times = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    for t, s in zip(times, times[1:], strict=False):
        x = x + path.increment(oracle(path.at(t), x), t, s)
    return x


def runge_kutta(path, oracle, x):
    return integrate(
        lambda x, t: path.velocity(oracle(path.at(t[0]), x), t[0]), x, method="rk4", steps=400, span=(0.0, 1.0)
    ).x


@pytest.mark.parametrize("path", [inpaint(HOLE), inpaint(HOLE, SPEEDS)], ids=["together", "speeds"])
def test_the_hole_gets_the_conditional_law(path):
    oracle, hole = gaussian(), HOLE[0].bool()
    x = torch.linspace(-1, 1, SIZE, dtype=torch.float64)[None]
    centre, covariance = conditional(oracle, x[0, ~hole], hole)
    ended, linear = affine_end(path, oracle, x, runge_kutta)
    assert torch.equal(ended[~hole], x[0, ~hole])
    torch.testing.assert_close(ended[hole], centre, atol=1e-5, rtol=0)
    torch.testing.assert_close((linear @ linear.T)[hole][:, hole], covariance, atol=2e-4, rtol=0)


def test_block_after_block_gets_the_conditional_law():
    """To first order, with Euler steps that end where clocks stop."""
    oracle, hole = gaussian(), HOLE[0].bool()
    x = torch.linspace(-1, 1, SIZE, dtype=torch.float64)[None]
    centre, covariance = conditional(oracle, x[0, ~hole], hole)
    path = sequential(HOLE, TURNS)
    errors = []
    for steps in (60, 120, 240):
        ended, linear = affine_end(path, oracle, x, lambda *inputs, n=steps: euler(*inputs, n))
        torch.testing.assert_close(ended[hole], centre, atol=1e-9, rtol=0)
        errors.append(((linear @ linear.T)[hole][:, hole] - covariance).abs().max().item())
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.3) and errors[1] / errors[2] == pytest.approx(2, abs=0.3)


def test_one_euler_step_is_the_conditional_mean():
    oracle, hole = gaussian(), HOLE[0].bool()
    x = torch.linspace(-1, 1, SIZE, dtype=torch.float64)[None]
    noise = torch.randn(1, SIZE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    path = inpaint(HOLE, SPEEDS)
    ended = euler(path, oracle, path.start(x, noise), 1)[0]
    torch.testing.assert_close(ended[hole], conditional(oracle, x[0, ~hole], hole)[0], atol=1e-10, rtol=0)


def test_uneven_clocks_step_by_their_own_increments():
    """With the operators' increments the mean is exact however unevenly a path runs; with time steps
    it is not."""
    oracle = gaussian()
    path = inpaint(torch.ones(1, SIZE).double(), power=4.0)
    ended, _ = affine_end(path, oracle, torch.zeros(1, SIZE).double(), lambda *inputs: euler(*inputs, 20))
    torch.testing.assert_close(ended, oracle.mean, atol=1e-10, rtol=0)

    def by_time(path, oracle, x):
        for t in torch.linspace(0, 1, 21, dtype=torch.float64)[:-1]:
            x = x + path.velocity(oracle(path.at(t), x), t) / 20
        return x

    ended, _ = affine_end(path, oracle, torch.zeros(1, SIZE).double(), by_time)
    assert (ended - oracle.mean).abs().max() > 0.02


def two_modes():
    """A bimodal mixture of two entries, far from Gaussian."""
    covariance = 0.05 * torch.tensor([[1.0, 0.5], [0.5, 1.0]], dtype=torch.float64)
    means = torch.tensor([[-1.0, -0.6], [0.8, 1.0]], dtype=torch.float64)
    return Mixture((0.5, 0.5), tuple(Gaussian(mean, covariance) for mean in means))


def conditional_distribution(mixture, known):
    """The cumulative distribution of the second entry given the first."""
    parts = []
    for weight, part in zip(mixture.weights, mixture.components, strict=True):
        (m0, m1), c = part.mean.tolist(), part.covariance.numpy()
        centre, spread = m1 + c[1, 0] / c[0, 0] * (known - m0), c[1, 1] - c[1, 0] ** 2 / c[0, 0]
        parts.append((weight * norm.pdf(known, m0, c[0, 0] ** 0.5), centre, spread**0.5))
    total = sum(share for share, _, _ in parts)
    return lambda y: sum(share / total * norm.cdf(y, centre, spread) for share, centre, spread in parts)


def distance(samples, distribution):
    """Kolmogorov-Smirnov."""
    samples = np.sort(samples)
    exact = distribution(samples)
    count = len(samples)
    return max((np.arange(1, count + 1) / count - exact).max(), (exact - np.arange(count) / count).max())


def test_replacing_the_known_entries_at_every_step_is_wrong():
    """The Hadamard path is exact for a mixture; one clock for all, known entries overwritten, is far off."""
    mixture, known, count, steps = two_modes(), -0.1, 4000, 100
    quantiles = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    noise = torch.special.ndtri(quantiles)
    x = torch.stack([torch.full_like(noise, known), noise], dim=1)
    distribution = conditional_distribution(mixture, known)

    exact = runge_kutta(inpaint(torch.tensor([[0.0, 1.0]]).double()), mixture, x)
    assert torch.equal(exact[:, 0], x[:, 0])
    assert distance(exact[:, 1].numpy(), distribution) < 0.01

    path, g = ScheduledPath(), torch.Generator().manual_seed(0)
    other = torch.randn(count, generator=g, dtype=torch.float64)
    times = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    for t, s in zip(times, times[1:], strict=False):
        x = torch.stack([(1 - t) * other + t * known, x[:, 1]], dim=1)
        x = x + path.increment(mixture(path.at(t), x), t, s)
    assert distance(x[:, 1].numpy(), distribution) > 0.15


def test_denoising_is_right_on_average_and_not_given_the_observation():
    """Over observations the samples are distributed as the data; given one they are not its posterior."""
    oracle, sigma = gaussian(), 0.5
    level = torch.full((1, SIZE), sigma / (1 + sigma), dtype=torch.float64)
    path = denoise(level)
    units = torch.cat([torch.zeros(1, SIZE), torch.eye(SIZE)]).double()
    ended = runge_kutta(path, oracle, units / (1 + sigma))
    offset, linear = ended[0], (ended[1:] - ended[0]).T
    observed = oracle.covariance + sigma**2 * torch.eye(SIZE).double()
    torch.testing.assert_close(linear @ observed @ linear.T, oracle.covariance, atol=1e-3, rtol=0)
    torch.testing.assert_close(offset + linear @ oracle.mean, oracle.mean, atol=1e-5, rtol=0)
    gain = oracle.covariance @ torch.linalg.inv(observed)
    assert (linear - gain).abs().max() > 0.01  # the posterior mean is oracle.mean + gain (y - oracle.mean)


def test_true_is_a_hole():
    expected = sequential(HOLE.float(), TURNS)
    for path in (inpaint(HOLE.bool()), sequential(HOLE.bool(), TURNS)):
        torch.testing.assert_close(path.level, HOLE.float())
    torch.testing.assert_close(sequential(HOLE.bool(), TURNS).begin, expected.begin)


def test_clocks_of_numbers():
    path = HadamardPath(torch.ones(1, 1).double(), begin=0.1, end=0.7)
    assert path.rate(number(0.3)).alpha.values.item() == pytest.approx(-1 / 0.6, abs=1e-12)
    assert [path.at(number(t)).alpha.values.item() for t in (0.0, 0.1, 0.4, 0.7, 1.0)] == pytest.approx(
        [1, 1, 0.5, 0, 0]
    )


def test_slowing_clocks():
    """A power below 1 ends at infinite speed, where nothing is known; what is known stands still."""
    path = inpaint(HOLE, 0.5)
    rate = path.rate(number(1.0)).alpha.values
    assert (rate[HOLE == 0] == 0).all() and (rate[HOLE == 1] == -math.inf).all()
    oracle, hole = gaussian(), HOLE[0].bool()
    x = torch.linspace(-1, 1, SIZE, dtype=torch.float64)[None]
    ended, linear = affine_end(path, oracle, x, lambda *inputs: euler(*inputs, 2000))
    centre, covariance = conditional(oracle, x[0, ~hole], hole)
    torch.testing.assert_close(ended[hole], centre, atol=1e-9, rtol=0)
    torch.testing.assert_close((linear @ linear.T)[hole][:, hole], covariance, atol=0.02, rtol=0)


# Orders and mistakes -------------------------------------------------------------------------------------


def test_raster_order():
    expected = [[0, 0, 1, 1, 2], [0, 0, 1, 1, 2], [3, 3, 4, 4, 5]]
    assert raster(3, 5, 2).tolist() == expected


def test_morton_order():
    assert morton(4, 4, 1).tolist() == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    assert morton(8, 8, 4).tolist()[0] == [0] * 4 + [1] * 4
    uneven = morton(3, 5, 1)
    assert uneven.unique().tolist() == list(range(15)) and uneven[2, 0] > uneven[1, 3]


@pytest.mark.parametrize("order", [raster, morton])
def test_every_block_has_its_turn(order):
    positions = order(16, 24, 4)
    assert positions.shape == (16, 24) and positions.unique().tolist() == list(range(24))
    for position in range(24):
        assert (positions == position).sum() == 16


def test_a_known_entry_never_moves():
    path = sequential(HOLE, TURNS)
    for t in (0.0, 0.2, 0.5, 0.9, 1.0):
        rate = path.rate(number(t))
        assert isinstance(rate.alpha, Hadamard) and (rate.alpha.values[HOLE == 0] == 0).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: HadamardPath(torch.tensor([[1.2]])),
        lambda: HadamardPath(torch.tensor([[-0.1]])),
        lambda: HadamardPath(torch.ones(1, 2), begin=0.5, end=0.5),
        lambda: HadamardPath(torch.ones(1, 2), power=0.0),
        lambda: HadamardPath(torch.ones(1, 2).bool()),
        lambda: raster(4, 4, 0),
    ],
)
def test_impossible_paths(make):
    with pytest.raises(ValueError):
        make()


def test_the_oracles_root_is_the_flows():
    """The reference itself: a Gaussian's flow from noise is mean + C^(1/2) noise."""
    oracle = gaussian()
    ended, linear = affine_end(
        inpaint(torch.ones(1, SIZE).double()), oracle, torch.zeros(1, SIZE).double(), runge_kutta
    )
    torch.testing.assert_close(ended, oracle.mean, atol=1e-6, rtol=0)
    torch.testing.assert_close(linear, torch.from_numpy(np.real(sqrtm(oracle.covariance.numpy()))), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_velocity_gives_both_ends(name):
    path, t = ScheduledPath(SCHEDULES[name]()), torch.tensor([0.1, 0.5, 0.99], dtype=torch.float64)
    g = torch.Generator().manual_seed(0)
    x_0, x_1 = (torch.randn(3, SIZE, generator=g, dtype=torch.float64) for _ in range(2))
    ends = path.endpoints_from_velocity(path.at(t).point(x_0, x_1), path.rate(t).point(x_0, x_1), t)
    torch.testing.assert_close(ends.source, x_0, atol=1e-10, rtol=0)
    torch.testing.assert_close(ends.data, x_1, atol=1e-10, rtol=0)
