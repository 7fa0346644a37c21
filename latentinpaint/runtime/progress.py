"""How much of a task is done, told to a callable, which may cancel the task.

What computes for long calls `report` on its way and says with `part` and `parts` which of its parts it is at; neither
has to know who listens. `reporting` says who does: in the calling thread alone, so that tasks in several threads are
told apart. Without a listener nothing happens. An exception of the listener passes through whatever was computing.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn

# Called with the share of the task that is done, in [0, 1]; may raise to cancel it.
ProgressCallback = Callable[[float], object]

INTERVAL = 0.05  # seconds from the end of one call to the next at least, so that a slow listener costs little


class _Listener:
    """A callable, and the share that it knows of."""

    def __init__(self, callback: ProgressCallback) -> None:
        self.callback = callback
        self.share = 0.0
        self.due = -float("inf")

    def tell(self, share: float) -> None:
        self.share = max(self.share, share)
        if time.monotonic() < self.due:
            return
        self.callback(self.share)
        self.due = time.monotonic() + INTERVAL


@dataclass(frozen=True)
class _Range:
    """The part of a listener's task, from `first` to `last` in [0, 1], that is being computed."""

    listener: _Listener
    first: float
    last: float

    def at(self, share: float) -> float:
        return self.first + share * (self.last - self.first)


_current: ContextVar[_Range | None] = ContextVar("progress", default=None)


@contextmanager
def reporting(callback: ProgressCallback | None) -> Iterator[None]:
    """Call `callback` with the share of what is computed inside: 0 at first, 1 at last, never less than before.

    None is no listener.
    """
    if callback is None:
        yield
        return
    listener = _Listener(callback)
    token = _current.set(_Range(listener, 0.0, 1.0))
    try:
        listener.tell(0.0)
        yield
    finally:
        _current.reset(token)
    callback(1.0)


def report(share: float = 0.0) -> None:
    """Tell that this share, in [0, 1], of the current part is done; what was told before is never taken back."""
    current = _current.get()
    if current is not None:
        current.listener.tell(current.at(share))


@contextmanager
def part(first: float, last: float) -> Iterator[None]:
    """What is computed inside is the part of the current one from the share `first` to `last`, both in [0, 1]."""
    current = _current.get()
    if current is None:
        yield
        return
    token = _current.set(_Range(current.listener, current.at(first), current.at(last)))
    try:
        report()
        yield
        report(1.0)
    finally:
        _current.reset(token)


def parts(costs: Iterable[float]) -> list[AbstractContextManager[None]]:
    """The current part as parts that follow each other, whose costs, 0 or more, are in any unit; see `part`."""
    ends = [0.0]
    for cost in costs:
        ends.append(ends[-1] + cost)
    total = ends[-1] or 1.0
    found: list[AbstractContextManager[None]] = []
    for first, last in zip(ends[:-1], ends[1:], strict=True):
        found.append(part(first / total, last / total))
    return found


def report_layers(networks: Sequence[nn.Module], advance: bool = True) -> None:
    """Have networks that are computed one after the other report after each of their layers, also of a backward pass.

    Args:
        networks: their layers get hooks.
        advance: whether the share of the current part is that of the layers; else its start is reported.
    """
    layers: list[nn.Module] = []
    for network in networks:
        layers.extend(_in_order(network))
    for number, layer in enumerate(layers, start=1):
        layer.register_forward_hook(partial(_after_layer, number / len(layers) if advance else 0.0))


def _in_order(module: nn.Module) -> Iterator[nn.Module]:
    """A module's parts in the order in which they end, as far as that is the order in which they are registered."""
    for child in module.children():
        yield from _in_order(child)
    yield module


def _after_layer(share: float, layer: nn.Module, inputs: tuple[Any, ...], output: object) -> None:
    report(share)
    if isinstance(output, Tensor) and output.grad_fn is not None:
        output.grad_fn.register_prehook(_before_gradient)


def _before_gradient(gradients: tuple[Tensor, ...]) -> None:
    report()
