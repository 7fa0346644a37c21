"""Objectives: identities between them, their minimisers by least squares, and what weights do."""

import pytest
import torch
from oracles import Gaussian

from latentinpaint.errors import InputError
from latentinpaint.interpolants import ScheduledPath
from latentinpaint.interpolants.objectives import (
    WEIGHTINGS,
    one_sided_noise,
    one_sided_velocity,
    squared_error,
    weighted_mean,
)


def numbers(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def weights(seed=4):
    """A mask's: 1 where known, 10 in the hole."""
    hole = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(seed)) > 0.6
    return torch.where(hole, 10.0, 1.0).double()


SHAPE = (3, 2, 4, 4)


def test_the_one_sided_losses_are_squared_errors_less_a_constant():
    """MSE = (2 l_b + |dI|^2) / d, and the same for eta whose target is -x_0."""
    prediction, target = numbers(*SHAPE), numbers(*SHAPE, seed=1)
    constant = target.square().flatten(1).sum(dim=1).mean()
    expected = squared_error(prediction, target)
    torch.testing.assert_close((2 * one_sided_velocity(prediction, target) + constant) / 32, expected)
    torch.testing.assert_close((2 * one_sided_noise(prediction, -target) + constant) / 32, expected)


LOSSES = {
    "squared_error": squared_error,
    "one_sided_velocity": one_sided_velocity,
    "one_sided_noise": one_sided_noise,
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_equal_weights_are_none(loss):
    prediction, target = numbers(*SHAPE), numbers(*SHAPE, seed=1)
    for weighting in WEIGHTINGS:
        torch.testing.assert_close(
            loss(prediction, target, torch.ones(3, 1, 4, 4).double(), weighting), loss(prediction, target)
        )


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_exact_weights_have_no_scale(loss):
    prediction, target = numbers(*SHAPE), numbers(*SHAPE, seed=1)
    one, thrice = (loss(prediction, target, scale * weights()) for scale in (1, 3))
    torch.testing.assert_close(one, thrice)


def test_weights_by_hand():
    values = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])  # (1, 2, 1, 2)
    weight = torch.tensor([[[[1.0, 3.0]]]])
    assert weighted_mean(values, weight).item() == pytest.approx((1 + 6 + 3 + 12) / 8)
    assert weighted_mean(values, weight, "mean").item() == pytest.approx(2 * 2.5)


def test_items_have_equal_shares():
    """Two items with one and with three entries that count, one with none: (3 + mean(5, 6, 7)) / 2."""
    values = torch.tensor([[3.0, 9.0, 9.0, 9.0], [5.0, 6.0, 7.0, 9.0], [9.0, 9.0, 9.0, 9.0]], requires_grad=True)
    weight = torch.tensor([[2.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    mean = weighted_mean(values, weight, "items")
    assert mean.item() == pytest.approx((3 + 6) / 2)
    (slope,) = torch.autograd.grad(mean, values)
    torch.testing.assert_close(slope.sum(dim=1), torch.tensor([0.5, 0.5, 0.0]))
    assert weighted_mean(values, weight).item() == pytest.approx((2 * 3 + 18) / 5)  # the exact one shares by entries


def test_the_mean_weight_prefers_no_entry():
    """Its gradient is the unweighted one's, times a number: Adam hardly sees it. The exact one's is not."""
    target, prediction = numbers(*SHAPE, seed=1), numbers(*SHAPE).requires_grad_()
    (plain,) = torch.autograd.grad(squared_error(prediction, target), prediction)
    (mean,) = torch.autograd.grad(squared_error(prediction, target, weights(), "mean"), prediction)
    (exact,) = torch.autograd.grad(squared_error(prediction, target, weights()), prediction)
    torch.testing.assert_close(mean, weights().mean() * plain)
    ratio = exact / plain
    torch.testing.assert_close(ratio / ratio.min(), weights().expand(SHAPE))


@pytest.mark.parametrize("t", [0.2, 0.7])
def test_minimisers_are_the_drifts(t):
    """Affine predictions fitted by each loss's normal equations, against the Gaussian oracle."""
    g = torch.Generator().manual_seed(0)
    root = torch.randn(3, 3, generator=g, dtype=torch.float64)
    oracle = Gaussian(torch.randn(3, generator=g, dtype=torch.float64), root @ root.T + 0.1 * torch.eye(3).double())
    x_0 = torch.randn(200_000, 3, generator=g, dtype=torch.float64)
    noise = torch.randn(200_000, 3, generator=g, dtype=torch.float64)
    x_1 = oracle.mean + noise @ torch.linalg.cholesky(oracle.covariance).T
    path, t = ScheduledPath(), torch.tensor(t, dtype=torch.float64)
    process = path.at(t)
    x, rate = process.point(x_0, x_1), path.rate(t).point(x_0, x_1)
    design = torch.cat([x, torch.ones(len(x), 1).double()], dim=1)
    ends = oracle(process, x[:100])
    expected = {
        one_sided_velocity: (rate, path.velocity(ends, t)),
        one_sided_noise: (x_0, -ends.source),
        squared_error: (x_0 - x_1, ends.difference),
    }
    for loss, (target, exact) in expected.items():
        # The loss is quadratic, so its slope is affine in the fit: where it vanishes is one linear solve, with the
        # curvature taken from the loss itself.
        def slope(fit, loss=loss, target=target):
            fit = fit.reshape(4, 3).requires_grad_()
            return torch.autograd.grad(loss(design @ fit, target), fit)[0].flatten()

        at_zero = slope(torch.zeros(12).double())
        curvature = torch.stack([slope(unit) - at_zero for unit in torch.eye(12).double()], dim=1)
        fit = -torch.linalg.solve(curvature, at_zero).reshape(4, 3)
        torch.testing.assert_close(design[:100] @ fit, exact, atol=4e-2, rtol=0)


def test_noise_and_velocity_say_the_same():
    """eta = t b - x on the linear path."""
    oracle, t = Gaussian(torch.ones(2).double(), torch.eye(2).double()), torch.tensor(0.3, dtype=torch.float64)
    x = numbers(5, 2)
    ends = oracle(ScheduledPath().at(t), x)
    torch.testing.assert_close(t * ScheduledPath().velocity(ends, t) - x, -ends.source)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_shapes_that_would_broadcast_wrongly(loss):
    with pytest.raises(ValueError, match="not compared"):
        loss(numbers(3, 1), numbers(3))
    for weighting in WEIGHTINGS:
        with pytest.raises(ValueError, match="do not fit"):
            loss(numbers(3, 3), numbers(3, 3), torch.ones(3).double(), weighting)


def test_unknown_weighting():
    with pytest.raises(InputError, match="'median'.*exact"):
        squared_error(numbers(2, 2), numbers(2, 2), torch.ones(2, 1), "median")
