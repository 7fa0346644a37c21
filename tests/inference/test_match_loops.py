"""Compiled loops of the search on their own; the searches that they make are in `test_patch_match.py`."""

import numpy as np
from scipy.spatial.distance import cdist

from latentinpaint.inference.match_loops import SEARCH_RADIUS, TRIALS, sweep, upscale


def searched(sources, rows, columns, seeds):
    """Matches of one target by sweeps over a level where a source is the better the nearer to (0, 0) it is."""
    height, width = sources.shape
    known = np.zeros((height + 2, 4 * (width + 2)), np.float32)
    painted = np.zeros((3, 12), np.float32)
    places = np.indices((height, width)).astype(np.float32)
    features = np.zeros((height, width, 4), np.float32)
    features[..., 3] = np.hypot(*places)
    field = np.full((1, 1), rows, np.int32), np.full((1, 1), columns, np.int32), np.zeros((1, 1), np.float32)
    wanted, targets = np.zeros((1, 1, 4), np.float32), np.ones((1, 1), np.uint8)
    found = []
    for seed in seeds:
        old = field[0].copy(), field[1].copy()
        sweep(
            painted, known, wanted, features, np.ones((1, 1), np.float32), targets, sources.view(np.uint8), *old,
            *field, 1, seed, 1, 0, 1, 0, 1,
        )  # fmt: skip
        found.append((int(field[0][0, 0]), int(field[1][0, 0]), float(field[2][0, 0])))
    return found


def test_random_trials_reach_as_far_as_they_may_and_no_farther():
    """From (200, 200) one sweep cannot come nearer than its radii in sum; many come to the place itself."""
    sources = np.ones((300, 300), bool)
    found = searched(sources, 200, 200, range(200))
    reach = sum(SEARCH_RADIUS >> number for number in range(TRIALS - 4))
    assert SEARCH_RADIUS >> (TRIALS - 5) == 1
    assert 0 < 200 - found[0][0] + 200 - found[0][1] <= 2 * reach
    assert found[-1][:2] == (0, 0)
    distances = [distance for _, _, distance in found]
    assert distances == sorted(distances, reverse=True)
    np.testing.assert_allclose(distances, [row**2 + column**2 for row, column, _ in found], rtol=1e-5)


def test_what_is_no_source_is_never_taken():
    sources = np.random.default_rng(0).random((120, 120)) < 0.3
    start = np.argwhere(sources)[-1]
    for row, column, _ in searched(sources, *start, range(30)):
        assert sources[row, column]


def test_the_nearest_source_on_a_square_around_a_place():
    sources = np.random.default_rng(1).random((40, 50)) < 0.02
    targets = np.ones((40, 50), np.uint8)
    none = np.zeros((1, 1), np.uint8)
    empty = np.zeros((1, 1), np.int32)
    rows, columns, distances = (np.zeros((40, 50), kind) for kind in (np.int32, np.int32, np.float32))
    upscale(
        none, empty, empty, np.zeros((1, 1), np.float32), targets, sources.view(np.uint8), rows, columns, distances,
        2, 100, 100, 0, 0, 0, 40,
    )  # fmt: skip
    places = np.indices((40, 50)).reshape(2, -1).T
    least = cdist(places, np.argwhere(sources), "chebyshev").min(axis=1)
    matches = np.stack([rows.ravel(), columns.ravel()], axis=1)
    assert sources[rows, columns].all()
    assert np.array_equal(np.abs(matches - places).max(axis=1), least)
