"""Nearest-neighbour fields, against the distances as they are defined, taken for every pair."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from patch_levels import level_of, picture

from latentinpaint.inference import patch_match
from latentinpaint.inference.contrast_prior import ContrastPrior
from latentinpaint.inference.patch_level import PatchShape, SearchWeights, box_mean
from latentinpaint.inference.patch_match import PatchSearch, row_bands

WEIGHTS = SearchWeights(guidance=0.7, contrast=0.4, filled=0.3, unknown=0.01)


def box(height, width):
    hole = np.zeros((height, width), bool)
    hole[10:16, 4:22] = True
    return hole


@pytest.fixture(params=[1, 3], ids="{} threads".format)
def pool(request):
    with ThreadPoolExecutor(request.param) as threads:
        yield threads


def search_of(level, pool, weights=WEIGHTS):
    return PatchSearch(level, ContrastPrior(level), weights, pool)


def patches(image, radius):
    """(h, w, side, side, C) around every pixel of (h, w, C); beyond the edge NaN."""
    border = ((radius, radius), (radius, radius), (0, 0))
    padded = np.pad(image.astype(float), border, constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(padded, (2 * radius + 1,) * 2, axis=(0, 1))
    return np.moveaxis(around, 2, -1)


def defined_distances(level, weights, image, weight=None):
    """(T, S): the distance of every target and source by the sums that `patch_match` states."""
    radius, side = level.shape.radius, level.shape.side
    edges = np.pad(level.colours, ((radius, radius), (radius, radius), (0, 0)), mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(edges, (side, side), axis=(0, 1))
    source_patches = np.moveaxis(around, 2, -1)[level.sources].astype(float)
    unknown = np.nan_to_num(patches(level.hole[..., None], radius), nan=1.0)[level.sources]
    targets = np.zeros_like(level.hole)
    targets[level.window.index[1:]] = level.targets
    target_patches = np.nan_to_num(patches(image, radius)[targets])
    pixel_weights = patches(np.where(level.hole, weights.filled, 1.0)[..., None], radius)[targets]
    pixel_weights = np.nan_to_num(pixel_weights, nan=0.0)
    expected = np.zeros_like(level.hole, float)
    expected[level.window.index[1:]] = ContrastPrior(level).expected(level, level.contrast())
    colours = level.blurred().astype(float)
    rows = []
    for number, (row, column) in enumerate(np.argwhere(targets)):
        off = ((target_patches[number] - source_patches) ** 2).sum(-1, keepdims=True) + weights.unknown * unknown
        total = (pixel_weights[number] * off).sum((1, 2, 3))
        pull = weights.guidance**2 * side**2
        if weight is not None:
            pull *= weight[row, column] ** 2
        total += pull * ((colours[row, column] - colours[level.sources]) ** 2).sum(-1)
        contrast = (expected[row, column] - level.contrast()[level.sources]) ** 2
        rows.append(total + weights.contrast**2 * 3 * side**2 * contrast)
    return np.array(rows)


@pytest.mark.parametrize("radius", [1, 2, 3, 4])
def test_the_full_search_finds_the_least_distance(radius, pool):
    """At a level of a smaller scale and with a weighted guidance; the hole reaches the picture's edge."""
    guide, hole = picture(52, 61, radius), np.zeros((52, 61), bool)
    hole[20:31, 0:40] = True
    weight = np.random.default_rng(1).random((52, 61), np.float32)
    level = level_of(guide, hole, PatchShape(radius, 1, 3.0), 1, weight)
    search = search_of(level, pool)
    nnf = search.begin()
    search.compare_all(nnf)
    scaled_weight = weight[:, :60].reshape(26, 2, 30, 2).mean(axis=(1, 3))
    defined = defined_distances(level, WEIGHTS, level.colours, scaled_weight)
    found = nnf.distances[level.targets]
    np.testing.assert_allclose(found, defined.min(axis=1), rtol=1e-4)
    numbers = np.cumsum(level.sources).reshape(level.sources.shape) - 1
    chosen = numbers[nnf.rows[level.targets], nnf.columns[level.targets]]
    np.testing.assert_allclose(defined[np.arange(len(defined)), chosen], found, rtol=1e-4)
    assert level.sources[nnf.rows[level.targets], nnf.columns[level.targets]].all()


def test_sweeps_never_lose_and_come_near_the_full_search(pool):
    level = level_of(box_mean(picture(48, 64), 2), box(48, 64))
    search = search_of(level, pool)
    nnf = search.begin()
    before = np.full(level.targets.shape, np.inf)
    for number in range(6):
        search.sweep(nnf, number)
        assert level.sources[nnf.rows[level.targets], nnf.columns[level.targets]].all()
        assert (nnf.distances <= before)[level.targets].all()
        before = nnf.distances.copy()
    nearest = search.begin()
    search.compare_all(nearest)
    assert (nearest.distances <= before * 1.0001)[level.targets].all()
    assert before[level.targets].mean() < 1.5 * nearest.distances[level.targets].mean()


def test_any_number_of_threads_finds_the_same():
    level = level_of(picture(90, 70), box(90, 70))
    fields = []
    for threads in (1, 2, 7):
        with ThreadPoolExecutor(threads) as pool:
            search = search_of(level, pool)
            nnf = search.begin()
            for number in range(3):
                search.sweep(nnf, number)
            fields.append((nnf.rows, nnf.columns, nnf.distances))
    for other in fields[1:]:
        assert all(map(np.array_equal, fields[0], other))


def test_many_pairs_are_compared_in_part(monkeypatch, pool):
    level = level_of(picture(48, 64), box(48, 64))
    monkeypatch.setattr(patch_match, "MAX_PAIRS", 1000 * int(level.targets.sum()))
    search = search_of(level, pool)
    nnf = search.begin()
    search.compare_all(nnf)
    chosen = set(zip(nnf.rows[level.targets], nnf.columns[level.targets], strict=True))
    step = -(-int(level.sources.sum()) // 1000)
    assert step == 3
    assert chosen <= set(map(tuple, np.argwhere(level.sources)[::step]))


def test_an_upscaled_match_is_twice_the_coarse_one(pool):
    guide, hole = picture(80, 100), np.zeros((80, 100), bool)
    hole[20:40, 30:60] = True
    coarse, fine = level_of(guide, hole, halvings=1), level_of(guide, hole)
    coarse_search, fine_search = search_of(coarse, pool), search_of(fine, pool)
    nnf = coarse_search.begin()
    rows, columns = np.indices(coarse.targets.shape)
    nnf.rows[:] = rows + coarse.window.top + 17
    nnf.columns[:] = columns + coarse.window.left - 3
    upscaled = fine_search.upscaled(coarse, nnf)
    rows, columns = np.indices(fine.targets.shape)
    assert np.array_equal(upscaled.rows[fine.targets], (rows + fine.window.top + 34)[fine.targets])
    assert np.array_equal(upscaled.columns[fine.targets], (columns + fine.window.left - 6)[fine.targets])


def test_a_target_that_was_none_starts_from_the_nearest_source(pool):
    """A line of two pixels in a hole that a coarse level has: half a cell of it is known, and so is the cell."""
    hole = np.zeros((80, 100), bool)
    hole[20:40, 30:60] = True
    hole[61, :] = True
    coarse, fine = level_of(picture(80, 100), hole, halvings=1), level_of(picture(80, 100), hole)
    upscaled = search_of(fine, pool).upscaled(coarse, search_of(coarse, pool).begin())
    rows, columns = np.nonzero(fine.targets)
    on_the_line = rows + fine.window.top == 61
    matches = upscaled.rows[rows, columns], upscaled.columns[rows, columns]
    assert on_the_line.sum() == 100
    inner = on_the_line & (columns + fine.window.left > 0) & (columns + fine.window.left < 99)
    assert set(matches[0][inner]) <= {59, 63}
    assert np.abs(matches[1] - columns - fine.window.left)[inner].max() <= 2


def test_bands_hold_all_rows_once_and_about_as_many_targets_each():
    targets = np.random.default_rng(0).random((300, 200)) < np.linspace(0, 1, 300)[:, None]
    bands = row_bands(targets)
    assert [row for first, last in bands for row in range(first, last)] == list(range(300))
    counts = [targets[first:last].sum() for first, last in bands]
    assert max(counts) < 1.2 * min(counts)
    assert row_bands(np.ones((1, 9), bool)) == [(0, 1)]
