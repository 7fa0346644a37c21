"""Plans by a Hadamard flow of paths: the points that are given are pinned, and the flow fills in the others.

A path has as many points as the flow's windows, at equal times. The start is pinned at the first of them; when the
goal is reached is not known. The progressive index search pins it at one candidate index after another until the path
up to it is legal. Points that are to be passed on the way are found likewise, one after the other. What follows the
goal is free, and no part of the plan.

Source of the search: Negrel, Coeurdoux, Albergo, Vanden-Eijnden, arXiv 2508.04605.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from latentinpaint.errors import InputError, whole_number
from latentinpaint.flows import HadamardFlow, SamplerConfig
from latentinpaint.maze.walls import Maze
from latentinpaint.runtime.randomness import numbered_generator

CANDIDATES = (5, 10, 15, 20, 25, 30, 35, 40, 45, 49)


@dataclass(frozen=True)
class SearchConfig:
    """How plans are searched.

    Args:
        candidates: indices of a path's points at which a goal may be pinned, increasing, the first above 0.
        passed_over: legal candidates that are passed over before one is taken; the authors' code has 1, and so a path
            with time to spare. Where none follows, the last legal one is taken.
        rounds: times that all candidates are gone through, with other noise, until one is legal.
        hold: whether the points after the goal are pinned at it as well.
        sampler: how the flow is sampled; None is its own.
        batch_size: paths at once.
    """

    candidates: Sequence[int] = CANDIDATES
    passed_over: int = 0
    rounds: int = 1
    hold: bool = False
    sampler: SamplerConfig | None = None
    batch_size: int = 1024

    def __post_init__(self) -> None:
        whole_number("passed_over", self.passed_over, 0)
        whole_number("rounds", self.rounds, 1)
        whole_number("batch_size", self.batch_size, 1)
        before = 0
        for candidate in self.candidates:
            whole_number("a candidate index", candidate, before + 1)
            before = candidate
        if before == 0:
            raise InputError("a search has one candidate index at least")


@dataclass(frozen=True, eq=False)
class Plans:
    """Paths between given points.

    Attributes:
        paths: (B, L, 2), in the maze's coordinates.
        last: (B,), number of the point at which the goal is reached; what follows is no part of the plan.
        legal: (B,), whether the path up to the goal is legal.
        sampled: paths that the flow made in the search.
    """

    paths: Tensor
    last: Tensor
    legal: Tensor
    sampled: int

    def trimmed(self) -> list[Tensor]:
        """The paths up to their goals, each (n, 2)."""
        paths = []
        for path, last in zip(self.paths, self.last.tolist(), strict=True):
            paths.append(path[: last + 1])
        return paths


class Planner:
    """Plans of a flow in its maze.

    Args:
        flow: of paths (2, L, 1).
        maze: where it was trained.
        scale: what positions are divided by for the flow.
        config: how plans are searched.

    Raises:
        InputError: if the flow is none of paths in the plane, or a candidate lies beyond its last point.
    """

    def __init__(self, flow: HadamardFlow, maze: Maze, scale: float, config: SearchConfig | None = None) -> None:
        if flow.shape[0] != 2 or flow.shape[2] != 1:
            raise InputError(f"plans take a flow of paths in the plane, not one of samples {flow.shape}")
        self.flow = flow
        self.maze = maze
        self.scale = scale
        self.config = config or SearchConfig()
        self.length = flow.shape[1]
        if self.config.candidates[-1] >= self.length:
            raise InputError(
                f"the flow's paths have {self.length} points: a goal is pinned at one from 1 to {self.length - 1}, "
                f"not at {self.config.candidates[-1]}"
            )

    def plan(self, stops: Tensor, seed: int = 0, progress: Callable[[float], None] | None = None) -> Plans:
        """Paths through given points.

        Args:
            stops: (B, n, 2), legal points: the start, what is passed on the way, and the goal.
            seed: of the paths; each has a generator of its own.
            progress: called with the fraction that is done.

        Raises:
            InputError: if there are more points than candidates.
        """
        if stops.shape[1] - 1 > len(self.config.candidates):
            raise InputError(f"a path passes {len(self.config.candidates)} points at most, the goal included")
        made = []
        for begin in range(0, len(stops), self.config.batch_size):
            batch = stops[begin : begin + self.config.batch_size]
            generators = [numbered_generator(seed, number) for number in range(begin, begin + len(batch))]
            made.append(_Search(self, batch, generators).run())
            if progress is not None:
                progress((begin + len(batch)) / len(stops))
        return _joined(made)

    @torch.no_grad()
    def sample(self, stops: Tensor, indices: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        """Paths (B, L, 2) with points pinned, legal or not.

        Args:
            stops: (B, n, 2), the points.
            indices: (B, n), where they are pinned, increasing.
            generators: one for each path.
        """
        parameter = next(self.flow.parameters())
        count, known, _ = stops.shape
        rows = torch.arange(count)[:, None].expand(count, known)
        pinned = torch.zeros(count, self.length, 2)
        pinned[rows, indices] = stops
        free = torch.ones(count, self.length)
        free[rows, indices] = 0.0
        if self.config.hold:
            after = torch.arange(self.length) > indices[:, -1:]
            pinned = torch.where(after[..., None], stops[:, -1:], pinned)
            free[after] = 0.0
        picture = (pinned / self.scale).transpose(1, 2)[..., None].to(parameter)
        config = replace(self.config.sampler or self.flow.sampler, generator=list(generators))
        made = self.flow.inpaint(picture, free[:, None, :, None].to(parameter), config).x
        paths = (made[..., 0].transpose(1, 2) * self.scale).cpu()
        return torch.where(free[..., None] > 0, paths, pinned)  # the pins themselves, not rounded by the scale


def _joined(parts: Sequence[Plans]) -> Plans:
    def together(name: str) -> Tensor:
        return torch.cat([getattr(part, name) for part in parts])

    sampled = 0
    for part in parts:
        sampled += part.sampled
    return Plans(together("paths"), together("last"), together("legal"), sampled)


class _Search:
    """The progressive index search for one batch."""

    def __init__(self, planner: Planner, stops: Tensor, generators: Sequence[torch.Generator]) -> None:
        count, known, _ = stops.shape
        self.planner = planner
        self.stops = stops
        self.generators = generators
        self.indices = torch.zeros(count, known, dtype=torch.long)
        self.paths = torch.zeros(count, planner.length, 2)
        self.legal = torch.ones(count, dtype=torch.bool)
        self.sampled = 0

    def run(self) -> Plans:
        known = self.stops.shape[1]
        for stop in range(1, known):
            self._find(stop, later=known - 1 - stop)
        return Plans(self.paths, self.indices[:, -1], self.legal, self.sampled)

    def _find(self, stop: int, later: int) -> None:
        """Find the index of stop number `stop`, given those before; `later` stops need room after it."""
        config = self.planner.config
        candidates = config.candidates[: len(config.candidates) - later]
        begins = self.indices[:, stop - 1].clone()
        passed = torch.zeros(len(begins), dtype=torch.long)  # legal candidates so far
        for _ in range(config.rounds):
            searching = passed == 0
            for candidate in candidates:
                tried = (searching & (begins < candidate)).nonzero()[:, 0]
                if len(tried):
                    passed[tried] += self._try(tried, stop, candidate, passed[tried] > 0)
                searching &= passed <= config.passed_over
        self.legal = passed > 0

    def _try(self, tried: Tensor, stop: int, candidate: int, has_legal: Tensor) -> Tensor:
        """Pin a stop of the items `tried` (n,) at a candidate; whether their paths are legal: bool (n,)."""
        paths = self._sampled(tried, stop, candidate)
        legal = self.planner.maze.legal_paths(paths, candidate)
        keep = legal | ~has_legal  # an illegal path is better than none, but not than a legal one
        self.paths[tried[keep]] = paths[keep]
        self.indices[tried[keep], stop] = candidate
        return legal

    def _sampled(self, tried: Tensor, stop: int, candidate: int) -> Tensor:
        indices = self.indices[tried, : stop + 1]
        indices[:, -1] = candidate
        self.sampled += len(tried)
        generators = [self.generators[number] for number in tried.tolist()]
        return self.planner.sample(self.stops[tried, : stop + 1], indices, generators)
