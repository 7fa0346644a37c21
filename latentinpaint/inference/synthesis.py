"""Texture from coarse to fine: search and vote in alternation, level by level."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np

from latentinpaint.inference.contrast_prior import ContrastPrior
from latentinpaint.inference.patch_level import PatchLevel, SearchWeights
from latentinpaint.inference.patch_match import NearestNeighbourField, PatchSearch
from latentinpaint.inference.patch_vote import vote_modes, vote_winners
from latentinpaint.runtime.progress import part, parts

MANY_TARGETS = 300_000  # of a level, from which on half the rounds do
VOTE_SHARE = 0.3  # of a round's time, for the progress that is reported


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
    costs = []
    for number, level in enumerate(levels):
        targets = np.count_nonzero(level.targets)
        if targets > MANY_TARGETS:
            iterations[number] = (iterations[number] + 1) // 2
        costs.append(targets * iterations[number])
    *of_levels, of_last_vote = parts([*costs, VOTE_SHARE * np.count_nonzero(levels[-1].targets)])
    prior = ContrastPrior(levels[0])
    for number, (level, of_level) in enumerate(zip(levels, of_levels, strict=True)):
        is_last = number == len(levels) - 1
        level_weights = weights if is_last else replace(weights, filled=1.0)
        with of_level:
            search = PatchSearch(level, prior, level_weights, pool)
            if number == 0:
                nnf = search.begin()
            else:
                with part(0.0, 0.0):
                    nnf = search.upscaled(levels[number - 1], nnf)
            _improve(search, nnf, iterations[number], is_first=number == 0, is_last=is_last)
    with of_last_vote:
        vote_modes(search, nnf)
    return search.picture()


def _improve(search: PatchSearch, nnf: NearestNeighbourField, iterations: int, is_first: bool, is_last: bool) -> None:
    """Search and vote in alternation at one level, the first or the last one or one between."""
    for iteration, of_round in enumerate(parts([1] * iterations)):
        with of_round:
            if is_first and iteration == 0:
                search.compare_all(nnf)  # with the guide, which is painted to begin with
                continue
            voting, searching = parts((VOTE_SHARE, 1 - VOTE_SHARE))
            with voting:
                if is_last:
                    vote_winners(search, nnf)
                else:
                    vote_modes(search, nnf)
            with searching:
                search.sweep(nnf, iteration)
