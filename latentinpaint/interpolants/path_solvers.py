r"""Integration along a path of processes, with or without noise.

Noise can be added on the way by one of two equations with the same marginal distributions,

.. math::
    dX_t &= [\dot\alpha_t\eta_0 + \dot\beta_t\eta_1 - \epsilon_t\alpha_t^{-\top}\eta_0]\,dt
            + \sqrt{2\epsilon_t}\,dW_t, \tag{8} \\
    dX_t &= [\dot\alpha_t\eta_0 + \dot\beta_t\eta_1 - \epsilon_t\eta_0]\,dt
            + \sqrt{2\epsilon_t}\,\alpha_t^{1/2}\,dW_t, \tag{8a}

of which the second wants alpha symmetric and positive, and has no singularity where alpha vanishes. A method is a
class with one `step` from t to s; the loop is in its base class. Numbering and source as in `interpolant`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from typing import ClassVar

import torch
from torch import Tensor

from latentinpaint.errors import InputError, check_at_least, choose
from latentinpaint.interpolants.broadcasting import fitting
from latentinpaint.interpolants.interpolant import Drifts, Endpoints, Process
from latentinpaint.interpolants.paths import Path
from latentinpaint.interpolants.solvers import Progress, Solution
from latentinpaint.runtime.randomness import Generators, draw_normal, split


class Noise(ABC):
    """An equation that adds noise along a path and keeps its marginal distributions."""

    @abstractmethod
    def increment(self, process: Process, endpoints: Endpoints, amount: float, normal: Tensor) -> Tensor:
        """What `amount` = epsilon dt adds, with standard normal numbers (B, …)."""


class PlainNoise(Noise):
    """(8): the same noise in every direction; alpha needs an inverse."""

    def increment(self, process: Process, endpoints: Endpoints, amount: float, normal: Tensor) -> Tensor:
        return amount * process.score(endpoints) + math.sqrt(2 * amount) * normal


class ScaledNoise(Noise):
    """(8a): as much noise as alpha has; it needs a symmetric square root."""

    def increment(self, process: Process, endpoints: Endpoints, amount: float, normal: Tensor) -> Tensor:
        return -amount * endpoints.source + math.sqrt(2 * amount) * process.alpha.sqrt(normal)


NOISES: dict[str, type[Noise]] = {"plain": PlainNoise, "scaled": ScaledNoise}


class PathField:
    """What is integrated: a path, and the model of the endpoints, whose evaluations are counted."""

    def __init__(self, path: Path, drifts: Drifts) -> None:
        self.path = path
        self.drifts = drifts
        self.nfe = 0

    def endpoints(self, process: Process, x: Tensor) -> Endpoints:
        """The endpoints that are expected at x (B, …)."""
        self.nfe += 1
        return self.drifts(process, x)


class PathSolver(ABC):
    """Base of the methods along a path: a method defines `step`.

    Attributes:
        order: of convergence of the mean and the covariance.
        adds_noise: whether it can.

    Args:
        noise: the equation by which noise is added.
        generators: one for each item of the batch; used in steps with noise.
    """

    order: ClassVar[int]
    adds_noise: ClassVar[bool] = True

    def __init__(self, noise: Noise, generators: Generators) -> None:
        self.noise = noise
        self.generators = generators

    @abstractmethod
    def step(self, field: PathField, x: Tensor, t: float, s: float, epsilon: float) -> Tensor:
        """The state (B, …) at time s from the state x (B, …) at time t, with noise of the rate epsilon."""

    def solve(
        self,
        field: PathField,
        start: Tensor,
        times: Sequence[float],
        rates: Sequence[float],
        active_mask: Tensor | None,
        progress: Progress | None,
    ) -> Solution:
        """Take a step between every two neighbouring times, with noise of its rate; the other arguments are those of
        `integrate_path`."""
        x = start
        for number, ((t, s), rate) in enumerate(zip(pairwise(times), rates, strict=True), start=1):
            moved = self.step(field, x, t, s, rate)
            if active_mask is not None:
                moved = torch.where(active_mask > 0, moved, x)
            x = moved
            if progress is not None:
                progress(number / (len(times) - 1))
        return Solution(x, field.nfe)


class EulerMaruyama(PathSolver):
    """Euler's method, and Euler-Maruyama's where there is noise.

    A step adds the difference of the operators themselves, not a rate times a time step: one step from pure noise
    ends at the mean of the data, however unevenly the path runs.
    """

    order = 1

    def step(self, field: PathField, x: Tensor, t: float, s: float, epsilon: float) -> Tensor:
        now = torch.tensor(t, dtype=x.dtype, device=x.device)
        then = torch.tensor(s, dtype=x.dtype, device=x.device)
        process = field.path.at(now)
        endpoints = field.endpoints(process, x)
        change = field.path.increment(endpoints, now, then)
        if epsilon > 0:
            normal = draw_normal(x, self.generators)
            change = change + self.noise.increment(process, endpoints, epsilon * (s - t), normal)
        return x + change


class StochasticMidpoint(PathSolver):
    """The explicit midpoint rule: what is expected half a step on, after half of the noise, moves the whole step.

    Two evaluations a step. The law of samples along paths without kinks is of second order, with noise or without.
    """

    order = 2

    def step(self, field: PathField, x: Tensor, t: float, s: float, epsilon: float) -> Tensor:
        now, half, then = torch.tensor([t, 0.5 * (t + s), s], dtype=x.dtype, device=x.device)
        amount = epsilon * (s - t)
        process = field.path.at(now)
        endpoints = field.endpoints(process, x)
        change = field.path.increment(endpoints, now, half)
        if amount > 0:
            normal = draw_normal(x, self.generators)
            change = change + 0.5 * self.noise.increment(process, endpoints, amount, normal)
        process = field.path.at(half)
        endpoints = field.endpoints(process, x + change)
        change = field.path.increment(endpoints, now, then)
        if amount > 0:
            change = change + self.noise.increment(process, endpoints, amount, normal)
        return x + change


class Heun(PathSolver):
    """Heun's rule: what is expected at the end of an Euler step counts as much as what is at its beginning.

    Two evaluations a step, but one in a last step to t = 1, which is Euler's: where no noise is left, nothing is
    expected of a model (Karras et al., arXiv 2206.00364, algorithm 1). Noise comes in at both ends alike.
    """

    order = 2

    def step(self, field: PathField, x: Tensor, t: float, s: float, epsilon: float) -> Tensor:
        now, then = torch.tensor([t, s], dtype=x.dtype, device=x.device)
        amount = epsilon * (s - t)
        process = field.path.at(now)
        endpoints = field.endpoints(process, x)
        change = field.path.increment(endpoints, now, then)
        normal = torch.zeros_like(x)
        if amount > 0:
            normal = draw_normal(x, self.generators)
            change = change + self.noise.increment(process, endpoints, amount, normal)
        if s >= 1:
            return x + change
        process = field.path.at(then)
        endpoints = field.endpoints(process, x + change)
        again = field.path.increment(endpoints, now, then)
        if amount > 0:
            again = again + self.noise.increment(process, endpoints, amount, normal)
        return x + 0.5 * (change + again)


class ExponentialMidpoint(PathSolver):
    r"""The midpoint rule for the expected data alone; what is linear in x is integrated in closed form,

    .. math:: x_s = \alpha_s\,\alpha_t^{-1}(x_t - \beta_t D) + \beta_s D, \qquad D = \eta_1(x_{(t + s) / 2}),

    an exponential integrator, as those of Lu et al., arXiv 2206.00927 and 2211.01095. `EulerMaruyama` is the one of
    first order, with :math:`D = \eta_1(x_t)`. Two evaluations a step; no noise; alpha needs an inverse where steps
    begin. Where a path ends in data, the last step holds an infinite way in :math:`\log\alpha`, and the order is a
    little below 2.
    """

    order = 2
    adds_noise = False

    def step(self, field: PathField, x: Tensor, t: float, s: float, epsilon: float) -> Tensor:
        if epsilon > 0:
            raise InputError("the exponential midpoint rule adds no noise: choose another solver, or epsilon 0")
        now, half, then = torch.tensor([t, 0.5 * (t + s), s], dtype=x.dtype, device=x.device)
        begin = field.path.at(now)
        middle = x + field.path.increment(field.endpoints(begin, x), now, half)
        expected = field.endpoints(field.path.at(half), middle)
        return x + field.path.increment(begin.endpoints_from_data(x, expected.data), now, then)


PATH_SOLVERS: dict[str, type[PathSolver]] = {"euler": EulerMaruyama, "midpoint": StochasticMidpoint, "heun": Heun}


def integrate_path(
    path: Path,
    drifts: Drifts,
    start: Tensor,
    times: Sequence[float] | int = 80,
    *,
    method: str | type[PathSolver] = "euler",
    epsilon: float | Sequence[float] = 0.0,
    noise: str | Noise = "scaled",
    active_mask: Tensor | None = None,
    generator: Generators = None,
    progress: Progress | None = None,
) -> Solution:
    """Integrate along a path, with noise or without.

    Args:
        path: see `paths`.
        drifts: the model of the endpoints.
        start: (B, …), the state at the first time.
        times: increasing times between which the steps lie, or the number of equal steps in [0, 1].
        method: a key of `PATH_SOLVERS`, or a class such as those.
        epsilon: rate of the noise, 0 or more, or one for each step; 0 is the probability flow (7).
        noise: a key of `NOISES`, or an equation such as those.
        active_mask: (B or 1, …), 0 where nothing moves, whatever the model predicts, 1 elsewhere; None moves
            everything.
        generator: source of the noise, one, of which every item gets its own, or one for each item.
        progress: called after every step with the fraction of them that is done.

    Raises:
        InputError: if the times do not increase, epsilon is below 0 or the method or noise is not known.
    """
    times = step_times(times)
    solver = method
    if isinstance(solver, str):
        solver = choose(PATH_SOLVERS, solver, "solver along a path")
    equation = noise
    if isinstance(equation, str):
        equation = choose(NOISES, equation, "noise")()
    rates = step_rates(epsilon, len(times) - 1)
    generators = None
    if max(rates) > 0:
        generators = split(generator, len(start))
    if active_mask is not None:
        fitting(active_mask, start)
    return solver(equation, generators).solve(PathField(path, drifts), start, times, rates, active_mask, progress)


def step_rates(epsilon: float | Sequence[float], steps: int) -> Sequence[float]:
    """The rate of the noise of every step, 0 or more."""
    if not isinstance(epsilon, Sequence):
        epsilon = [epsilon] * steps
    if len(epsilon) != steps:
        raise InputError(f"epsilon is one rate of noise, or one for each of {steps} steps, not {len(epsilon)}")
    for rate in epsilon:
        check_at_least("epsilon", rate, 0)
    return epsilon


def step_times(times: Sequence[float] | int) -> Sequence[float]:
    """The times between which the steps lie, of which there is at least one."""
    if isinstance(times, (int, Integral)):
        steps = int(times)
        times = [number / steps for number in range(steps + 1)] if steps > 0 else []
    if len(times) < 2 or any(s <= t for t, s in pairwise(times)):
        raise InputError("integrate_path takes one step or more, at times that increase")
    return times
