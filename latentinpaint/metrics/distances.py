r"""Distances of two sets of features: Fréchet's and the kernel's.

The Fréchet distance is that of the Gaussians with the sets' means and covariances,

.. math:: |m_a - m_b|^2 + \mathrm{tr}\bigl(C_a + C_b - 2 (C_a C_b)^{1/2}\bigr)

(Heusel et al., arXiv 1706.08500). It is biased: the fewer pictures, the larger; compare equal numbers of pictures
only, and with no more pictures than features mistrust it. The kernel distance, the squared maximum mean discrepancy
of the kernel (x . y / d + 1)^3 (Bińkowski et al., arXiv 1801.01401), does not grow as pictures become few; it is
torch-fidelity's, the mean over random subsets, and its standard deviation over them says how sure it is.

Both are made for sets that have nothing to do with each other. Fills and truths are the same pictures, alike outside
the hole, so both come out lower than between other pictures of the same kind, and the kernel distance can fall below
zero. They compare methods on the same pictures, and nothing else.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch_fidelity.metric_kid import (
    KEY_METRIC_KID_MEAN,
    KEY_METRIC_KID_STD,
    kid_features_to_metric,
)

from latentinpaint.errors import InputError, count_of
from latentinpaint.runtime.device import check_same_device

KERNEL_SUBSETS = 100
LARGEST_SUBSET = 1000
RECOMMENDED_PICTURES = 10  # pictures a feature, below which a Fréchet distance is called biased


def frechet_distance(one: Tensor, other: Tensor) -> float:
    """The squared Fréchet distance of two sets of features (N, d) and (M, d), computed in float64.

    Raises:
        InputError: if a set has fewer than two pictures, their numbers of features differ, or one is no number.
    """
    _check_features(one, other, 2)
    one = one.double()
    other = other.double()
    covariance = torch.cov(one.T)
    other_covariance = torch.cov(other.T)
    # The trace of (C_a C_b)^(1/2) by the symmetric C_a^(1/2) C_b C_a^(1/2), which has the same eigenvalues.
    values, vectors = torch.linalg.eigh(covariance)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    product = torch.linalg.eigvalsh(root @ other_covariance @ root).clamp(min=0).sqrt().sum()
    shift = (one.mean(dim=0) - other.mean(dim=0)).square().sum()
    # Not below zero, which rounding could make of equal sets.
    return max(0.0, float(shift + covariance.trace() + other_covariance.trace() - 2 * product))


@dataclass(frozen=True)
class KernelDistance:
    """Mean and standard deviation over random subsets of so many pictures."""

    mean: float
    standard_deviation: float
    subset: int


def kernel_distance(one: Tensor, other: Tensor, seed: int = 0) -> KernelDistance:
    """The kernel distance of two sets of features (N, d) and (M, d).

    Subsets hold `LARGEST_SUBSET` pictures, or half of the smaller set where that is less: subsets of everything would
    all be the same one.

    Raises:
        InputError: if a set has fewer than four pictures, their numbers of features differ, or one is no number.
    """
    _check_features(one, other, 4)
    subset = min(LARGEST_SUBSET, min(len(one), len(other)) // 2)
    found = kid_features_to_metric(
        one.double(),
        other.double(),
        kid_subsets=KERNEL_SUBSETS,
        kid_subset_size=subset,
        kid_kernel="poly",
        kid_kernel_poly_degree=3,
        kid_kernel_poly_gamma=None,
        kid_kernel_poly_coef0=1,
        rng_seed=seed,
        verbose=False,
    )
    return KernelDistance(found[KEY_METRIC_KID_MEAN], found[KEY_METRIC_KID_STD], subset)


def few_pictures(count: int, dimension: int, name: str) -> str | None:
    """A sentence if `count` pictures are too few for a Fréchet distance of so many features; else None."""
    pictures = count_of(count, "picture")
    if count <= dimension:
        return (
            f"{name} of {pictures} on {dimension} features: with no more pictures than features it is mostly "
            "bias. Compare rows of this table at most, never with published figures, and see the kernel distance."
        )
    if count < RECOMMENDED_PICTURES * dimension:
        return (
            f"{name} of {pictures} on {dimension} features is biased upwards: "
            f"compare it with figures of as many pictures only, and see the kernel distance beside it."
        )
    return None


def f1_of_ssim_and_fid(ssim: float, fid: float) -> float:
    """LaMa's single figure: the harmonic mean of SSIM and of (100 - FID) / 100, each not below 0; nan if one is."""
    if math.isnan(ssim) or math.isnan(fid):
        return math.nan
    ssim = max(0.0, ssim)
    likeness = max(0.0, 100 - fid) / 100
    if ssim + likeness == 0:
        return 0.0
    return 2 * ssim * likeness / (ssim + likeness)


def _check_features(one: Tensor, other: Tensor, fewest: int) -> None:
    for features in (one, other):
        if not isinstance(features, Tensor) or features.ndim != 2 or not features.is_floating_point():
            shape = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
            raise InputError(f"features are a floating point tensor (pictures, features), not {shape}")
        if len(features) < fewest:
            raise InputError(f"the distance of two sets of pictures needs {fewest} in each, not {len(features)}")
        if not features.isfinite().all():
            raise InputError("the features of a picture are not numbers (NaN or infinite): is it in [0, 1]?")
    if one.shape[1] != other.shape[1]:
        raise InputError(f"sets of {one.shape[1]} and {other.shape[1]} features a picture cannot be compared")
    check_same_device(one, other)
