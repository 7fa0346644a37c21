"""Votes, against fields whose picture is known and sums written otherwise."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from patch_levels import picture

from latentinpaint.inference.contrast_prior import ContrastPrior
from latentinpaint.inference.patch_level import PatchLevel, PatchShape, ScaledPicture, SearchWeights
from latentinpaint.inference.patch_match import NearestNeighbourField, PatchSearch
from latentinpaint.inference.patch_vote import SHIFTS, WIDTH, vote_modes, vote_winners


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as threads:
        yield threads


def search_of(guide, hole, pool, radius=2):
    level = PatchLevel(ScaledPicture.full(guide, hole), PatchShape(radius, 1, 3.0))
    return PatchSearch(level, ContrastPrior(level), SearchWeights(1.0, 0.3, 0.3, 0.01), pool)


def random_field(level, seed):
    """Any source for every target, at any distance."""
    generator = np.random.default_rng(seed)
    sources = np.argwhere(level.sources)
    chosen = sources[generator.integers(0, len(sources), level.targets.shape)].astype(np.int32)
    distances = generator.random(level.targets.shape, np.float32) + np.float32(0.1)
    return NearestNeighbourField(
        np.ascontiguousarray(chosen[..., 0]), np.ascontiguousarray(chosen[..., 1]), distances
    )


@pytest.mark.parametrize("vote", [vote_winners, vote_modes])
def test_a_vote_for_one_offset_copies_by_that_offset(vote, pool):
    """Every target's source lies 13 rows below and 2 columns left of it: so does every pixel's origin."""
    guide, hole = picture(40, 50), np.zeros((40, 50), bool)
    hole[6:14, 14:30] = True
    search = search_of(guide, hole, pool)
    window = search.level.window
    rows, columns = np.indices(search.level.targets.shape, np.int32)
    nnf = NearestNeighbourField(
        rows + np.int32(window.top + 13), columns + np.int32(window.left - 2), np.ones(rows.shape, np.float32)
    )
    vote(search, nnf)
    painted = search.picture()
    expected = guide.copy()
    expected[hole] = guide[19:27, 12:28].reshape(-1, 3)
    np.testing.assert_allclose(painted, expected, atol=1e-6)
    assert np.array_equal(painted[~hole], guide[~hole])


@pytest.mark.parametrize("radius", [1, 2, 3])
@pytest.mark.parametrize("vote", [vote_winners, vote_modes])
def test_votes_as_they_are_defined(vote, radius, pool):
    """The hole reaches the edge, and many sources reach into it: what they have there does not count."""
    guide, hole = picture(30, 36, radius), np.zeros((30, 36), bool)
    hole[8:20, 22:36] = True
    search = search_of(guide, hole, pool, radius)
    level = search.level
    nnf = random_field(level, radius)
    vote(search, nnf)
    painted = search.picture()
    relative = nnf.distances / np.median(nnf.distances[level.targets])
    costs = (np.log(relative + 1e-3) if vote is vote_winners else relative) + level.depth_penalty
    compared = 0
    for row, column in np.argwhere(hole):
        votes = []
        for down in range(-radius, radius + 1):
            for right in range(-radius, radius + 1):
                patch = row - down - level.window.top, column - right - level.window.left
                if not all(0 <= place < size for place, size in zip(patch, level.targets.shape, strict=True)):
                    continue
                origin = nnf.rows[patch] + down, nnf.columns[patch] + right
                within = all(0 <= place < size for place, size in zip(origin, hole.shape, strict=True))
                if within and not hole[origin]:
                    cost = costs[patch] + np.log1p((down**2 + right**2) / radius**2)
                    votes.append((cost, guide[origin].astype(float)))
        votes.sort(key=lambda vote: vote[0])
        expected = votes[0][1]
        if vote is vote_modes:
            counts = np.exp(-np.array([cost for cost, _ in votes]))
            colours = np.array([colour for _, colour in votes])
            for _ in range(SHIFTS):
                shares = counts * np.exp(-((colours - expected) ** 2).sum(1) / (2 * WIDTH**2))
                expected = shares @ colours / shares.sum()
        np.testing.assert_allclose(painted[row, column], expected, atol=1e-4)
        compared += 1
    assert compared == 12 * 14
