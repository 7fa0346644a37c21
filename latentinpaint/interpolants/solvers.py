r"""Solvers of the ordinary differential equation ``dx/dt = field(x, t)``, from the source to the data or back.

A method with a fixed number of equal steps is a class with one `step` from t to s = t + h; the loop is in its base
class. The adaptive Dormand-Prince method, which chooses its own steps, is torchdiffeq's (Chen 2018).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import torch
import torchdiffeq
from torch import Tensor

from latentinpaint.errors import InputError, choose, whole_number

# x (B, …), t (B,) and further arguments (B, …) to the velocity (B, …).
Field = Callable[..., Tensor]
# Called with the fraction that is done, in [0, 1].
Progress = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class Solution:
    """The end of an integration.

    Attributes:
        x: (B, …), the state at the last time.
        nfe: number of function evaluations, of the field or the drifts, that one item of the batch took.
    """

    x: Tensor
    nfe: int


@dataclass(frozen=True)
class StepControl:
    """How finely a solver integrates.

    Args:
        steps: number of equal steps; adaptive methods ignore it.
        rtol, atol: tolerances of an adaptive method.
        max_step: longest step of an adaptive method, above 0, and its first; None leaves both to it.
        shared_steps: whether the items of a batch share the steps of an adaptive method, chosen so that the error of
            every item is within the tolerances: one evaluation for all of them in place of one for each, but an
            item's solution depends, within the tolerances, on its neighbours.

    Raises:
        InputError: if steps is below 1 or max_step is not above 0.
    """

    steps: int = 20
    rtol: float = 1e-3
    atol: float = 1e-3
    max_step: float | None = None
    shared_steps: bool = False

    def __post_init__(self) -> None:
        whole_number("steps", self.steps, 1)
        if self.max_step is not None and not self.max_step > 0:
            raise InputError(f"max_step is a time above 0, not {self.max_step}")


class CountedField:
    """A batch's velocity field at a single time, which counts its evaluations and reports progress.

    Args:
        field: takes x (B, …), t (B,) and the further arguments.
        extra_args: the further arguments, tensors (B, …).
        times: at least two; the fraction of the span from the first to the last is the progress.
        progress: called at every evaluation; None reports nothing.
    """

    def __init__(self, field: Field, extra_args: Sequence[Tensor], times: Tensor, progress: Progress | None) -> None:
        self.field = field
        self.extra_args = extra_args
        self.start = times[0]
        self.length = times[-1] - times[0]
        self.progress = progress
        self.nfe = 0

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        """The velocity (B, …) at x (B, …) and the time t ()."""
        self.nfe += 1
        t = t.to(x.dtype)
        if self.progress is not None:
            self.progress(((t - self.start) / self.length).item())
        return self.field(x, t.expand(len(x)), *self.extra_args)


class Solver(ABC):
    """One method.

    Attributes:
        order: of convergence.
        adaptive: whether it chooses its own steps.

    Args:
        control: how finely it integrates.
    """

    order: ClassVar[int]
    adaptive: ClassVar[bool]

    def __init__(self, control: StepControl) -> None:
        self.control = control

    @abstractmethod
    def solve(
        self,
        field: Field,
        start: Tensor,
        extra_args: Sequence[Tensor],
        span: tuple[float, float],
        progress: Progress | None,
    ) -> Solution:
        """Integrate from ``x(span[0]) = start``; see `integrate` for the arguments."""


class FixedStepSolver(Solver):
    """Base of methods with equal steps: a method defines `step`."""

    adaptive = False

    @abstractmethod
    def step(self, field: CountedField, x: Tensor, t: Tensor, s: Tensor) -> Tensor:
        """The state (B, …) at time s from the state x (B, …) at time t; both times are ()."""

    def solve(
        self,
        field: Field,
        start: Tensor,
        extra_args: Sequence[Tensor],
        span: tuple[float, float],
        progress: Progress | None,
    ) -> Solution:
        times = torch.linspace(*span, self.control.steps + 1, dtype=_time_dtype(start), device=start.device)
        counted = CountedField(field, extra_args, times, progress)
        x = start
        for t, s in pairwise(times):
            x = self.step(counted, x, t, s)
        return Solution(x.to(start.dtype), counted.nfe)


class Euler(FixedStepSolver):
    """``x + h f(x, t)``."""

    order = 1

    def step(self, field: CountedField, x: Tensor, t: Tensor, s: Tensor) -> Tensor:
        return x + (s - t) * field(x, t)


class Midpoint(FixedStepSolver):
    """The explicit midpoint rule: ``x + h f(x + h/2 f(x, t), t + h/2)``."""

    order = 2

    def step(self, field: CountedField, x: Tensor, t: Tensor, s: Tensor) -> Tensor:
        h = s - t
        half = 0.5 * h
        middle = x + field(x, t) * half
        return x + h * field(middle, t + half)


class RungeKutta4(FixedStepSolver):
    """Kutta's 3/8 rule: four evaluations, with a smaller error than the classical method of fourth order."""

    order = 4

    def step(self, field: CountedField, x: Tensor, t: Tensor, s: Tensor) -> Tensor:
        h = s - t
        third = 1 / 3
        k1 = field(x, t)
        k2 = field(x + h * k1 * third, t + h * third)
        k3 = field(x + h * (k2 - k1 * third), t + h * (2 * third))
        k4 = field(x + h * (k1 - k2 + k3), s)
        return x + (k1 + 3 * (k2 + k3) + k4) * h * 0.125


class TorchdiffeqSolver(Solver):
    """Base of torchdiffeq's adaptive methods: a method is its name there.

    The items of a batch are solved one by one, so that the solution of one does not depend on its neighbours, unless
    they are to share their steps.
    """

    adaptive = True
    method: ClassVar[str]

    def solve(
        self,
        field: Field,
        start: Tensor,
        extra_args: Sequence[Tensor],
        span: tuple[float, float],
        progress: Progress | None,
    ) -> Solution:
        times = torch.tensor(span, dtype=_time_dtype(start), device=start.device)
        at_once = len(start) if self.control.shared_steps else 1
        states = []
        nfe = 0
        for first in range(0, len(start), at_once):
            part = slice(first, first + at_once)
            counted = CountedField(field, [tensor[part] for tensor in extra_args], times, progress)
            states.append(self._solve_part(counted, start[part], times))
            nfe = max(nfe, counted.nfe)
        return Solution(torch.cat(states), nfe)

    def _solve_part(self, field: CountedField, start: Tensor, times: Tensor) -> Tensor:
        """Items (n, …) with the same steps."""
        # A step has to end at the last time: beyond, a field that leads to data need not even be finite.
        options: dict[str, Any] = {"step_t": times[-1:], "norm": _largest_of_items}
        if self.control.max_step is not None:
            options |= {"first_step": self.control.max_step, "max_step": self.control.max_step}

        def time_first(t: Tensor, x: Tensor) -> Tensor:
            return field(x, t)

        tolerances = {"rtol": self.control.rtol, "atol": self.control.atol}
        try:
            states = torchdiffeq.odeint(time_first, start, times, method=self.method, options=options, **tolerances)
        except AssertionError as error:
            if "underflow" not in str(error):
                raise
            raise InputError(
                f"the steps of {self.method} vanish, the field is too steep for it: take rk4 with a number of steps, "
                "or looser tolerances"
            ) from error
        return states[-1]


class DormandPrince(TorchdiffeqSolver):
    """Dormand and Prince's method of fifth order with an embedded one of fourth order that estimates the error."""

    order = 5
    method = "dopri5"


SOLVERS: dict[str, type[Solver]] = {
    "euler": Euler,
    "midpoint": Midpoint,
    "rk4": RungeKutta4,
    "dopri5": DormandPrince,
}


def integrate(
    field: Field,
    start: Tensor,
    *,
    method: str = "euler",
    steps: int = 20,
    extra_args: Sequence[Tensor] = (),
    span: tuple[float, float] = (0.0, 1.0),
    rtol: float = 1e-3,
    atol: float = 1e-3,
    max_step: float | None = None,
    shared_steps: bool = False,
    progress: Progress | None = None,
) -> Solution:
    """Solve ``dx/dt = field(x, t, *extra_args)`` from ``x(span[0]) = start`` to ``span[1]``.

    Args:
        field: takes x (B, …), t (B,) and `extra_args`, returns the velocity (B, …).
        start: (B, …).
        method: a key of `SOLVERS`.
        steps, rtol, atol, max_step, shared_steps: see `StepControl`.
        extra_args: tensors (B, …), one item for every item of `start`: what the velocity depends on besides.
        span: first and last time; may run backwards.
        progress: called at every evaluation with the fraction of the span that lies behind, for each item anew if
            the method is adaptive and the steps are not shared.

    Raises:
        InputError: if the method is not known, steps is below 1, max_step is not above 0 or the span is empty; if the
            adaptive method's step vanishes because the field is too steep for its tolerances.
    """
    solver = choose(SOLVERS, method, "solver")(StepControl(steps, rtol, atol, max_step, shared_steps))
    if span[0] == span[1]:
        raise InputError(f"a span has two different times, not {span[0]} twice")
    return solver.solve(field, start, extra_args, span, progress)


def _largest_of_items(errors: Tensor) -> Tensor:
    """The root mean square over the entries of the item (B, …) where it is largest."""
    return errors.flatten(1).square().mean(dim=1).sqrt().amax()


def _time_dtype(start: Tensor) -> torch.dtype:
    """At least float32: in bfloat16 many equal steps would not be told apart."""
    return torch.promote_types(start.dtype, torch.float32)
