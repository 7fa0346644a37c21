r"""Paths: which process holds at time t, from the source or any start (t = 0) to the data (t = 1).

Along a path :math:`(\alpha_t, \beta_t)` the law of the process is carried by the probability flow

.. math::
    \dot X_t = \dot\alpha_t\,\eta_0(\alpha_t, \beta_t, X_t) + \dot\beta_t\,\eta_1(\alpha_t, \beta_t, X_t) \tag{7}

whatever the path, so one model does many tasks: a path on which some entries are known from the beginning
fills in the others (`HadamardPath`).

Numbering and source as in `interpolant`. Times are numbers () or one for each item (B,), in [0, 1].
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from latentinpaint.interpolants.broadcasting import per_item
from latentinpaint.interpolants.interpolant import Endpoints, Process
from latentinpaint.interpolants.operators import Hadamard, Scalar
from latentinpaint.interpolants.schedules import Linear, Schedule


class Path(ABC):
    """A process for every time."""

    @abstractmethod
    def at(self, t: Tensor) -> Process:
        """The process at time t."""

    @abstractmethod
    def rate(self, t: Tensor) -> Process:
        """The derivative in t of both operators."""

    def velocity(self, endpoints: Endpoints, t: Tensor) -> Tensor:
        """The probability flow's velocity (7) where `endpoints` are expected at time t."""
        return self.rate(t).point(endpoints.source, endpoints.data)

    def increment(self, endpoints: Endpoints, t: Tensor, s: Tensor) -> Tensor:
        r"""What an Euler step from t to s adds: :math:`(\alpha_s - \alpha_t)\eta_0 + (\beta_s - \beta_t)\eta_1`.

        The step is the operators' own difference and not a time step: however unevenly a path runs, one step from
        pure noise ends at the mean of the data.
        """
        return (self.at(s) - self.at(t)).point(endpoints.source, endpoints.data)


@dataclass(frozen=True)
class ScheduledPath(Path):
    """Generation: numbers alpha(t) and beta(t) of a schedule, the same for every entry."""

    schedule: Schedule = field(default_factory=Linear)

    def at(self, t: Tensor) -> Process:
        return Process(Scalar(self.schedule.alpha(t)), Scalar(self.schedule.beta(t)))

    def rate(self, t: Tensor) -> Process:
        return Process(Scalar(self.schedule.alpha_dot(t)), Scalar(self.schedule.beta_dot(t)))

    def endpoints_from_velocity(self, x: Tensor, velocity: Tensor, t: Tensor) -> Endpoints:
        """Both endpoints from the velocity (7) at x (B, …): (5) and (7) are two equations for the two of them."""
        now = self.at(t)
        rate = self.rate(t)
        schedule = self.schedule
        determinant = schedule.alpha_dot(t) * schedule.beta(t) - schedule.alpha(t) * schedule.beta_dot(t)
        divided = Scalar(determinant).inverse
        source = divided(now.beta(velocity) - rate.beta(x))
        data = divided(rate.alpha(x) - now.alpha(velocity))
        return Endpoints(source, data)


@dataclass(frozen=True, eq=False)
class StraightPath(Path):
    """Straight in the operators: from one process to another, such as a corruption's to the clean data's."""

    begin: Process
    end: Process

    def at(self, t: Tensor) -> Process:
        past = Scalar(1 - t)
        future = Scalar(t)
        alpha = past @ self.begin.alpha + future @ self.end.alpha
        beta = past @ self.begin.beta + future @ self.end.beta
        return Process(alpha, beta)

    def rate(self, t: Tensor) -> Process:
        return self.end - self.begin


@dataclass(frozen=True, eq=False)
class TabulatedPath(Path):
    """Numbers alpha and beta at equal times from 0 to 1, straight in between.

    Args:
        alphas, betas: (n,), n at least 2; a path from noise to data has ``alphas[0] = betas[-1] = 1`` and
            ``alphas[-1] = betas[0] = 0``.
    """

    alphas: Tensor
    betas: Tensor

    def at(self, t: Tensor) -> Process:
        interval, fraction = _interval(t, len(self.alphas))

        def interpolated(values: Tensor) -> Scalar:
            return Scalar((1 - fraction) * values[interval] + fraction * values[interval + 1])

        return Process(interpolated(self.alphas), interpolated(self.betas))

    def rate(self, t: Tensor) -> Process:
        interval, _ = _interval(t, len(self.alphas))
        steps = len(self.alphas) - 1

        def slope(values: Tensor) -> Scalar:
            return Scalar(steps * (values[interval + 1] - values[interval]))

        return Process(slope(self.alphas), slope(self.betas))


@dataclass(frozen=True, eq=False)
class ClockTable(Path):
    """Every entry's alpha at equal times from 0 to 1, straight in between, with beta = 1 - alpha.

    Args:
        alphas: (n, …), n at least 2, in [0, 1], as many dimensions as x (B, …); a path from noise to data has
            ``alphas[0] = 1`` and ``alphas[-1] = 0``.
    """

    alphas: Tensor

    def at(self, t: Tensor) -> Process:
        interval, fraction = _interval(t.reshape(-1), len(self.alphas))
        before = self.alphas[interval]
        return _entrywise(before + per_item(fraction, before) * (self.alphas[interval + 1] - before))

    def rate(self, t: Tensor) -> Process:
        interval, _ = _interval(t.reshape(-1), len(self.alphas))
        slope = (len(self.alphas) - 1) * (self.alphas[interval + 1] - self.alphas[interval])
        return Process(Hadamard(slope), Hadamard(-slope))


@dataclass(frozen=True, eq=False)
class HadamardPath(Path):
    r"""Every entry by its own clock, with :math:`\beta = 1 - \alpha` (9):

    .. math:: \alpha_t = a\,(1 - c_t)^p, \qquad c_t = \mathrm{clip}((t - b) / (e - b), 0, 1).

    An entry with a = 0 is data all the time: known. Where the source is independent of the data, the entries that
    are not known end distributed as the data given the known ones, whatever their clocks.

    Where clocks start or stop between 0 and 1 the velocity jumps: let the steps of a solver end there, and let it be
    one of first order, which looks at the beginnings of steps only.

    Args:
        level: the noise a that an entry begins with, in [0, 1].
        begin, end: times at which its clock starts and stops, begin < end.
        power: the power p, above 0: entries of different power run at different speeds.

    All broadcast against x (B, …) and have as many dimensions; `begin`, `end` and `power` may be numbers. A power
    below 1 ends with an infinite velocity: integrate such a path with `integrate_path`.
    """

    level: Tensor
    begin: Tensor | float = 0.0
    end: Tensor | float = 1.0
    power: Tensor | float = 1.0

    def __post_init__(self) -> None:
        if not self.level.is_floating_point():
            raise ValueError("a level of noise is a floating-point number")
        if ((self.level < 0) | (self.level > 1)).any():
            raise ValueError("a level of noise is in [0, 1]")
        if not (torch.as_tensor(self.end) > torch.as_tensor(self.begin)).all():
            raise ValueError("a clock stops after it starts")
        if not (torch.as_tensor(self.power) > 0).all():
            raise ValueError("the power of a clock is above 0")

    def at(self, t: Tensor) -> Process:
        return _entrywise(self.level * (1 - self._clock(t)) ** self.power)

    def rate(self, t: Tensor) -> Process:
        # At the very end the slope is the one from the left: solvers look there, and nothing follows.
        time = per_item(t, self.level)
        end = torch.as_tensor(self.end, dtype=self.level.dtype, device=self.level.device)
        running = (time >= self.begin) & ((time < end) | (end >= 1))
        slope = self.power * (1 - self._clock(t)) ** (self.power - 1) / (end - self.begin)
        rate = torch.where(running & (self.level > 0), -self.level * slope, torch.zeros_like(self.level))
        return Process(Hadamard(rate), Hadamard(-rate))

    def start(self, x: Tensor, noise: Tensor) -> Tensor:
        """``X_0``: noise where an entry begins as noise, x (B, …) where it is known, both at levels between."""
        return self.at(torch.zeros((), dtype=x.dtype, device=x.device)).point(noise, x)

    def _clock(self, t: Tensor) -> Tensor:
        return ((per_item(t, self.level) - self.begin) / (self.end - self.begin)).clamp(0, 1)


def inpaint(hole: Tensor, power: Tensor | float = 1.0) -> HadamardPath:
    """Fill the entries where `hole` (B or 1, …) is 1 or True, given those where it is 0."""
    return HadamardPath(_floating(hole), power=power)


def sequential(hole: Tensor, block_order: Tensor) -> HadamardPath:
    """Fill block after block, each given the known entries and the blocks before.

    Args:
        hole: (B or 1, …), 1 or True where there is something to fill.
        block_order: whole numbers 0, 1, … that broadcast against `hole`: the position of an entry's block in the
            order; see `raster` and `morton`. Every block takes the same time, those without anything to fill too.
    """
    hole = _floating(hole)
    count = int(block_order.max()) + 1
    begin = block_order.to(hole) / count
    return HadamardPath(hole, begin, begin + 1 / count)


def denoise(level: Tensor) -> HadamardPath:
    r"""Begin at a level of noise in [0, 1] (B or 1, …): an observation :math:`y = x + \sigma n` has the level
    :math:`\sigma / (1 + \sigma)` and begins at :math:`y / (1 + \sigma)`.

    Its samples are distributed as the data on average over y, but not as the data given y.
    """
    return HadamardPath(level)


def raster(height: int, width: int, side: int) -> Tensor:
    """Positions of square blocks of `side` entries in reading order, (height, width)."""
    rows, columns, across = _blocks(height, width, side)
    return rows * across + columns


def morton(height: int, width: int, side: int) -> Tensor:
    """Positions of square blocks of `side` entries along the Z-order curve, (height, width): neighbours are near."""
    rows, columns, across = _blocks(height, width, side)
    code = torch.zeros_like(rows + columns)
    for bit in range(max(1, math.ceil(math.log2(max(across, -(-height // side), 2))))):
        code |= ((columns >> bit) & 1) << (2 * bit) | ((rows >> bit) & 1) << (2 * bit + 1)
    return code.unique(return_inverse=True)[1]


# Name -> height, width and side of the blocks to their positions (height, width).
ORDERS: dict[str, Callable[[int, int, int], Tensor]] = {"raster": raster, "morton": morton}


def _blocks(height: int, width: int, side: int) -> tuple[Tensor, Tensor, int]:
    """Rows (h, 1) and columns (1, w) of the blocks that entries lie in, and how many blocks lie side by side."""
    if side < 1:
        raise ValueError(f"blocks have sides of 1 entry or more, not {side}")
    return (
        torch.arange(height)[:, None] // side,
        torch.arange(width)[None, :] // side,
        -(-width // side),
    )


def _interval(t: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The interval between `count` equal times that t lies in, and the fraction of it that lies before t."""
    scaled = t * (count - 1)
    interval = scaled.floor().clamp(0, count - 2)
    return interval.long(), scaled - interval


def _floating(hole: Tensor) -> Tensor:
    return hole if hole.is_floating_point() else hole.float()


def _entrywise(alpha: Tensor) -> Process:
    return Process(Hadamard(alpha), Hadamard(1 - alpha))
