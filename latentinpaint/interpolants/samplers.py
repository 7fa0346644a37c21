r"""Following a velocity field, or a path of processes, from the source to the data.

`integrate` solves the ordinary differential equation ``dx/dt = field(x, t)`` by torchdiffeq (Chen 2018): three
methods with a fixed number of equal steps, and the adaptive Dormand-Prince method, which chooses its own.

`simulate` takes Euler's steps along a path and can add noise on the way, by one of two equations with the same laws,

.. math::
    dX_t &= [\dot\alpha_t\eta_0 + \dot\beta_t\eta_1 - \epsilon_t\alpha_t^{-\top}\eta_0]\,dt
            + \sqrt{2\epsilon_t}\,dW_t, \tag{8} \\
    dX_t &= [\dot\alpha_t\eta_0 + \dot\beta_t\eta_1 - \epsilon_t\eta_0]\,dt
            + \sqrt{2\epsilon_t}\,\alpha_t^{1/2}\,dW_t, \tag{8a}

of which the second wants alpha symmetric and positive, and has no singularity where alpha vanishes. Numbering and
source as in `interpolant`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral
from typing import Any

import torch
import torchdiffeq
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.interpolants.interpolant import Drifts, Ends, Process
from latentinpaint.interpolants.operators import fitting
from latentinpaint.interpolants.paths import Path
from latentinpaint.randomness import Generators, draw_normal, split

# x (B, …) and t (B,), and what else was given a row, to the velocity (B, …).
Field = Callable[..., Tensor]


@dataclass(frozen=True)
class Solver:
    """A method of torchdiffeq: its order of convergence, and whether it chooses its steps."""

    order: int
    adaptive: bool


SOLVERS: dict[str, Solver] = {
    "euler": Solver(1, adaptive=False),
    "midpoint": Solver(2, adaptive=False),
    "rk4": Solver(4, adaptive=False),
    "dopri5": Solver(5, adaptive=True),
}


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Where a path ended: `final` (B, …), and the number of `evaluations` of the field a batch row took."""

    final: Tensor
    evaluations: int


def integrate(
    field: Field,
    start: Tensor,
    *,
    method: str = "euler",
    steps: int = 20,
    given: Sequence[Tensor] = (),
    span: tuple[float, float] = (0.0, 1.0),
    rtol: float = 1e-3,
    atol: float = 1e-3,
    max_step: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> Trajectory:
    """Solve ``dx/dt = field(x, t)`` from ``x(span[0]) = start`` to ``span[1]``.

    Args:
        field: takes x (B, …) and t (B,), answers the velocity (B, …).
        start: (B, …).
        given: tensors (B, …) that the field takes after t, row by row: what the velocity depends on besides.
        method: a key of `SOLVERS`.
        steps: number of equal steps; the adaptive method ignores it.
        span: first and last time; may run backwards.
        rtol, atol: tolerances of the adaptive method. Its rows are solved one by one, so that a row's answer does
            not depend on its neighbours in the batch.
        max_step: longest step of the adaptive method, above 0, and its first; None leaves both to it.
        progress: called at every evaluation with the fraction of the span that lies behind, for each row anew if the
            method is adaptive.

    Raises:
        InputError: if the method is not known, steps is below 1, max_step is not above 0 or the span is empty; if the
            adaptive method's step vanishes because the field is too steep for its tolerances.
    """
    if method not in SOLVERS:
        raise InputError(f"there is no solver '{method}': choose one of {', '.join(SOLVERS)}")
    if steps < 1:
        raise InputError(f"steps is a whole number from 1 up, not {steps}")
    if max_step is not None and not max_step > 0:
        raise InputError(f"max_step is a time above 0, not {max_step}")
    if span[0] == span[1]:
        raise InputError(f"a span has two different times, not {span[0]} twice")
    precision = torch.promote_types(start.dtype, torch.float32)
    if not SOLVERS[method].adaptive:
        times = torch.linspace(*span, steps + 1, dtype=precision, device=start.device)
        return _solve(field, start, given, times, method, {}, progress)
    times = torch.tensor(span, dtype=precision, device=start.device)
    # A step has to end at the last time: beyond, a field that leads to data need not even be finite.
    options: dict[str, Any] = {"step_t": times[-1:]}
    if max_step is not None:
        options |= {"first_step": max_step, "max_step": max_step}
    settings = {"rtol": rtol, "atol": atol, "options": options}
    parts = zip(start.split(1), *(tensor.split(1) for tensor in given), strict=True)
    rows = [_solve(field, row, its, times, method, settings, progress) for row, *its in parts]
    return Trajectory(torch.cat([row.final for row in rows]), max(row.evaluations for row in rows))


def _solve(
    field: Field,
    start: Tensor,
    given: Sequence[Tensor],
    times: Tensor,
    method: str,
    settings: dict[str, Any],
    progress: Callable[[float], None] | None,
) -> Trajectory:
    evaluations = 0

    def counted(t: Tensor, x: Tensor) -> Tensor:
        nonlocal evaluations
        evaluations += 1
        if progress is not None:
            progress(((t - times[0]) / (times[-1] - times[0])).item())
        return field(x, t.to(x.dtype).expand(x.shape[0]), *given)

    try:
        path = torchdiffeq.odeint(counted, start, times, method=method, **settings)
    except AssertionError as error:
        if "underflow" not in str(error):
            raise
        raise InputError(
            f"the steps of {method} vanish, the field is too steep for it: take rk4 with a number of steps, or "
            "looser tolerances"
        ) from error
    return Trajectory(path[-1], evaluations)


class Noise(ABC):
    """How noise is added along a path without a change to the laws on it."""

    @abstractmethod
    def step(self, process: Process, ends: Ends, amount: float, normal: Tensor) -> Tensor:
        """What `amount` = epsilon dt adds, with standard normal numbers (B, …)."""


class PlainNoise(Noise):
    """(8): the same noise in every direction; alpha needs an inverse."""

    def step(self, process: Process, ends: Ends, amount: float, normal: Tensor) -> Tensor:
        return amount * process.score(ends) + math.sqrt(2 * amount) * normal


class ScaledNoise(Noise):
    """(8a): as much noise as alpha has; it needs a symmetric square root."""

    def step(self, process: Process, ends: Ends, amount: float, normal: Tensor) -> Tensor:
        return -amount * ends.source + math.sqrt(2 * amount) * process.alpha.sqrt(normal)


NOISES: dict[str, type[Noise]] = {"plain": PlainNoise, "scaled": ScaledNoise}


def simulate(
    path: Path,
    drifts: Drifts,
    start: Tensor,
    times: Sequence[float] | int = 80,
    *,
    epsilon: float = 0.0,
    noise: str = "scaled",
    moving: Tensor | None = None,
    generator: Generators = None,
    progress: Callable[[float], None] | None = None,
) -> Trajectory:
    """Euler's steps along a path, Euler-Maruyama's where there is noise.

    A step adds the difference of the operators themselves, not a rate times a time step: one step from pure noise
    ends at the mean of the data, however unevenly the path runs.

    Args:
        path: see `paths`.
        drifts: the model of the ends.
        start: (B, …), the state at the first time.
        times: increasing times of the steps' ends, the first one included, or the number of equal steps in [0, 1].
        epsilon: rate of the noise, 0 or more; 0 is the probability flow (7).
        noise: a key of `NOISES`.
        moving: (B or 1, …), 0 where nothing moves, whatever the model says, 1 elsewhere; None moves everything.
        generator: source of the noise, one, of which every row gets its own, or one a row.
        progress: called after every step with the fraction of them that is done.

    Raises:
        InputError: if the times do not increase, epsilon is below 0 or the noise is not known.
    """
    if isinstance(times, Integral):
        times = [k / times for k in range(times + 1)] if times > 0 else []
    if len(times) < 2 or any(s <= t for t, s in pairwise(times)):
        raise InputError("simulate takes one step or more, at times that increase")
    if noise not in NOISES:
        raise InputError(f"there is no noise '{noise}': choose one of {', '.join(NOISES)}")
    if epsilon < 0:
        raise InputError(f"epsilon is 0 or more, not {epsilon}")
    kind, x, generators = NOISES[noise](), start, split(generator, len(start)) if epsilon > 0 else None
    if moving is not None:
        fitting(moving, start)
    for done, (now, then) in enumerate(pairwise(times), start=1):
        t, s = (torch.tensor(time, dtype=x.dtype, device=x.device) for time in (now, then))
        process = path.at(t)
        ends = drifts(process, x)
        change = path.increment(ends, t, s)
        if epsilon > 0:
            change = change + kind.step(process, ends, epsilon * (then - now), draw_normal(x, generators))
        x = x + change if moving is None else torch.where(moving > 0, x + change, x)
        if progress is not None:
            progress(done / (len(times) - 1))
    return Trajectory(x, len(times) - 1)
