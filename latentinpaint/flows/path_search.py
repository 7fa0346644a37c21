"""The path of least action (22) of a Hadamard flow, and what the flow does on it and on the straight one.

Blocks of pixels have clocks of their own; which of them run early is found by the flow's own drifts, on pairs of
noise and pictures. The action is measured on other pairs, and the states are those of equal noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.flows.hadamard import HadamardFlow
from latentinpaint.interpolants import integrate_path
from latentinpaint.interpolants.action import action, least_clock_action
from latentinpaint.interpolants.paths import ClockTable, inpaint, raster
from latentinpaint.interpolants.solvers import Progress
from latentinpaint.runtime.randomness import draw_normal, numbered_generator, split


@dataclass(frozen=True, eq=False)
class PathStates:
    """A path at T times.

    Attributes:
        clocks: (T, 1, H, W), alpha in [0, 1].
        states: (T, B, C, H, W), where the flow was.
        action: (22), on pairs that the path was not made from.
    """

    clocks: Tensor
    states: Tensor
    action: float


@dataclass(frozen=True)
class SearchSettings:
    """How a path is searched.

    Args:
        block_side: side of the blocks that have a clock each, pixels; None is the flow's.
        knots, iterations, learning_rate: see `least_clock_action`.
        seed: of the noise.
    """

    block_side: int | None = None
    knots: int = 9
    iterations: int = 100
    learning_rate: float = 0.1
    seed: int = 0


def compare_paths(
    flow: HadamardFlow,
    pictures: Tensor,
    times: Sequence[float],
    settings: SearchSettings,
    steps: int = 20,
    shown: int = 4,
    progress: Progress = lambda done: None,
) -> dict[str, PathStates]:
    """The straight path and the one of least action, by name.

    Args:
        flow: in evaluation mode.
        pictures: (N, C, H, W), N at least 2; the first half makes the path, the other measures it.
        times: increasing from 0 to 1, of the states.
        settings: of the search.
        steps: Euler's, between two times.
        shown: samples that are followed.
        progress: called with the fraction of the search that is done.

    Raises:
        InputError: if there are fewer than 2 pictures.
    """
    if len(pictures) < 2:
        raise InputError("a path is made from one half of the pictures and measured on the other: give 2 or more")
    noise = draw_normal(pictures, split(numbered_generator(settings.seed, 0), len(pictures)))
    half = len(pictures) // 2
    everywhere = torch.ones_like(pictures[:1, :1])
    best = _search(flow.requires_grad_(False), noise[:half], pictures[:half], settings, progress)
    compared = {}
    for name, path in (("straight", inpaint(everywhere)), ("least action", best)):
        with torch.no_grad():
            measured = action(path, flow.drifts, noise[half:], pictures[half:], 4 * settings.knots)
            states = [noise[:shown]]
            for begin, end in pairwise(times):
                between = torch.linspace(begin, end, steps + 1, dtype=torch.float64).tolist()
                states.append(integrate_path(path, flow.drifts, states[-1], between).x)
            clocks = [path.at(noise.new_tensor(time)).alpha(everywhere) for time in times]
        compared[name] = PathStates(torch.cat(clocks), torch.stack(states), measured.item())
    return compared


def _search(
    flow: HadamardFlow, noise: Tensor, pictures: Tensor, settings: SearchSettings, progress: Progress
) -> ClockTable:
    height, width = flow.shape[1:]
    blocks = raster(height, width, settings.block_side or flow.block_side)[None].to(noise.device)
    return least_clock_action(
        flow.drifts,
        noise,
        pictures,
        blocks,
        settings.knots,
        settings.iterations,
        settings.learning_rate,
        progress,
    )
