"""Following a velocity field from the source to the data.

The ordinary differential equation ``dx/dt = field(x, t)`` is solved by torchdiffeq (Chen 2018): three methods
with a fixed number of equal steps, and the adaptive Dormand-Prince method, which chooses its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torchdiffeq
from torch import Tensor

from latentinpaint.errors import InputError

Field = Callable[[Tensor, Tensor], Tensor]


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


@dataclass(frozen=True)
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
    span: tuple[float, float] = (0.0, 1.0),
    rtol: float = 1e-3,
    atol: float = 1e-3,
    max_step: float | None = None,
) -> Trajectory:
    """Solve ``dx/dt = field(x, t)`` from ``x(span[0]) = start`` to ``span[1]``.

    Args:
        field: takes x (B, …) and t (B,), answers the velocity (B, …).
        start: (B, …).
        method: a key of `SOLVERS`.
        steps: number of equal steps; the adaptive method ignores it.
        span: first and last time; may run backwards.
        rtol, atol: tolerances of the adaptive method. Its rows are solved one by one, so that a row's answer does
            not depend on its neighbours in the batch.
        max_step: longest step of the adaptive method, above 0, and its first; None leaves both to it.

    Raises:
        InputError: if the method is not known, steps is below 1 or max_step is not above 0.
    """
    if method not in SOLVERS:
        raise InputError(f"there is no solver '{method}': choose one of {', '.join(SOLVERS)}")
    if steps < 1:
        raise InputError(f"steps is a whole number from 1 up, not {steps}")
    if max_step is not None and not max_step > 0:
        raise InputError(f"max_step is a time above 0, not {max_step}")
    if not SOLVERS[method].adaptive:
        times = torch.linspace(*span, steps + 1, dtype=start.dtype, device=start.device)
        return _solve(field, start, times, method, {})
    times = torch.tensor(span, dtype=start.dtype, device=start.device)
    settings: dict[str, Any] = {"rtol": rtol, "atol": atol}
    if max_step is not None:
        settings["options"] = {"first_step": max_step, "max_step": max_step}
    rows = [_solve(field, row, times, method, settings) for row in start.split(1)]
    return Trajectory(torch.cat([row.final for row in rows]), max(row.evaluations for row in rows))


def _solve(field: Field, start: Tensor, times: Tensor, method: str, settings: dict[str, Any]) -> Trajectory:
    evaluations = 0

    def counted(t: Tensor, x: Tensor) -> Tensor:
        nonlocal evaluations
        evaluations += 1
        return field(x, t.to(x.dtype).expand(x.shape[0]))

    path = torchdiffeq.odeint(counted, start, times, method=method, **settings)
    return Trajectory(path[-1], evaluations)
