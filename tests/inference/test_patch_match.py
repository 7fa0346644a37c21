"""Nearest-neighbour fields and votes, against searches written otherwise and fields whose picture is known."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from latentinpaint.inference import patch_match
from latentinpaint.inference.patch_match import NearestNeighbourField, PatchLevel, PatchSearch


def picture(height: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))


def box(height: int, width: int) -> torch.Tensor:
    hole = torch.zeros(height, width, dtype=torch.bool)
    hole[10:20, 14:30] = True
    return hole


def test_the_full_search_finds_the_nearest():
    generator = torch.Generator().manual_seed(6)
    wanted, known = torch.rand(1500, 7, generator=generator), torch.rand(900, 7, generator=generator)
    with ThreadPoolExecutor(2) as pool:
        found, distance = patch_match.nearest_rows(wanted, known, pool)
    reference, index = cKDTree(known.numpy()).query(wanted.numpy())
    assert (found.numpy() == index).mean() > 0.999
    np.testing.assert_allclose(distance.numpy(), reference**2, atol=1e-5)


@pytest.mark.parametrize("radius", [1, 2, 3])
def test_sources_and_targets_by_looking_at_every_patch(radius):
    hole = box(31, 43)
    level = PatchLevel(picture(31, 43), hole, 1, radius, 3.0)
    sources = []
    targets = []
    for row in range(31):
        for column in range(43):
            rows = slice(max(0, row - radius), row + radius + 1)
            columns = slice(max(0, column - radius), column + radius + 1)
            inside = radius <= row < 31 - radius and radius <= column < 43 - radius
            if hole[rows, columns].any():
                targets.append(row * 43 + column)
            elif inside:
                sources.append(row * 43 + column)
    assert level.sources.tolist() == sources
    assert level.targets.tolist() == targets


def test_a_vote_for_one_offset_copies_by_that_offset():
    """Every target's source lies 13 rows below and 2 columns left of it: so does every pixel's origin."""
    guide = picture(40, 50)
    level = PatchLevel(guide, box(40, 50), 1, 2, 3.0)
    nnf = NearestNeighbourField(level.targets + 13 * 50 - 2, torch.ones(len(level.targets)))
    painted = level.vote(nnf)
    assert torch.equal(painted[:, 10:20, 14:30], guide[:, 23:33, 12:28])
    painted[:, 10:20, 14:30] = guide[:, 10:20, 14:30]
    assert torch.equal(painted, guide)


def test_an_upscaled_offset_is_twice_the_coarse_one():
    guide, hole = picture(80, 100), box(80, 100)
    coarse, fine = (PatchLevel(guide, hole, factor, 2, 3.0) for factor in (2, 1))
    nnf = NearestNeighbourField(coarse.targets + 11 * coarse.width + 3, torch.ones(len(coarse.targets)))
    inside = hole.flatten()[fine.targets]  # a target beside the hole may lie in a cell that is none
    upscaled = fine.upscaled(nnf, coarse).positions
    assert torch.equal(upscaled[inside], (fine.targets + 22 * fine.width + 6)[inside])


def test_propagation_and_random_search_never_lose(monkeypatch):
    """Each search leaves every match valid and no farther than before, and the distances are those of the matches."""
    monkeypatch.setattr(patch_match, "MAX_PAIRS", 1000)
    level = PatchLevel(picture(48, 64), box(48, 64), 1, 2, 3.0)
    generator = torch.Generator().manual_seed(1)
    with ThreadPoolExecutor(1) as pool:
        search = PatchSearch(level, level.contrast, 1.0, 0.5, pool)
        assert not search.exhaustive
        nnf = search.init_nnf()
        before = torch.full((len(level.targets),), torch.inf)
        for _ in range(4):
            nnf = search.improved(level.guide, nnf, generator)
            assert level.valid.flatten()[nnf.positions].all()
            assert (nnf.distances <= before).all()
            before = nnf.distances
        monkeypatch.setattr(search, "exhaustive", True)
        nearest = search.improved(level.guide, nnf, generator)
    assert (nearest.distances <= before + 1e-5).all()
    assert before.mean() < 1.5 * nearest.distances.mean()
