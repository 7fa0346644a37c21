"""Texture from coarse to fine: search and vote in alternation, level by level."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np

from latentinpaint.inference.contrast_prior import ContrastPrior
from latentinpaint.inference.patch_level import PatchLevel, SearchWeights
from latentinpaint.inference.patch_match import PatchSearch
from latentinpaint.inference.patch_vote import vote_modes, vote_winners

MANY_TARGETS = 300_000  # of a level, from which on half the rounds do


def synthesise(
    levels: Sequence[PatchLevel], weights: SearchWeights, rounds: tuple[int, int, int], pool: Executor
) -> np.ndarray:
    """The finest level's picture (H, W, 3) with its hole synthesised anew.

    Args:
        levels: from coarse to fine, all with sources and targets.
        weights: of the distance's terms; that of filled pixels is the last level's, at the others it is 1.
        rounds: iterations at the first level, at those between, and at the last one.
        pool: the threads.
    """
    iterations = [rounds[1]] * len(levels)
    iterations[-1] = rounds[2]
    iterations[0] = rounds[0]
    for number, level in enumerate(levels):
        if np.count_nonzero(level.targets) > MANY_TARGETS:
            iterations[number] = (iterations[number] + 1) // 2
    prior = ContrastPrior(levels[0])
    for number, level in enumerate(levels):
        is_last = number == len(levels) - 1
        level_weights = weights if is_last else replace(weights, filled=1.0)
        search = PatchSearch(level, prior, level_weights, pool)
        if number == 0:
            nnf = search.begin()
        else:
            nnf = search.upscaled(levels[number - 1], nnf)
        for iteration in range(iterations[number]):
            if number == 0 and iteration == 0:
                search.compare_all(nnf)  # with the guide, which is painted to begin with
                continue
            if is_last:
                vote_winners(search, nnf)
            else:
                vote_modes(search, nnf)
            search.sweep(nnf, iteration)
    vote_modes(search, nnf)
    return search.picture()
