"""Widened and soft holes, against distances that are computed pair by pair."""

import math

import numpy as np
import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.inference.blending import MaskDilation


def scattered(seed, height=37, width=44):
    """A few painted pixels and a bar."""
    rng = np.random.default_rng(seed)
    painted = rng.random((height, width)) < 0.004
    painted[12:15, 20:40] = True
    return painted


def away_from(painted):
    """Distance of every pixel to the nearest painted one, from all pairs; squares are whole numbers."""
    rows, columns = np.indices(painted.shape)
    there = np.argwhere(painted)
    squares = (rows[..., None] - there[:, 0]) ** 2 + (columns[..., None] - there[:, 1]) ** 2
    return squares.min(axis=-1)


@pytest.mark.parametrize("radius", [1, 2, 5, 13])
@pytest.mark.parametrize("seed", range(3))
def test_the_hole_grows_by_a_disc(radius, seed):
    painted = scattered(seed)
    soft = MaskDilation(dilate=radius).apply(painted)
    assert soft.alpha is None
    np.testing.assert_array_equal(soft.mask.numpy(), away_from(painted) <= radius**2)


@pytest.mark.parametrize("radius", [299, 300, 1000])
def test_large_discs_are_exact(radius):
    painted = np.zeros((2, 1100), bool)
    painted[0, 0] = True
    columns = np.arange(1100) ** 2
    expected = np.stack([columns, columns + 1]) <= radius**2
    np.testing.assert_array_equal(MaskDilation(dilate=radius).apply(painted).mask.numpy(), expected)


@pytest.mark.parametrize(("dilate", "feather"), [(0, 4), (4, 4), (9, 3), (1, 1)])
def test_the_share_of_the_fill(dilate, feather):
    """1 inside, the same at the same distance, falling, and symmetric about one half over the feather."""
    painted = scattered(1)
    soft = MaskDilation(dilate, feather).apply(painted)
    radius = dilate or feather
    squares, alpha = away_from(painted), soft.alpha.numpy()
    assert (alpha[squares > radius**2] == 0).all() and (alpha[squares <= (radius - feather) ** 2] == 1).all()
    by_distance = {square: np.unique(alpha[squares == square]) for square in np.unique(squares)}
    assert all(len(values) == 1 for values in by_distance.values())
    curve = np.array([by_distance[square][0] for square in sorted(by_distance)])
    assert (np.diff(curve) <= 0).all()
    # Along a line t takes the values 1/(N+1) … 1: the curve and its mirror image add up to 1.
    straight = np.array([by_distance[k * k][0] for k in range(radius - feather + 1, radius + 1)])
    np.testing.assert_allclose(straight + straight[::-1], 1, atol=1e-6)
    halfway = by_distance[(radius - feather + (feather + 1) // 2) ** 2][0]
    assert feather % 2 == 0 or halfway == pytest.approx(0.5)


def test_mixing():
    painted = np.zeros((1, 9), bool)
    painted[0, 0] = True
    soft = MaskDilation(feather=3).apply(painted)
    original = torch.full((1, 3, 1, 9), 0.2)
    original[..., 0] = math.nan  # what was painted over has no influence
    blended = soft.blend(torch.full((1, 3, 1, 9), 0.6), original)
    # t = 3/4, 2/4, 1/4 at one, two and three pixels; 3t^2 - 2t^3 is 27/32, 1/2, 5/32.
    expected = [0.6, *(0.2 + 0.4 * alpha for alpha in (27 / 32, 1 / 2, 5 / 32)), *[0.2] * 5]
    for channel in blended[0]:
        np.testing.assert_allclose(channel[0].numpy(), expected, atol=1e-6)


def test_rows_of_a_batch_are_widened_alone():
    batch = np.stack([scattered(0), scattered(1), np.zeros((37, 44), bool)])[:, None]
    soft = MaskDilation(3, 2).apply(batch)
    for row, hole, alpha in zip(batch, soft.mask, soft.alpha, strict=True):
        alone = MaskDilation(3, 2).apply(row[0])
        assert torch.equal(alone.mask, hole[0]) and torch.equal(alone.alpha, alpha[0])
    assert not soft.mask[2].any()


def test_nothing_asked_is_nothing_done():
    painted = scattered(0)
    soft = MaskDilation().apply(painted)
    assert soft.alpha is None and (soft.mask.numpy() == painted).all()


@pytest.mark.parametrize("wrong", [(-1, 0), (0, -2), (1.5, 0), (True, 0), (2000, 0), (3, 4), ("3", 0)])
def test_wrong_widenings(wrong):
    with pytest.raises(InputError, match="dilate|feather"):
        MaskDilation(*wrong)
