"""Distances of features: closed forms for Gaussians, SciPy, torch-fidelity, and the kernel's mean by definition."""

import statistics

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric

from latentinpaint.errors import InputError
from latentinpaint.metrics import distances
from latentinpaint.metrics.distances import (
    f1_of_ssim_and_fid,
    few_pictures,
    frechet_distance,
    kernel_distance,
)


def features(rows=200, width=6, seed=0, shift=0.0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(size=(rows, width)) @ rng.normal(size=(width, width)) + shift)


def exactly(mean, variances, rows=50, seed=0):
    """Rows whose mean and covariance, turned by one rotation for every seed, are exactly these."""
    rng = np.random.default_rng(seed)
    width = len(variances)
    drawn = rng.normal(size=(rows, width))
    columns = np.linalg.qr(drawn - drawn.mean(axis=0))[0] * np.sqrt((rows - 1) * np.array(variances))
    turn = np.linalg.qr(np.random.default_rng(99).normal(size=(width, width)))[0]
    return torch.from_numpy((columns + mean) @ turn)


def root_error(one, other):
    """How far rounding may move a distance of singular sets, a bound in its terms.

    An eigenvalue of the product of the covariances that is 0 comes out at up to size * eps times the largest, and its
    root enters twice: far more than eps times the distance itself.
    """
    width = one.shape[1]
    largest = [np.linalg.eigvalsh(np.cov(part.double().numpy(), rowvar=False))[-1] for part in (one, other)]
    return 2 * width * np.sqrt(width * np.finfo(np.float64).eps * largest[0] * largest[1])


# ---- Fréchet


@pytest.mark.parametrize(
    ("mean", "one", "other"),
    [
        ([0, 0, 0], [1, 4, 9], [1, 4, 9]),
        ([0, 0, 0], [1, 4, 9], [9, 1, 4]),
        ([1, -2, 0.5], [1, 4, 9], [0.25, 16, 1]),
        ([3, 0, 0], [0, 1, 2], [5, 0, 2]),  # singular
    ],
)
def test_gaussians_whose_covariances_commute(mean, one, other):
    expected = sum(m**2 + (a**0.5 - b**0.5) ** 2 for m, a, b in zip(mean, one, other, strict=True))
    first, second = exactly([0, 0, 0], one), exactly(mean, other, rows=80, seed=1)
    tolerance = 1e-9
    if 0 in (*one, *other):
        tolerance = root_error(first, second)
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-9, abs=tolerance)


@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_it_is_scipys(shift):
    one, other = features(seed=1), features(150, seed=2, shift=shift)
    (a, b), (c, d) = ((f.numpy().mean(axis=0), np.cov(f.numpy(), rowvar=False)) for f in (one, other))
    expected = ((a - c) ** 2).sum() + np.trace(b + d - 2 * np.real(sqrtm(b @ d)))
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("rows", [200, 40, 8])
def test_it_is_torch_fidelitys(rows):
    """Also with fewer rows than columns."""
    one, other = features(rows, 20, seed=1), features(rows, 20, seed=2, shift=0.5)
    stats = [fid_features_to_statistics(f) for f in (one, other)]
    expected = fid_statistics_to_metric(*stats, verbose=False)["frechet_inception_distance"]
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-6, abs=root_error(one, other))


def test_known_distances():
    one = features()
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(one, one + 2) == pytest.approx(6 * 4, rel=1e-9)
    # Fewer rows than features: a singular covariance is none of its business.
    assert frechet_distance(one[:4], one[:4] + 1) == pytest.approx(6, rel=1e-6, abs=root_error(one[:4], one[:4]))
    few = features(5, 40)
    doubled = np.trace(np.cov(few.numpy(), rowvar=False)) + few.mean(dim=0).square().sum().item()
    assert frechet_distance(few, 2 * few) == pytest.approx(doubled, rel=1e-6, abs=root_error(few, 2 * few))


@pytest.mark.parametrize("rows", [200, 4])
def test_it_is_symmetric_and_blind_to_order_rotation_and_a_common_shift(rows):
    one, other = features(rows, seed=1), features(rows + 3, seed=2)
    expected = frechet_distance(one, other)
    turn = torch.linalg.qr(features(6, seed=3))[0]
    same = pytest.approx(expected, rel=1e-6, abs=root_error(one, other))
    assert frechet_distance(other, one) == same
    assert frechet_distance(one.flip(0), other) == same
    assert frechet_distance(one @ turn, other @ turn) == same
    assert frechet_distance(one + 5, other + 5) == same


def test_float32_features_are_compared_in_float64():
    one, other = features(seed=1).float(), features(seed=2).float()
    assert frechet_distance(one, other) == frechet_distance(one.double(), other.double())


@pytest.mark.parametrize(("distance", "least"), [(frechet_distance, 2), (kernel_distance, 4)])
def test_what_cannot_be_compared(distance, least):
    distance(features(least), features())
    for one, other in [
        (features(least - 1), features()),
        (features(), features(least - 1)),
        (features(width=5),) * 2,
    ]:
        with pytest.raises(InputError, match="cannot be compared|needs . in each"):
            distance(one, other[:, :4] if one is other else other)


# ---- the kernel's


def unbiased(one, other):
    """The squared maximum mean discrepancy over all rows: no row is compared with itself."""

    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1) ** 3

    def within(a):
        return kernel(a, a)[~np.eye(len(a), dtype=bool)].mean()

    one, other = one.numpy(), other.numpy()
    return within(one) + within(other) - 2 * kernel(one, other).mean()


@pytest.mark.parametrize(("rows", "others"), [(60, 60), (40, 90), (5, 4)])
def test_the_kernel_distance_is_torch_fidelitys(rows, others):
    one, other = features(rows, seed=1), features(others, seed=2, shift=0.5)
    found = kernel_distance(one, other, seed=7)
    subset = min(rows, others) // 2
    expected = kid_features_to_metric(one, other, kid_subset_size=subset, rng_seed=7, verbose=False)
    assert found.mean == pytest.approx(expected["kernel_inception_distance_mean"], rel=1e-9)
    assert found.standard_deviation == pytest.approx(expected["kernel_inception_distance_std"], rel=1e-9)
    assert found.subset == subset


@pytest.mark.parametrize("shift", [0.0, 0.5, 2.0])
def test_the_mean_over_subsets_is_the_discrepancy_of_all_rows(shift):
    one, other = features(80, seed=1), features(100, seed=2, shift=shift)
    found = kernel_distance(one, other)
    error = found.standard_deviation / distances.KERNEL_SUBSETS**0.5
    assert found.mean == pytest.approx(unbiased(one, other), abs=3 * error)


def test_sets_of_one_distribution_have_a_distance_of_zero_on_average():
    drawn = torch.from_numpy(np.random.default_rng(0).normal(size=(40, 2, 30, 8)))
    found = np.array([kernel_distance(one, other).mean for one, other in drawn])
    assert abs(found.mean()) < 3 * found.std(ddof=1) / len(found) ** 0.5
    assert found.min() < 0 < found.max()
    # The Fréchet distance is not: it grows as the sets shrink.
    few, many = (np.mean([frechet_distance(a[:n], b[:n]) for a, b in drawn]) for n in (10, 30))
    assert few > 2 * many > 0


def test_a_kernel_distance_is_drawn_by_its_seed():
    one, other = features(40, seed=1), features(40, seed=2)
    assert kernel_distance(one, other) == kernel_distance(one, other, seed=0)
    assert kernel_distance(one, other) != kernel_distance(one, other, seed=1)


@pytest.mark.parametrize(("rows", "subset"), [(4, 2), (21, 10), (22, 11), (23, 11), (24, 12), (60, 12)])
def test_a_subset_is_half_the_smaller_set_but_never_large(rows, subset, monkeypatch):
    monkeypatch.setattr(distances, "LARGEST_SUBSET", 12)
    assert kernel_distance(features(rows), features(60)).subset == subset


# ---- what to say about it


@pytest.mark.parametrize(
    ("count", "words"),
    [(2, "mostly bias"), (64, "mostly bias"), (65, "biased upwards"), (639, "biased upwards"), (640, None)],
)
def test_too_few_pictures_are_called_so(count, words):
    sentence = few_pictures(count, 64, "FD(resnet20)")
    if words is None:
        assert sentence is None
    else:
        assert words in sentence and sentence.startswith(f"FD(resnet20) of {count} pictures on 64 features")
        assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("ssim", "fid", "expected"),
    [
        (1.0, 0.0, 1.0),
        (0.5, 50.0, 0.5),
        (0.9, 30.0, statistics.harmonic_mean([0.9, 0.7])),
        (1.0, 75.0, 0.4),
        (0.8, 100.0, 0.0),
        (0.8, 250.0, 0.0),
        (0.0, 20.0, 0.0),
        (0.0, 100.0, 0.0),
    ],
)
def test_the_single_figure(ssim, fid, expected):
    assert f1_of_ssim_and_fid(ssim, fid) == pytest.approx(expected, rel=1e-12)
