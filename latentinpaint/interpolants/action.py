r"""The action of a path, and paths of least action.

.. math::
    \min_{(\alpha_t, \beta_t)} \int_0^1 \mathbb E\|\dot\alpha_t\,\eta_0(\alpha_t, \beta_t, I_t)
    + \dot\beta_t\,\eta_1(\alpha_t, \beta_t, I_t)\|^2\,dt \tag{22}

with its first and last operators fixed: the kinetic energy of the probability flow, never below the squared
Wasserstein distance of its endpoints. A path of less action moves its samples less, and so takes fewer steps.

Numbering and source as in `interpolant`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.interpolants.interpolant import Drifts
from latentinpaint.interpolants.operators import Scalar
from latentinpaint.interpolants.paths import ClockTable, Path, ScheduledPath, TabulatedPath

GOLDEN = (5**0.5 - 1) / 2  # its multiples fill [0, 1) evenly, modulo 1


def action(path: Path, drifts: Drifts, x_0: Tensor, x_1: Tensor, intervals: int = 100, where: float = 0.5) -> Tensor:
    """The integral of (22), by the midpoint rule.

    Args:
        path: from the source to the data.
        drifts: the model of the endpoints.
        x_0, x_1: pairs of endpoints (B, …), over which the expectation is taken; independent if the drifts' are.
        intervals: of the midpoint rule.
        where: in each interval the integrand is looked at, in [0, 1]; 0.5 is its middle.

    Returns:
        A scalar: the squared speed, summed over entries, averaged over items, integrated over time.
    """
    total = x_0.new_zeros(())
    for number in range(intervals):
        t = x_0.new_tensor((number + where) / intervals)
        process = path.at(t)
        velocity = path.velocity(drifts(process, process.point(x_0, x_1)), t)
        total = total + velocity.square().flatten(1).sum(dim=1).mean()
    return total / intervals


def least_action(
    drifts: Drifts,
    x_0: Tensor,
    x_1: Tensor,
    start: Path | None = None,
    knots: int = 17,
    iterations: int = 500,
    learning_rate: float = 0.01,
    progress: Callable[[float], None] = lambda done: None,
) -> TabulatedPath:
    """The path of numbers alpha and beta whose action is least, found by Adam from a path to begin with.

    Args:
        drifts: the model of the endpoints; gradients pass through it to the process and the point.
        x_0, x_1: pairs of endpoints (B, …).
        start: path of numbers to begin with, None for the straight one.
        knots: times at which the numbers are free, the fixed first and last included, 3 or more.
        iterations: Adam's steps.
        learning_rate: Adam's, falling to zero.
        progress: called after every step with the fraction of them that is done.

    Raises:
        InputError: if there are fewer than 3 knots.
    """
    _check_knots(knots)
    times = torch.linspace(0, 1, knots, dtype=x_0.dtype, device=x_0.device)
    begun = (start or ScheduledPath()).at(times)
    assert isinstance(begun.alpha, Scalar) and isinstance(begun.beta, Scalar)
    alphas = begun.alpha.values[1:-1].detach().clone().requires_grad_()
    betas = begun.beta.values[1:-1].detach().clone().requires_grad_()
    one = x_0.new_ones(1)
    zero = x_0.new_zeros(1)

    def path() -> TabulatedPath:
        return TabulatedPath(torch.cat([one, alphas, zero]), torch.cat([zero, betas, one]))

    # One midpoint an interval: inside one the velocity changes with the square of its length alone.
    descent = Descent(drifts, x_0, x_1, knots - 1, iterations, learning_rate, progress)
    descent.run(path, [alphas, betas], lambda iteration: 0.5)
    with torch.no_grad():
        return path()


def least_clock_action(
    drifts: Drifts,
    x_0: Tensor,
    x_1: Tensor,
    clocks: Tensor,
    knots: int = 17,
    iterations: int = 300,
    learning_rate: float = 0.1,
    progress: Callable[[float], None] = lambda done: None,
) -> ClockTable:
    """The path of entrywise alpha and beta = 1 - alpha, from noise to data, whose action is least among those whose
    alphas only fall, found by Adam from the straight one.

    Args:
        drifts: a model of the endpoints for entrywise operators; gradients pass through it to the process.
        x_0, x_1: pairs of endpoints (B, …).
        clocks: whole numbers from 0 on that broadcast against an item of x, as many dimensions: the clock of an
            entry. Entries of one clock have one alpha.
        knots: times at which the alphas are free, the fixed first and last included, 3 or more.
        iterations, learning_rate, progress: see `least_action`; it is the fall of an alpha over an interval that is
            learnt, as the logarithm of its share.

    Raises:
        InputError: if there are fewer than 3 knots.
    """
    _check_knots(knots)
    count = int(clocks.max()) + 1
    falls = x_0.new_zeros(knots - 1, count).requires_grad_()
    ends = x_0.new_ones(1, count)

    def path() -> ClockTable:
        fallen = falls.softmax(dim=0).cumsum(dim=0)
        alphas = torch.cat([ends, 1 - fallen[:-1], 0 * ends])
        return ClockTable(alphas[:, clocks])

    # One look at an interval, at another place every time: were it fixed, a path would be slow there and then jump.
    descent = Descent(drifts, x_0, x_1, knots - 1, iterations, learning_rate, progress)
    descent.run(path, [falls], lambda iteration: GOLDEN * iteration % 1)
    with torch.no_grad():
        return path()


@dataclass(frozen=True, eq=False)
class Descent:
    """Adam on what a path is made of, towards less action; the arguments are those of `least_action`."""

    drifts: Drifts
    x_0: Tensor
    x_1: Tensor
    intervals: int
    iterations: int
    learning_rate: float
    progress: Callable[[float], None]

    def run(self, path: Callable[[], Path], free: list[Tensor], where: Callable[[int], float]) -> None:
        """Change the tensors that `path` reads; `where` in its intervals an iteration looks, see `action`."""
        optimiser = torch.optim.Adam(free, lr=self.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.iterations)
        for iteration in range(1, self.iterations + 1):
            value = action(path(), self.drifts, self.x_0, self.x_1, self.intervals, where(iteration))
            slopes = torch.autograd.grad(value, free)
            for part, slope in zip(free, slopes, strict=True):
                part.grad = slope  # and not into the drifts' network
            optimiser.step()
            schedule.step()
            self.progress(iteration / self.iterations)


def _check_knots(knots: int) -> None:
    if knots < 3:
        raise InputError(f"a path of least action has 3 knots or more, not {knots}")
