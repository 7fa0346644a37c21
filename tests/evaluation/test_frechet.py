"""The Fréchet distance against SciPy and torch-fidelity, and the ResNet-20 on real dogs."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.linalg import sqrtm

from latentinpaint.data.collections import from_range, open_collection
from latentinpaint.errors import InputError
from latentinpaint.evaluation.frechet import ResNet20, features_of, frechet_distance, load_resnet20


def features(rows=200, width=6, seed=0, shift=0.0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(size=(rows, width)) @ rng.normal(size=(width, width)) + shift)


@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_it_is_scipys(shift):
    one, other = features(seed=1), features(150, seed=2, shift=shift)
    (a, b), (c, d) = ((f.numpy().mean(axis=0), np.cov(f.numpy(), rowvar=False)) for f in (one, other))
    expected = ((a - c) ** 2).sum() + np.trace(b + d - 2 * np.real(sqrtm(b @ d)))
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-9)


def test_it_is_torch_fidelitys():
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    one, other = features(seed=1), features(seed=2, shift=0.5)
    statistics = [fid_features_to_statistics(f) for f in (one, other)]
    expected = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-6)


def test_known_distances():
    one = features()
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(one, one + 2) == pytest.approx(6 * 4, rel=1e-9)
    # Fewer rows than features: a singular covariance is none of its business.
    assert frechet_distance(one[:4], one[:4] + 1) == pytest.approx(6, rel=1e-6)


def test_what_cannot_be_compared():
    with pytest.raises(ValueError, match="cannot be compared"):
        frechet_distance(features(1), features())
    with pytest.raises(ValueError, match="cannot be compared"):
        frechet_distance(features(width=5), features())


def test_other_weights_are_refused(tmp_path):
    (tmp_path / "no.safetensors").write_bytes(b"nothing")
    save_file({"conv1.weight": torch.zeros(16, 3, 3, 3)}, tmp_path / "few.safetensors")
    for name in ("no", "few", "absent"):
        with pytest.raises(InputError, match="ResNet-20"):
            load_resnet20(tmp_path / f"{name}.safetensors")


def test_real_dogs_are_dogs(shared_data):
    """The published weights have 91.4 % on CIFAR-10's test set, so most of its dogs are known as dogs."""
    network = load_resnet20(shared_data / "weights" / "cifar10_resnet20.safetensors")
    dogs = from_range(open_collection(str(shared_data / "cifar10_dogs" / "test.webp"), 32, 3).first())
    found = features_of(network, dogs)
    assert found.shape == (1000, 64)
    assert (network.linear(found).argmax(dim=1) == 5).float().mean() > 0.8
    torch.testing.assert_close(found[:3], features_of(network, dogs[:3]), atol=1e-4, rtol=1e-4)


def test_the_networks_size():
    assert sum(p.numel() for p in ResNet20().parameters()) == 269_722
