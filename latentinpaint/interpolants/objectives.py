r"""Objectives: losses whose minimisers are the drifts, in the weights a mask gives.

Squared errors find conditional expectations. For endpoints :math:`x_0, x_1` and their interpolant I,

.. math::
    \mathbb E\|\hat\eta_0(\alpha, \beta, I) - x_0\|^2, \qquad
    \mathbb E\|\hat\eta_1(\alpha, \beta, I) - x_1\|^2, \qquad
    \mathbb E\|\hat\eta(\alpha, I) - (x_0 - x_1)\|^2 \tag{3, 4, 11}

are `squared_error` with the respective target. The one-sided losses drop a constant, and so may be negative:

.. math::
    \ell_b = \tfrac12\|\hat b\|^2 - \langle \partial_t I, \hat b\rangle, \qquad
    \ell_\eta = \tfrac12\|\hat\eta\|^2 + \langle \hat\eta, x_0\rangle,

minimal at :math:`b = \mathbb E[\partial_t I \mid I]` and :math:`\eta = -\mathbb E[x_0 \mid I]` (note the sign: the
score is then :math:`\eta / \alpha`). Sources: arXiv 2508.04605 (3, 4, 11); Albergo, Boffi, Vanden-Eijnden,
"Stochastic Interpolants", arXiv 2303.08797, and the code published with it, whose sign of eta this is.

A weight (B or 1, C or 1, …), 0 or more, says how much an entry counts; its scale does not matter to the ``"exact"``
weighting, whose mean is 0 where no entry counts. ``"items"`` is exact within every item and averages over the items
that count, so that each has an equal share of the loss, however many of its entries count. ``"mean"`` multiplies the
unweighted loss by the weight's mean: no entry counts more than another, which is what the mask-conditioned CIFAR-10
study did. Where several processes train together (`runtime.processes.one_batch`), the weights of all of them count.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from latentinpaint.errors import choose
from latentinpaint.interpolants.broadcasting import fitting
from latentinpaint.runtime.processes import batch_mean


def squared_error(
    prediction: Tensor, target: Tensor, weight: Tensor | None = None, weighting: str = "exact"
) -> Tensor:
    """Mean squared error over all entries of prediction and target, (B, …) both."""
    _check_same_shape(prediction, target)
    return weighted_mean((prediction - target).square(), weight, weighting)


def one_sided_velocity(
    prediction: Tensor, rate: Tensor, weight: Tensor | None = None, weighting: str = "exact"
) -> Tensor:
    """The loss of b, summed over an item's entries and averaged over items; `rate` is the derivative of I."""
    _check_same_shape(prediction, rate)
    values = 0.5 * prediction.square() - rate * prediction
    return values[0].numel() * weighted_mean(values, weight, weighting)


def one_sided_noise(
    prediction: Tensor, x_0: Tensor, weight: Tensor | None = None, weighting: str = "exact"
) -> Tensor:
    """The loss of eta = -E[x_0 | I], summed over an item's entries and averaged over items."""
    _check_same_shape(prediction, x_0)
    values = 0.5 * prediction.square() + x_0 * prediction
    return values[0].numel() * weighted_mean(values, weight, weighting)


def weighted_mean(values: Tensor, weight: Tensor | None = None, weighting: str = "exact") -> Tensor:
    """Mean of (B, …) with a weight that broadcasts against it; None is the plain mean.

    Raises:
        InputError: if there is no such weighting.
        ValueError: if the weight has not as many dimensions as the values, each as long as theirs or 1.
    """
    weighted = choose(WEIGHTINGS, weighting, "weighting")
    if weight is None:
        return values.mean()
    return weighted(values, fitting(weight, values))


def hole_weights(hole: Tensor, weight: float) -> Tensor:
    """The weight of each entry: `weight` where `hole` is 1, 1 where it is 0."""
    return 1 + (weight - 1) * hole


def _check_same_shape(prediction: Tensor, target: Tensor) -> None:
    if prediction.shape != target.shape:
        raise ValueError(f"a prediction {tuple(prediction.shape)} is not compared with {tuple(target.shape)}")


def _exact(values: Tensor, weight: Tensor) -> Tensor:
    weight = weight.expand_as(values)
    # A batch without any weight has nothing to learn from: 0, not 0 / 0.
    return (weight * values).sum() / batch_mean(weight.sum()).clamp(min=torch.finfo(values.dtype).tiny)


def _exact_by_items(values: Tensor, weight: Tensor) -> Tensor:
    weight = weight.expand_as(values).flatten(1)
    total = weight.sum(dim=1)
    each = (weight * values.flatten(1)).sum(dim=1) / total.clamp(min=torch.finfo(values.dtype).tiny)
    counted = batch_mean((total > 0).sum().to(values.dtype))
    return each.sum() / counted.clamp(min=torch.finfo(values.dtype).tiny)


def _by_the_mean(values: Tensor, weight: Tensor) -> Tensor:
    return batch_mean(weight.mean()) * values.mean()


WEIGHTINGS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "exact": _exact,
    "items": _exact_by_items,
    "mean": _by_the_mean,
}
