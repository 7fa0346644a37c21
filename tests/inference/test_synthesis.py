"""Synthesis from coarse to fine, where the answer is known."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from latentinpaint.inference import synthesis
from latentinpaint.inference.patch_level import PatchLevel, PatchShape, ScaledPicture, SearchWeights
from latentinpaint.inference.patch_match import PatchSearch
from latentinpaint.inference.synthesis import synthesise

WEIGHTS = SearchWeights(0.0, 0.0, 0.3, 0.002)


def levels_of(guide, hole, count):
    scaled = ScaledPicture.full(guide, hole)
    levels = [PatchLevel(scaled, PatchShape(2, 1, 6.0))]
    for _ in range(count - 1):
        scaled = scaled.halved()
        levels.insert(0, PatchLevel(scaled, PatchShape(2, 1, 6.0)))
    return levels


def stripes(height, width):
    """(H, W, 3): diagonal stripes of 16 pixels, a period that every level sees."""
    rows, columns = np.indices((height, width))
    wave = 0.5 + 0.4 * np.sin((rows + 2 * columns) * np.pi / 16)
    return np.repeat(wave[..., None], 3, axis=2).astype(np.float32)


@pytest.mark.parametrize("count", [2, 3])
def test_stripes_go_on_through_a_hole_without_a_guide(count):
    truth, hole = stripes(160, 200), np.zeros((160, 200), bool)
    hole[60:96, 70:120] = True
    guide = np.where(hole[..., None], np.float32(0.5), truth)
    with ThreadPoolExecutor(2) as pool:
        found = synthesise(levels_of(guide, hole, count), WEIGHTS, (8, 8, 8), pool)
    assert np.array_equal(found[~hole], truth[~hole])
    assert np.abs(found - truth)[hole].mean() < 0.02


@pytest.mark.parametrize(("count", "sweeps"), [(1, [4]), (2, [4, 3]), (4, [4, 2, 2, 3])])
def test_rounds_are_those_of_the_first_level_of_those_between_and_of_the_last(monkeypatch, count, sweeps):
    """Of the first level's five rounds one compares all pairs."""
    seen = []
    sweep = PatchSearch.sweep

    def counted(search, nnf, number):
        seen.append(search.level.factor)
        sweep(search, nnf, number)

    monkeypatch.setattr(synthesis.PatchSearch, "sweep", counted)
    hole = np.zeros((160, 200), bool)
    hole[60:96, 70:120] = True
    with ThreadPoolExecutor(1) as pool:
        synthesise(levels_of(stripes(160, 200), hole, count), WEIGHTS, (5, 2, 3), pool)
    factors = [2**number for number in reversed(range(count))]
    assert [seen.count(factor) for factor in factors] == sweeps


def test_a_level_of_many_targets_gets_half_the_rounds(monkeypatch):
    seen = []
    monkeypatch.setattr(synthesis.PatchSearch, "sweep", lambda search, nnf, number: seen.append(search.level.factor))
    hole = np.zeros((160, 200), bool)
    hole[60:96, 70:120] = True
    levels = levels_of(stripes(160, 200), hole, 2)
    monkeypatch.setattr(synthesis, "MANY_TARGETS", np.count_nonzero(levels[1].targets) - 1)
    with ThreadPoolExecutor(1) as pool:
        synthesise(levels, WEIGHTS, (4, 9, 5), pool)
    assert (seen.count(2), seen.count(1)) == (3, 3)
