r"""A path that is chosen on the way: block after block, where the next block depends on the state so far.

An entry with alpha = 1 is noise and tells nothing of the data, so the expected data :math:`\eta_1` are those given
what is done already, and a choice that looks at them alone depends on nothing else. Whatever the choice, the blocks
that wait are still distributed as the data given those that are done: with exact drifts, the samples have the data's
law.

The choice here is the block that is least certain: for data in [-L, L] with mean m the variance is
:math:`(L - m)(L + m)` at most (Bhatia and Davis, "A better bound on the variance", American Mathematical Monthly 107,
2000), which the expected data give without a derivative of the model. What is decided first leaves the rest with less
to decide; `benchmarks/block_order.py` compares the orders.

The alphas are those of arXiv 2508.04605, whose section 3.4 suggests paths that are adapted while sampling.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from latentinpaint.interpolants.interpolant import Drifts, Endpoints, Process
from latentinpaint.interpolants.operators import Hadamard
from latentinpaint.interpolants.path_solvers import integrate_path
from latentinpaint.interpolants.paths import HadamardPath
from latentinpaint.interpolants.solvers import Progress, Solution
from latentinpaint.runtime.randomness import Generators, split

# Expected data (B, C, H, W) to how urgent an entry is, the same shape: the larger, the earlier.
Urgency = Callable[[Tensor], Tensor]


class Remembered:
    """Drifts whose first evaluation is known already."""

    def __init__(self, drifts: Drifts, first: Endpoints) -> None:
        self.drifts = drifts
        self.first: Endpoints | None = first

    def __call__(self, process: Process, x: Tensor) -> Endpoints:
        known = self.first
        if known is None:
            return self.drifts(process, x)
        self.first = None
        return known


def variance_bound(expected: Tensor, largest: float = 1.0) -> Tensor:
    """The largest variance of data in [-largest, largest] of which this is the mean."""
    return (largest**2 - expected.square()).clamp(min=0)


def integrate_adaptively(
    drifts: Drifts,
    start: Tensor,
    hole: Tensor,
    blocks: Tensor,
    steps: int,
    *,
    urgency: Urgency = variance_bound,
    method: str = "euler",
    epsilon: float = 0.0,
    generator: Generators = None,
    progress: Progress = lambda done: None,
) -> Solution:
    """Fill holes block after block, of those that wait the one of largest mean urgency next.

    Args:
        drifts: the model of the endpoints.
        start: (B, C, H, W), noise in the hole and data elsewhere.
        hole: (B, 1, H, W), 1 in the hole, 0 elsewhere.
        blocks: whole numbers from 0 on (H, W): the block of an entry. The order of the numbers has no meaning.
        steps: of one block.
        urgency: of entries, from the expected data.
        method, epsilon, generator: see `integrate_path`.
        progress: called after every block with the fraction of them that is done.

    Returns:
        The solution. The evaluation that chooses a block is also the first of its steps.
    """
    generators = split(generator, len(start))
    waiting = hole > 0
    solution = Solution(start, 0)
    count = int(blocks.max()) + 1
    for number in range(1, count + 1):
        if not waiting.any():
            break
        x = solution.x
        level = waiting.to(x)
        ends = drifts(Process(Hadamard(level), Hadamard(1 - level)), x)
        chosen = _most_urgent(urgency(ends.data).mean(dim=1, keepdim=True), waiting, blocks)
        others = (~chosen).to(x)
        path = HadamardPath(level, begin=others, end=1 + others)
        filled = integrate_path(
            path,
            Remembered(drifts, ends),
            x,
            steps,
            method=method,
            epsilon=epsilon,
            active_mask=chosen.to(x),
            generator=generators,
        )
        solution = replace(filled, nfe=solution.nfe + filled.nfe)
        waiting = waiting & ~chosen
        progress(number / count)
    return solution


def _most_urgent(values: Tensor, waiting: Tensor, blocks: Tensor) -> Tensor:
    """Where the block is (B, 1, H, W) whose entries that wait have the largest mean of the values (B, 1, H, W)."""
    numbers = blocks.to(values.device).flatten().expand(len(values), -1)
    waits = waiting.flatten(1).to(values)
    empty = values.new_zeros(len(values), int(blocks.max()) + 1)
    counts = empty.scatter_add(1, numbers, waits)
    totals = empty.scatter_add(1, numbers, values.flatten(1) * waits)
    means = torch.where(counts > 0, totals / counts.clamp(min=1), -torch.inf)
    chosen = numbers == means.argmax(dim=1, keepdim=True)
    return chosen.view(waiting.shape) & waiting
