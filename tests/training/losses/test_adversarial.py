"""LaMa's losses against closed forms, finite differences and numbers worked out by hand."""

import math

import pytest
import torch

from latentinpaint.models.discriminator import DiscriminatorOutput
from latentinpaint.training.losses.adversarial import (
    discriminator_loss,
    feature_matching,
    generator_loss,
    masked_l1,
    mean_probability,
    r1_penalty,
)


def judgement(scores, features=()):
    return DiscriminatorOutput(torch.as_tensor(scores, dtype=torch.float64).reshape(1, 1, 1, -1), list(features))


def test_generator_loss_is_minus_the_log_probability_of_real():
    probabilities = [0.5, 0.9, 0.01]
    scores = [math.log(p / (1 - p)) for p in probabilities]
    expected = -sum(math.log(p) for p in probabilities) / 3
    assert generator_loss(judgement(scores)).item() == pytest.approx(expected, rel=1e-12)


def test_generator_loss_does_not_saturate():
    scores = torch.tensor([-40.0], dtype=torch.float64, requires_grad=True)
    generator_loss(judgement(scores)).backward()
    assert scores.grad.item() == pytest.approx(-1.0, abs=1e-12)


def test_discriminator_loss_by_hand():
    """Two patches, one all hole, one a quarter: the target is fake only for the share that is hole."""
    real, fake = [0.8, 0.7], [0.3, 0.6]  # probabilities of "real"
    shares = [1.0, 0.25]
    expected = sum(-math.log(p) for p in real) / 2
    expected += sum(-h * math.log(1 - p) - (1 - h) * math.log(p) for h, p in zip(shares, fake, strict=True)) / 2
    to_scores = [[math.log(p / (1 - p)) for p in probabilities] for probabilities in (real, fake)]
    filled = torch.tensor(shares, dtype=torch.float64).reshape(1, 1, 1, 2)
    found = discriminator_loss(judgement(to_scores[0]), judgement(to_scores[1]), filled)
    assert found.item() == pytest.approx(expected, rel=1e-6)


def test_the_best_discriminator_predicts_the_share_of_real():
    """On equal pictures, half of a patch hole: minimising by hand gives the probability (1 + 1/2) / 2."""
    score = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    half = torch.full((1, 1, 1, 1), 0.5, dtype=torch.float64)
    optimizer = torch.optim.LBFGS([score], max_iter=50, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = discriminator_loss(judgement(score), judgement(score), half)
        loss.backward()
        return loss

    optimizer.step(closure)
    assert torch.sigmoid(score).item() == pytest.approx(0.75, abs=1e-6)


def test_r1_of_a_linear_and_of_a_quadratic_score():
    inputs = torch.randn(4, 3, 5, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 5, 5, dtype=torch.float64, requires_grad=True)
    penalty = r1_penalty((inputs * weight).sum(dim=(1, 2, 3)), inputs)
    assert penalty.item() == pytest.approx(weight.square().sum().item(), rel=1e-6)
    (by_weight,) = torch.autograd.grad(penalty, weight)  # it can be minimised: d|w|²/dw = 2w
    assert torch.allclose(by_weight, 2 * weight, rtol=1e-6)
    quadratic = r1_penalty(inputs.square().sum(dim=(1, 2, 3)), inputs)
    assert quadratic.item() == pytest.approx(4 * inputs.square().sum(dim=(1, 2, 3)).mean().item(), rel=1e-6)


def test_feature_matching_is_the_mean_over_layers_and_reaches_the_prediction_alone():
    fake = [torch.full((1, 1, 2, 2), 1.0, requires_grad=True), torch.full((1, 9, 1, 1), 3.0, requires_grad=True)]
    real = [torch.full((1, 1, 2, 2), 3.0, requires_grad=True), torch.full((1, 9, 1, 1), 4.0, requires_grad=True)]
    loss = feature_matching(judgement([0.0], fake), judgement([0.0], real))
    assert loss.item() == pytest.approx((4 + 1) / 2)
    loss.backward()
    assert all(f.grad is not None for f in fake)
    assert all(r.grad is None for r in real)


def test_masked_l1_by_hand():
    prediction, target = torch.tensor([[[[1.0, 2.0, 5.0, 0.0]]]]), torch.zeros(1, 1, 1, 4)
    hole = torch.tensor([[[[1.0, 0.0, 0.0, 1.0]]]])
    assert masked_l1(prediction, target, hole, known=10.0, missing=0.0).item() == pytest.approx(10 * (2 + 5) / 4)
    assert masked_l1(prediction, target, hole, known=0.0, missing=2.0).item() == pytest.approx(2 * (1 + 0) / 4)
    assert masked_l1(prediction, target, hole, known=1.0, missing=1.0).item() == pytest.approx(8 / 4)


def test_mean_probability_is_weighted():
    scores = judgement([math.log(3), -50.0])
    left = torch.tensor([[[[1.0, 0.0]]]])
    assert mean_probability(scores, left).item() == pytest.approx(0.75, rel=1e-6)
