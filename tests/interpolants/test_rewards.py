"""Quadratic rewards: against tilted Gaussians, a bimodal density by quadrature, and the posterior of observations."""

import numpy as np
import pytest
import torch
from oracles import Gaussian, Mixture, matrix
from scipy.linalg import sqrtm
from scipy.optimize import brentq

from latentinpaint.interpolants import integrate
from latentinpaint.interpolants.interpolant import Endpoints, Process
from latentinpaint.interpolants.operators import Dense, Fourier, Hadamard, Scalar, identity
from latentinpaint.interpolants.paths import HadamardPath
from latentinpaint.interpolants.rewards import OperatorReward, QuadraticReward, observation
from latentinpaint.interpolants.transfers import gaussian_blur, power_law

SIZE = 4


def hadamard(alpha):
    return Process(Hadamard(alpha), Hadamard(1 - alpha))


def gaussian(seed=5):
    factor = torch.randn(SIZE, SIZE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    covariance = factor @ factor.T / SIZE + 0.2 * torch.eye(SIZE).double()
    return Gaussian(torch.linspace(-1, 2, SIZE, dtype=torch.float64), covariance)


def random_case(seed, low=-3.0, high=0.0):
    g = torch.Generator().manual_seed(seed)
    quadratic = low + (high - low) * torch.rand(1, SIZE, generator=g, dtype=torch.float64)
    linear = torch.randn(1, SIZE, generator=g, dtype=torch.float64)
    alpha = 0.05 + 0.9 * torch.rand(1, SIZE, generator=g, dtype=torch.float64)
    x = torch.randn(5, SIZE, generator=g, dtype=torch.float64)
    return QuadraticReward(quadratic, linear), alpha, x


def tilted(oracle, reward):
    """A Gaussian times exp r: precision C^-1 - A, mean that of C^-1 mu + b."""
    precision = torch.linalg.inv(oracle.covariance)
    covariance = torch.linalg.inv(precision - torch.diag(reward.quadratic[0]))
    return Gaussian(covariance @ (precision @ oracle.mean + reward.linear[0]), covariance)


@pytest.mark.parametrize("seed", range(6))
def test_the_two_equations(seed):
    """(20) and (21), whose right sides are the model's where it is evaluated."""
    reward, alpha, x = random_case(seed)
    alpha_r, x_r = reward.elsewhere(alpha, x)
    precision, precision_r = ((1 - a) ** 2 / a**2 for a in (alpha, alpha_r))
    torch.testing.assert_close(precision_r, precision - reward.quadratic, atol=1e-8, rtol=1e-8)
    left = (1 - alpha_r) / alpha_r**2 * x_r
    torch.testing.assert_close(left, (1 - alpha) / alpha**2 * x + reward.linear, atol=1e-8, rtol=1e-8)


@pytest.mark.parametrize("seed", range(6))
def test_the_drifts_are_those_of_the_tilted_gaussian(seed):
    reward, alpha, x = random_case(seed)
    oracle = gaussian(seed)
    found = reward.drifts(oracle)(hadamard(alpha), x)
    exact = tilted(oracle, reward)(hadamard(alpha), x)
    torch.testing.assert_close(found.data, exact.data, atol=1e-8, rtol=0)
    torch.testing.assert_close(found.source, exact.source, atol=1e-7, rtol=0)


@pytest.mark.parametrize("seed", range(3))
def test_the_ratio_of_densities(seed):
    """(32), (33): the rewarded process's density over the model's elsewhere is exp f times a constant."""
    reward, alpha, x = random_case(seed)
    oracle = gaussian(seed)
    alpha_r, x_r = reward.elsewhere(alpha, x)
    left = tilted(oracle, reward).log_density(hadamard(alpha), x)
    exponent = 0.5 * ((x_r / alpha_r) ** 2 - (x / alpha) ** 2).sum(dim=1).numpy()
    right = oracle.log_density(hadamard(alpha_r), x_r) + exponent
    assert np.ptp(left - right) < 1e-8


# Operators -----------------------------------------------------------------------------------------------


def numbers(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def operator_case(kind, seed):
    """A process, a reward with A < 0, a point, and the shape of an item."""
    if kind == "dense":
        shape = (SIZE,)
        alpha = Dense(torch.eye(SIZE).double() + 0.4 * numbers(seed, SIZE, SIZE))
        beta = Dense(torch.eye(SIZE).double() + 0.4 * numbers(seed + 50, SIZE, SIZE))
        factor = numbers(seed + 100, SIZE, SIZE)
        quadratic = Dense(-factor @ factor.T - 0.1 * torch.eye(SIZE).double())
    elif kind == "fourier":
        shape = (1, 4, 5)
        alpha, beta = Fourier(0.5 * power_law(4, 5, 1.0)), Fourier(gaussian_blur(4, 5, 1.0))
        quadratic = Fourier(-gaussian_blur(4, 5, 0.7) - 0.1)
    else:
        shape = (SIZE,)
        alpha = Hadamard(0.1 + 0.8 * torch.sigmoid(numbers(seed, 1, SIZE)))
        beta, quadratic = identity() - alpha, Hadamard(-numbers(seed + 1, 1, SIZE).square())
    return Process(alpha, beta), OperatorReward(quadratic, numbers(seed + 2, 1, *shape)), numbers(seed + 3, 5, *shape)


def oracle_of(shape, seed):
    size = int(np.prod(shape))
    factor = numbers(seed, size, size)
    return Gaussian(torch.linspace(-1, 2, size).double(), factor @ factor.T / size + 0.2 * torch.eye(size).double())


def tilted_by(oracle, reward, shape):
    a = torch.from_numpy(matrix(reward.quadratic, shape))
    precision = torch.linalg.inv(oracle.covariance)
    covariance = torch.linalg.inv(precision - a)
    return Gaussian(covariance @ (precision @ oracle.mean + reward.linear.flatten()), covariance)


KINDS = ("dense", "fourier", "hadamard")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_the_two_equations_of_operators(kind, seed):
    """(20) and (21) as matrices of NumPy."""
    process, reward, x = operator_case(kind, seed)
    shape = x.shape[1:]
    elsewhere, x_r = reward.elsewhere(process, x)
    alpha, beta, alpha_r, beta_r, a = (
        matrix(o, shape) for o in (process.alpha, process.beta, elsewhere.alpha, elsewhere.beta, reward.quadratic)
    )
    left, right = (b.T @ np.linalg.inv(m @ m.T) for m, b in ((alpha_r, beta_r), (alpha, beta)))
    np.testing.assert_allclose(left @ beta_r, right @ beta - a, atol=1e-8)
    rows, rows_r = (t.flatten(1).numpy() for t in (x, x_r))
    np.testing.assert_allclose(rows_r @ left.T, rows @ right.T + reward.linear.flatten().numpy(), atol=1e-8)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_the_drifts_under_a_reward_of_operators(kind, seed):
    process, reward, x = operator_case(kind, seed)
    oracle = oracle_of(x.shape[1:], seed)
    found = reward.drifts(oracle)(process, x)
    exact = tilted_by(oracle, reward, x.shape[1:])(process, x)
    torch.testing.assert_close(found.data, exact.data, atol=1e-8, rtol=0)
    torch.testing.assert_close(found.source, exact.source, atol=1e-7, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_ratio_of_densities_of_operators(kind):
    """(32), (33)."""
    process, reward, x = operator_case(kind, 4)
    shape = x.shape[1:]
    oracle = oracle_of(shape, 4)
    elsewhere, x_r = reward.elsewhere(process, x)
    left = tilted_by(oracle, reward, shape).log_density(process, x)
    moved, there = elsewhere.alpha.inverse(x_r), process.alpha.inverse(x)
    exponent = 0.5 * (moved.square() - there.square()).flatten(1).sum(dim=1).numpy()
    assert np.ptp(left - oracle.log_density(elsewhere, x_r) - exponent) < 1e-8


def test_a_mixture_under_a_reward_of_matrices():
    """Each component is tilted, and weighs as much as its mass under the reward."""
    process, reward, x = operator_case("dense", 6)
    components = tuple(
        Gaussian(m * torch.ones(SIZE).double(), oracle_of((SIZE,), s).covariance) for m, s in ((-1.0, 1), (1.5, 2))
    )
    tilted_ones = tuple(tilted_by(c, reward, (SIZE,)) for c in components)
    clean = Process(Scalar(torch.tensor(0.0).double()), identity())
    at = numbers(9, 1, SIZE)
    # Mass of exp r under a component: its density times exp r over the tilted one's, at any point.
    masses = [
        np.exp(c.log_density(clean, at) + reward(at).numpy() - t.log_density(clean, at)).item()
        for c, t in zip(components, tilted_ones, strict=True)
    ]
    weights = (0.3, 0.7)
    tilted_weights = np.array(weights) * masses / np.dot(weights, masses)
    found = reward.drifts(Mixture(weights, components))(process, x)
    exact = Mixture(tuple(tilted_weights), tilted_ones)(process, x)
    torch.testing.assert_close(found.data, exact.data, atol=1e-8, rtol=0)


def test_operators_and_numbers_agree():
    """The general form and the one entry by entry evaluate the model at the same place."""
    reward, alpha, x = random_case(3)
    process, x_r = OperatorReward(Hadamard(reward.quadratic), reward.linear).elsewhere(hadamard(alpha), x)
    expected_alpha, expected_x = reward.elsewhere(alpha, x)
    torch.testing.assert_close(process.alpha.values, expected_alpha, atol=1e-12, rtol=0)
    torch.testing.assert_close(x_r, expected_x, atol=1e-10, rtol=0)
    torch.testing.assert_close(OperatorReward(Hadamard(reward.quadratic), reward.linear)(x), reward(x))


def test_no_path_for_operators():
    up = OperatorReward(Dense(9 * torch.eye(SIZE).double()), numbers(0, 1, SIZE))
    halves = Process(*(Dense(0.5 * torch.eye(SIZE).double()) for _ in range(2)))
    with pytest.raises(ValueError, match="no path"):
        up.elsewhere(halves, numbers(1, 2, SIZE))
    few = numbers(7, SIZE, 2)  # a reward that is flat in two directions, at pure noise
    with pytest.raises(ValueError, match="start a little below"):
        pure = Process(Dense(torch.eye(SIZE).double()), Dense(torch.zeros(SIZE, SIZE).double()))
        OperatorReward(Dense(-few @ few.T), numbers(0, 1, SIZE)).elsewhere(pure, numbers(1, 2, SIZE))
    flat = OperatorReward(Dense(torch.zeros(SIZE, SIZE).double()), numbers(0, 1, SIZE))
    pure = Process(Dense(torch.eye(SIZE).double()), Dense(torch.zeros(SIZE, SIZE).double()))
    with pytest.raises(ValueError, match="no path"):
        flat.elsewhere(pure, numbers(1, 2, SIZE))


def test_a_fixture():
    """alpha = 0.6, A = -1, b = 0.5, x = 0.3: q = 0.52."""
    one = torch.ones(1, 1, dtype=torch.float64)
    alpha_r, x_r = QuadraticReward(-one, 0.5 * one).elsewhere(0.6 * one, 0.3 * one)
    assert alpha_r.item() == pytest.approx(0.4541634566, abs=1e-10)
    assert x_r.item() == pytest.approx(0.3149056981, abs=1e-10)


@pytest.mark.parametrize("k", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("alpha", [0.2, 0.5, 0.9])
def test_alpha_is_the_positive_root(k, alpha):
    """(62), solved numerically."""
    bracket = ((1 - alpha) / alpha) ** 2 + k - 1
    root = brentq(lambda a: a * a * bracket + 2 * a - 1, 0, 1)
    one = torch.ones(1, 1, dtype=torch.float64)
    found, _ = QuadraticReward(-k * one, 0 * one).elsewhere(alpha * one, one)
    assert found.item() == pytest.approx(root, abs=1e-9) and found.item() <= alpha


def test_pure_noise_is_a_regular_place_for_a_quadratic_reward():
    one = torch.ones(1, 1, dtype=torch.float64)
    alpha_r, _ = QuadraticReward(-4 * one, one).elsewhere(one, one)
    assert alpha_r.item() == pytest.approx(1 / 3)


def bimodal(points):
    left, right = np.exp(-0.5 * ((points + 1) / 0.4) ** 2), np.exp(-0.5 * ((points - 1.2) / 0.5) ** 2)
    return left + 1.2 * right


POINTS = np.linspace(-8, 8, 20001)


def by_quadrature(weights):
    """Drifts of a one-dimensional density on POINTS, by Bayes' rule."""

    def drifts(process, x):
        alpha, beta = process.alpha.values.item(), process.beta.values.item()
        likelihood = np.exp(-0.5 * ((x.numpy() - beta * POINTS) / alpha) ** 2) * weights
        data = (likelihood * POINTS).sum(axis=1, keepdims=True) / likelihood.sum(axis=1, keepdims=True)
        return Endpoints((x - beta * torch.from_numpy(data)) / alpha, torch.from_numpy(data))

    return drifts


@pytest.mark.parametrize(
    ("a", "b", "alphas"),
    [
        (-1.7, 0.0, (0.1, 0.5, 0.9, 1.0)),
        (-0.6, 0.8, (0.1, 0.5, 1.0)),
        (0.0, 0.7, (0.1, 0.5, 0.9)),
        (0.5, 0.2, (0.1, 0.5)),
    ],
)
def test_a_bimodal_density_by_quadrature(a, b, alphas):
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    one = torch.ones(1, 1, dtype=torch.float64)
    reward = QuadraticReward(a * one, b * one)
    tilted_weights = bimodal(POINTS) * np.exp(0.5 * a * POINTS**2 + b * POINTS)
    for alpha in alphas:
        found = reward.drifts(by_quadrature(bimodal(POINTS)))(hadamard(alpha * one), x)
        exact = by_quadrature(tilted_weights)(hadamard(alpha * one), x)
        torch.testing.assert_close(found.data, exact.data, atol=1e-9, rtol=0)
        torch.testing.assert_close(found.source, exact.source, atol=1e-8, rtol=0)


@pytest.mark.parametrize(("a", "alpha"), [(1.0, 0.5), (4.0, 0.4), (0.0, 1.0), (9.0, 0.3)])
def test_where_there_is_no_path(a, alpha):
    """A > 0 only below 1 / (1 + sqrt A); a linear reward alone only below 1."""
    one = torch.ones(1, 1, dtype=torch.float64)
    reward = QuadraticReward(a * one, one)
    with pytest.raises(ValueError, match="no path"):
        reward.elsewhere(alpha * one, one)
    limit = 1 / (1 + a**0.5)
    assert torch.isfinite(reward.elsewhere((limit - 1e-6) * one, one)[1]).all()


def test_rewards_of_rows():
    reward = QuadraticReward(torch.tensor([[2.0, -1.0]]), torch.tensor([[0.5, 1.0]]))
    assert reward(torch.tensor([[1.0, 2.0], [0.0, 0.0]])).tolist() == [1.0 - 2.0 + 0.5 + 2.0, 0.0]


def test_one_number_for_all_entries():
    reward, _, x = random_case(0)
    number, entries = (
        kind(0.4 * torch.ones(shape).double()) for kind, shape in ((Scalar, ()), (Hadamard, (1, SIZE)))
    )
    ends = reward.drifts(gaussian())
    found = ends(Process(number, Scalar(torch.tensor(0.6).double())), x)
    torch.testing.assert_close(found.data, ends(Process(entries, hadamard(entries.values).beta), x).data)


@pytest.mark.parametrize(
    "process",
    [
        Process(Dense(torch.eye(SIZE).double()), Dense(torch.eye(SIZE).double())),
        Process(Scalar(torch.tensor(0.6)), Scalar(torch.tensor(0.8))),
    ],
    ids=["matrices", "other-sum"],
)
def test_other_processes_are_refused(process):
    reward, _, x = random_case(0)
    with pytest.raises(ValueError, match="diagonal reward needs"):
        reward.drifts(gaussian())(process, x)


# Noisy observations --------------------------------------------------------------------------------------


def test_the_posterior_of_a_noisy_observation():
    """The flow from pure noise ends at N(C_r (C^-1 mu + b), C_r), whatever was known how well."""
    oracle, sigma = gaussian(), 0.4
    known = torch.tensor([[1, 0, 1, 0]], dtype=torch.float64)
    y = torch.tensor([[0.3, 77.0, -1.0, 77.0]], dtype=torch.float64)
    drifts = observation(y, known, sigma).drifts(oracle)
    path = HadamardPath(torch.ones(1, SIZE).double())
    noise = torch.cat([torch.zeros(1, SIZE), torch.eye(SIZE)]).double()
    # The very end, where alpha is 0, is left to one Euler step.
    almost = torch.tensor(1 - 1e-6, dtype=torch.float64)
    ended = integrate(
        lambda x, t: path.velocity(drifts(path.at(t[0]), x), t[0]),
        noise,
        method="rk4",
        steps=600,
        span=(0.0, almost.item()),
    ).x
    ended = ended + path.increment(drifts(path.at(almost), ended), almost, torch.ones_like(almost))

    h = torch.eye(SIZE).double()[known[0] > 0]
    gain = oracle.covariance @ h.T @ torch.linalg.inv(h @ oracle.covariance @ h.T + sigma**2 * torch.eye(2).double())
    mean = oracle.mean + gain @ (y[0, known[0] > 0] - h @ oracle.mean)
    covariance = oracle.covariance - gain @ h @ oracle.covariance
    linear = (ended[1:] - ended[0]).T
    torch.testing.assert_close(ended[0], mean, atol=1e-5, rtol=0)
    torch.testing.assert_close(linear @ linear.T, covariance, atol=2e-4, rtol=0)
    assert np.abs(np.real(sqrtm(covariance.numpy()))).max() > 0.3  # there is a spread to speak of


def test_an_observation_at_pure_noise():
    """At alpha = 1 the model is evaluated at alpha_r = sigma / (1 + sigma), x_r = y / (1 + sigma), where known."""
    sigma, y = 0.25, torch.tensor([[0.7, -3.0]], dtype=torch.float64)
    known = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    alpha = torch.tensor([[1.0, 0.6]], dtype=torch.float64)
    x = torch.tensor([[5.0, 0.2]], dtype=torch.float64)
    alpha_r, x_r = observation(y, known, sigma).elsewhere(alpha, x)
    torch.testing.assert_close(alpha_r, torch.tensor([[0.2, 0.6]], dtype=torch.float64))
    torch.testing.assert_close(x_r, torch.tensor([[0.7 / 1.25, 0.2]], dtype=torch.float64))


def test_an_observation_without_noise_is_refused():
    with pytest.raises(ValueError, match="deviation"):
        observation(torch.ones(1, 2), torch.ones(1, 2), 0.0)
