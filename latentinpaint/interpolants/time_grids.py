r"""Time grids: where the steps of a solver lie, by name.

    uniform   :math:`t_k = k / n`
    power     :math:`t_k = (k / n)^p`; p below 1 puts more steps near the data. Where samples are conditioned on much,
              as in a hole, their variance c is small, and a flow bends where noise and data are alike,
              :math:`t = 1 / (1 + \sqrt c)`, later than 1/2.
    trained   quantiles k / n of the distribution that the model's training times had

The grids are compared, in the spread of an exact Gaussian flow's samples, in docs/interpolants.md.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from latentinpaint.errors import whole_number

POWER = 0.7
RESOLUTION = 4096  # intervals on which a distribution of times is inverted

# The distribution function of training times, from (n,) in [0, 1] to the same.
Distribution = Callable[[Tensor], Tensor]


def uniform_grid(steps: int, trained: Distribution) -> list[float]:
    """Equal steps."""
    return power_grid(steps, trained, 1.0)


def power_grid(steps: int, trained: Distribution, power: float = POWER) -> list[float]:
    """Equal steps to the power."""
    whole_number("steps", steps, 1)
    times = []
    for number in range(steps + 1):
        times.append((number / steps) ** power)
    return times


def trained_grid(steps: int, trained: Distribution) -> list[float]:
    """Steps that are as long as training times were rare."""
    whole_number("steps", steps, 1)
    grid = torch.linspace(0, 1, RESOLUTION + 1, dtype=torch.float64)
    reached = trained(grid)
    levels = torch.arange(1, steps, dtype=torch.float64) / steps
    above = torch.searchsorted(reached, levels)
    share = (levels - reached[above - 1]) / (reached[above] - reached[above - 1])
    inner = grid[above - 1] + share / RESOLUTION
    return [0.0, *inner.tolist(), 1.0]


# Name -> number of steps and distribution of training times to n + 1 times, from 0 to 1.
TIME_GRIDS: dict[str, Callable[[int, Distribution], list[float]]] = {
    "uniform": uniform_grid,
    "power": power_grid,
    "trained": trained_grid,
}
