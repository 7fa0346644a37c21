"""Collections: points against closed forms, pictures, fields and their symmetries."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats
from small_photos import small_pictures

from latentinpaint.data.distributions import (
    CHANGES,
    POINTS,
    Fields,
    Moons,
    Normal,
    Pictures,
    Ring,
    from_range,
    open_collection,
    to_range,
)
from latentinpaint.data.picture_sets import load_pictures
from latentinpaint.errors import InputError


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# Points ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", POINTS)
def test_points_are_seeded(name):
    points = POINTS[name]()
    one, again, other = (points.draw(50, seeded(seed)) for seed in (1, 1, 2))
    assert one.shape == (50, *points.shape) and one.dtype == torch.float32
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_moons_are_half_circles():
    """Without noise every point lies on one of two half circles of radius 1; each holds half of them."""
    points = Moons(0.0).draw(4000, seeded()).double()
    centres = torch.tensor([[-0.5, -0.25], [0.5, 0.25]]).double()
    distances = torch.cdist(points, centres)
    upper = (distances[:, 0] - 1).abs() < 1e-6
    lower = (distances[:, 1] - 1).abs() < 1e-6
    assert (upper | lower).all() and abs(upper.double().mean() - 0.5) < 0.04
    assert (points[upper & ~lower, 1] >= -0.2501).all() and (points[lower & ~upper, 1] <= 0.2501).all()
    # E x = E y = 0, E x^2 = 3/4, E y^2 = 9/16 - 1/pi
    error = 5 / 4000**0.5
    assert points.mean(dim=0).abs().max() < error
    assert points.square().mean(dim=0).tolist() == pytest.approx([0.75, 9 / 16 - 1 / math.pi], abs=error)


def test_the_ring_has_eight_places():
    points = Ring(0.0).draw(2000, seeded())
    places = {tuple(round(v, 3) for v in p) for p in points.tolist()}
    assert len(places) == 8 and points.norm(dim=1).tolist() == pytest.approx([2] * 2000, abs=1e-5)


def test_normal_and_shifted():
    draws = Normal((3,)).draw(2000, seeded()).flatten()
    assert stats.kstest(draws.numpy(), "norm").pvalue > 1e-3
    shifted = POINTS["shifted_normal"]().draw(2000, seeded()).flatten() - 1
    assert stats.kstest(shifted.numpy(), "norm").pvalue > 1e-3


# Pictures -------------------------------------------------------------------------------------------------


def test_range_and_back_are_exact():
    values = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    samples = to_range(values)
    assert samples.min() == -1 and samples.max() == 1
    assert torch.equal((from_range(samples) * 255).round().to(torch.uint8), values)


def test_pictures_of_a_folder(tmp_path):
    for number, tile in enumerate(small_pictures(3, 8)):
        Image.fromarray(tile).save(tmp_path / f"{number}.png")
    found = open_collection(str(tmp_path), 6, 1)
    assert len(found) == 3 and found.shape == (1, 6, 6)
    assert torch.equal(found.values, load_pictures(str(tmp_path), 6, 1))
    assert torch.equal(found.first(2), to_range(found.values[:2]))


@pytest.mark.parametrize("change", CHANGES)
def test_changes(change, tmp_path):
    tile = small_pictures(1, 8)[0]
    Image.fromarray(tile).save(tmp_path / "sheet.png")
    found = open_collection(str(tmp_path / "sheet.png"), 8, 3, change).values[0].permute(1, 2, 0).numpy()
    expected = {"none": tile, "invert": 255 - tile, "rotate": np.rot90(tile), "mirror": tile[:, ::-1]}[change]
    assert np.array_equal(found, expected)


def test_drawing_pictures():
    values = torch.arange(3, dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 1, 2, 2).contiguous()
    draws = Pictures(values).draw(3000, seeded())
    counts = torch.bincount(((draws[:, 0, 0, 0] + 1) * 127.5).round().long())
    assert len(counts) == 3 and (counts - 1000).abs().max() < 130
    uneven = torch.tensor([[0, 255]], dtype=torch.uint8).view(1, 1, 1, 2)
    left = Pictures(uneven, flip=True).draw(2000, seeded())[:, 0, 0, 0]
    assert set(left.tolist()) == {-1.0, 1.0} and abs(left.mean()) < 0.1
    assert Pictures(uneven).draw(50, seeded())[:, 0, 0, 0].tolist() == [-1.0] * 50


def test_dogs_are_the_dogs_of_cifar10(tmp_path, monkeypatch):
    values = small_pictures(6, 32)
    halves = {True: [5, 1, 5, 9, 0, 5], False: [3, 5, 5, 5, 2, 1]}

    class CIFAR10:
        def __init__(self, root, train, download):
            assert root == tmp_path and download
            self.data, self.targets = values, halves[train]

    monkeypatch.setattr("torchvision.datasets.CIFAR10", CIFAR10)
    for train, rows in ((True, [0, 2, 5]), (False, [1, 2, 3])):
        found = open_collection("cifar10_dogs", 32, 3, downloads=tmp_path, train=train).values
        assert torch.equal(found, torch.from_numpy(values[rows].transpose(0, 3, 1, 2)))
    assert len(open_collection("cifar10", 32, 3, downloads=tmp_path)) == 6


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("no_such_thing", 28, 1), "no file, folder or collection 'no_such_thing'.*moons.*fashion_mnist"),
        (("normal", 28, 2), "1 or 3 channels"),
        (("normal", 28, 1, "negate"), "change 'negate'.*invert"),
    ],
)
def test_mistakes(arguments, word):
    with pytest.raises(InputError, match=word):
        open_collection(*arguments)


def test_fields_of_a_file(tmp_path):
    values = np.random.default_rng(0).normal(size=(3, 1, 4, 4)).astype(np.float32)
    np.save(tmp_path / "fields.npy", values)
    fields = open_collection(str(tmp_path / "fields.npy"), 4, 1)
    assert len(fields) == 3 and np.array_equal(fields.first(2).numpy(), values[:2])
    drawn = fields.draw(50, torch.Generator().manual_seed(0))
    assert all(any(np.array_equal(row, value) for value in values) for row in drawn.numpy())
    with pytest.raises(InputError, match="not .N, 1, 8, 8."):
        open_collection(str(tmp_path / "fields.npy"), 8, 1)
    (tmp_path / "fields.npy").write_bytes(b"no array")
    with pytest.raises(InputError, match="not an array"):
        open_collection(str(tmp_path / "fields.npy"), 4, 1)


def test_symmetries_of_fields():
    """All 8 x 9 moves of a field of 3 x 3 sites, and no other; with either sign where the law is even."""
    field = torch.arange(1.0, 10).view(1, 1, 3, 3)
    moves = set()
    for turned in (field, field.transpose(-1, -2)):
        for axes in ((), (-1,), (-2,), (-1, -2)):
            for rows in range(3):
                for columns in range(3):
                    moves.add(tuple(turned.flip(axes).roll((rows, columns), (-2, -1)).flatten().tolist()))
    assert len(moves) == 72
    for even in (False, True):
        drawn = Fields(field, symmetric=True, even=even).draw(3000, torch.Generator().manual_seed(0)).flatten(1)
        signs = drawn[:, 0].sign()
        assert set(map(tuple, (drawn * signs[:, None]).tolist())) == moves
        assert signs.mean().item() == pytest.approx(0 if even else 1, abs=0.1)
