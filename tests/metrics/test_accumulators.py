"""The torchmetrics objects against the metrics themselves, in batches and on two processes.

Run as a program, this file is the second of those processes; it gets the file where they meet.
"""

import json
import math
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.metrics.accumulators import FeatureDistance, PictureMetric
from latentinpaint.metrics.distances import frechet_distance, kernel_distance
from latentinpaint.metrics.features import FeatureNetwork
from latentinpaint.metrics.pixels import L1, METRICS, PSNR, SSIM, evaluate_pair

COUNT = 9
PLACES = [("l1", None), ("l1", "hole"), ("psnr", "hole"), ("psnr", "band"), ("ssim", None), ("ssim", "band")]
SPLITS = [[9], [1] * 9, [4, 5], [2, 3, 1, 3]]


class Colours(FeatureNetwork):
    """Every channel's mean and deviation."""

    name, distance, kernel, dimension, smallest_side = "colours", "FD(colours)", "KD(colours)", 6, 2

    def forward(self, images):
        return torch.cat([images.mean(dim=(2, 3)), images.flatten(2).std(dim=2)], dim=1)


def pictures():
    """Fills, truths and masks; the third fill is perfect, the fifth picture has no hole."""
    generator = torch.Generator().manual_seed(0)
    truths = torch.rand(COUNT, 3, 24, 20, generator=generator)
    fills = (truths + 0.2 * torch.rand(truths.shape, generator=generator)) * 0.8
    masks = (torch.rand(COUNT, 1, 24, 20, generator=generator) > 0.7).float()
    fills[2], masks[4] = truths[2], 0
    return fills, truths, masks


def colours(images):
    """What `Colours` sees, by NumPy."""
    x = images.double().numpy()
    return torch.from_numpy(np.concatenate([x.mean(axis=(2, 3)), x.std(axis=(2, 3), ddof=1)], axis=1))


# ---- a metric of each picture


@pytest.mark.parametrize("split", SPLITS, ids=str)
@pytest.mark.parametrize(("name", "region"), PLACES)
def test_any_split_gives_the_mean_of_the_pictures(name, region, split):
    data = pictures()
    metric = PictureMetric(METRICS[name], region)
    for batch in zip(*(part.split(split) for part in data), strict=True):
        metric.update(*batch)
    key = name if region is None else f"{name}_{region}"
    values = evaluate_pair(*data, [METRICS[name]])[key].double().numpy()
    finite = values[np.isfinite(values)]
    assert metric.compute().item() == pytest.approx(finite.mean(), rel=1e-6)
    assert (metric.count.item(), metric.left_out.item()) == (len(finite), COUNT - len(finite))


def test_a_perfect_fill_counts_with_the_cap_and_a_picture_without_a_hole_is_left_out():
    metric = PictureMetric(PSNR(), "hole")
    metric.update(*pictures())
    assert (metric.count.item(), metric.left_out.item(), metric.capped.item()) == (8, 1, 1)


def test_of_equal_pictures_the_mean_is_the_cap_and_without_a_hole_nan():
    _, truths, masks = pictures()
    metric = PictureMetric(PSNR(), "hole")
    metric.update(truths, truths, masks)
    assert metric.compute() == 60 and metric.capped == COUNT - 1
    metric.reset()
    metric.update(truths, truths, 0 * masks)
    assert metric.compute().isnan() and metric.left_out == COUNT


def test_a_call_returns_its_batchs_value_and_adds_it():
    fills, truths, masks = pictures()
    metric = PictureMetric(L1(), "hole")
    each = evaluate_pair(fills, truths, masks, [L1()])["l1_hole"].double()
    assert metric(fills[:2], truths[:2], masks[:2]).item() == pytest.approx(each[:2].mean().item(), rel=1e-6)
    assert metric(fills[2:4], truths[2:4], masks[2:4]).item() == pytest.approx(each[2:4].mean().item(), rel=1e-6)
    assert metric.compute().item() == pytest.approx(each[:4].mean().item(), rel=1e-6)


def test_reset_forgets():
    fills, truths, masks = pictures()
    metric = PictureMetric(SSIM(), "hole")
    metric.update(fills, truths, masks)
    metric.reset()
    assert metric.count == metric.left_out == 0
    metric.update(fills[:3], truths[:3], masks[:3])
    expected = evaluate_pair(fills[:3], truths[:3], masks[:3], [SSIM()])["ssim_hole"].mean().item()
    assert metric.compute().item() == pytest.approx(expected, rel=1e-6)


def test_it_knows_what_is_better():
    assert PictureMetric(PSNR()).higher_is_better and not PictureMetric(L1()).higher_is_better


def test_what_has_no_value_is_refused():
    fills, truths, masks = pictures()
    with pytest.raises(InputError, match="MS-SSIM has no value in the region 'hole'"):
        PictureMetric(METRICS["ms_ssim"], "hole")
    with pytest.raises(InputError, match="region 'corner'"):
        PictureMetric(L1(), "corner")
    for region in ("hole", "band"):
        with pytest.raises(InputError, match="give one"):
            PictureMetric(L1(), region).update(fills, truths)
        with pytest.raises(InputError, match="mask has shape"):
            PictureMetric(L1(), region).update(fills, truths, masks[:2])


# ---- distances of features


@pytest.mark.parametrize("split", SPLITS, ids=str)
def test_any_split_gives_the_distance_of_all(split):
    fills, truths, _ = pictures()
    distance = FeatureDistance(Colours())
    for batch in zip(fills.split(split), truths.split(split), strict=True):
        distance.update(*batch)
    found = distance.compute()
    assert found == {
        "FD(colours)": pytest.approx(frechet_distance(colours(fills), colours(truths)), rel=1e-4),
        "KD(colours)": pytest.approx(kernel_distance(in_order(fills), in_order(truths)).mean, rel=1e-4),
    }
    turned = FeatureDistance(Colours())
    turned.update(fills.flip(0), truths.flip(0))
    assert turned.compute() == pytest.approx(found, rel=1e-6)


def in_order(images):
    """Features sorted as Python sorts lists of numbers."""
    return torch.tensor(sorted(colours(images).tolist()))


def test_few_pictures_have_fewer_distances():
    fills, truths, _ = pictures()
    distance = FeatureDistance(Colours())
    distance.update(fills[:1], truths[:1])
    with pytest.raises(InputError, match="needs 2 in each, not 1"):
        distance.compute()
    distance.update(fills[1:3], truths[1:3])
    assert list(distance.compute()) == ["FD(colours)"]
    distance.update(fills[3:4], truths[3:4])
    assert list(distance.compute()) == ["FD(colours)", "KD(colours)"]


def test_reset_forgets_the_features():
    fills, truths, _ = pictures()
    distance = FeatureDistance(Colours())
    distance.update(fills[:4], truths[:4])
    distance.reset()
    distance.update(fills[4:], truths[4:])
    expected = frechet_distance(colours(fills[4:]), colours(truths[4:]))
    assert distance.compute()["FD(colours)"] == pytest.approx(expected, rel=1e-4)


def test_pictures_too_small_for_the_network_are_refused():
    with pytest.raises(InputError, match="at least 2 pixels"):
        FeatureDistance(Colours()).update(torch.rand(2, 3, 1, 5), torch.rand(2, 3, 1, 5))


# ---- two processes


def accumulated(share: slice):
    """Figures of some pictures, in batches of two: by all processes, if there are several."""
    fills, truths, masks = (part[share].split(2) for part in pictures())
    metrics = {f"{name} {region}": PictureMetric(METRICS[name], region) for name, region in PLACES}
    distance = FeatureDistance(Colours())
    for fill, truth, mask in zip(fills, truths, masks, strict=True):
        if not len(fill):
            continue  # a share of nothing
        for metric in metrics.values():
            metric.update(fill, truth, mask)
        distance.update(fill, truth)
    found = {name: metric.compute().item() for name, metric in metrics.items()}
    return found | {name: float(value) for name, value in distance.compute().items()}


# What the two processes see: five and four pictures, every second one, all and none.
SHARES = {
    "halves": (slice(0, 5), slice(5, None)),
    "in turns": (slice(0, None, 2), slice(1, None, 2)),
    "nothing for one": (slice(None), slice(0, 0)),
}


def as_process(rank: int, meeting: Path, shares: str):
    """What this process computes of its share."""
    limit = timedelta(seconds=60)
    torch.distributed.init_process_group("gloo", f"file://{meeting}", rank=rank, world_size=2, timeout=limit)
    try:
        return accumulated(SHARES[shares][rank])
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.parametrize("shares", SHARES)
def test_two_processes_return_the_same_as_one(shares, tmp_path):
    expected = accumulated(slice(None))
    assert len(expected) == len(PLACES) + 2 and all(map(math.isfinite, expected.values()))
    command = [sys.executable, __file__, str(tmp_path / "meeting"), shares]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, **pipes) as other:
        try:
            found = as_process(0, tmp_path / "meeting", shares)
        finally:
            output, errors = other.communicate(timeout=60)
    assert other.returncode == 0, errors
    assert found == pytest.approx(expected, rel=1e-6)
    assert json.loads(output) == pytest.approx(expected, rel=1e-6)


if __name__ == "__main__":
    print(json.dumps(as_process(1, Path(sys.argv[1]), sys.argv[2])))
