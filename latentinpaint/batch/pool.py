"""A crew of processes that work through a list, of which any may be ended from outside without harm to the rest.

The parent hands out one item at a time, so it knows which item a lost process had; a new process takes its place.
(`concurrent.futures` gives up on all items when one process dies, and does not tell whose fault it was.)
"""

import multiprocessing
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from latentinpaint.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")
PATIENCE = 10.0  # seconds that a process has to leave its work in order


@dataclass(frozen=True)
class Lost:
    """In place of a result: the process was ended from outside; `status` is its exit status, -9 if it was killed."""

    status: int | None


@dataclass(frozen=True)
class _Refusal:
    """Why a process cannot begin."""

    reason: str


@dataclass
class _Hand:
    """One process: its end of the pipe, and the number of the item that it has."""

    process: BaseProcess
    pipe: Connection
    ready: bool = False
    number: int | None = None


class Crew(Generic[Item, Result]):
    """Processes that share out items.

    Args:
        begin: called once in every process; answers the function that does an item. It, the items and the results
            pass between processes, so they have to be picklable.
        jobs: how many processes.
        taken: called in the parent with an item's number when a process takes it.
    """

    def __init__(
        self,
        begin: Callable[[], Callable[[Item], Result]],
        jobs: int,
        taken: Callable[[int], None] = lambda number: None,
    ) -> None:
        self.begin, self.jobs, self.taken = begin, jobs, taken
        self.hands: list[_Hand] = []
        self.context = multiprocessing.get_context("spawn")

    def work(self, items: Sequence[Item]) -> Iterator[tuple[int, Result | Lost]]:
        """Yield numbers of items and their results in the order in which they are done.

        Leaving early, by an exception or by closing the iterator, ends the processes.

        Raises:
            InputError: if `begin` raised one, or no process lived long enough to begin.
        """
        waiting = deque(range(len(items)))
        try:
            for _ in range(min(self.jobs, len(items))):
                self._hire()
            while self.hands:
                heard = wait([hand.pipe for hand in self.hands])
                for hand in [hand for hand in self.hands if hand.pipe in heard]:
                    yield from self._heard(hand, items, waiting)
        finally:
            self._dismiss()

    def _heard(self, hand: _Hand, items: Sequence[Item], waiting: deque[int]) -> Iterator[tuple[int, Result | Lost]]:
        """Take what a process says, or its end, and give it the next item."""
        number, hand.number = hand.number, None
        try:
            said = hand.pipe.recv()
        except (EOFError, OSError):
            said = self._missed(hand, bool(waiting))
        if isinstance(said, _Refusal):
            raise InputError(said.reason)
        hand.ready = True
        if number is not None:
            yield number, said
        if hand in self.hands:
            self._hand_out(hand, items, waiting)

    def _hand_out(self, hand: _Hand, items: Sequence[Item], waiting: deque[int]) -> None:
        if not waiting:
            hand.pipe.close()
            hand.process.join(PATIENCE)
            self.hands.remove(hand)
            return
        hand.number = waiting.popleft()
        self.taken(hand.number)
        with suppress(OSError):  # it just died: the next `recv` finds out
            hand.pipe.send(items[hand.number])

    def _missed(self, hand: _Hand, more: bool) -> Lost:
        """A process is gone: another takes its place, if there is work and this one had been able to begin."""
        hand.process.join(PATIENCE)
        hand.pipe.close()
        self.hands.remove(hand)
        if hand.ready and more:
            self._hire()
        elif more and not self.hands:
            raise InputError("no process could begin, perhaps for want of memory: --jobs 1 needs the least")
        return Lost(hand.process.exitcode)

    def _hire(self) -> None:
        mine, theirs = self.context.Pipe()
        process = self.context.Process(target=_serve, args=(theirs, self.begin), daemon=True)
        with _interrupts_ignored():  # a Ctrl-C reaches all processes of a terminal, and this one decides
            process.start()
        theirs.close()
        self.hands.append(_Hand(process, mine))

    def _dismiss(self) -> None:
        """End all processes, letting them put away what they were writing."""
        for hand in self.hands:
            hand.process.terminate()
        for hand in self.hands:
            hand.process.join(PATIENCE)
            if hand.process.is_alive():
                hand.process.kill()
                hand.process.join()
            hand.pipe.close()
        self.hands = []


def _serve(pipe: Connection, begin: Callable[[], Callable[[Item], Result]]) -> None:
    """The life of a process: begin, say so, and do items until the pipe is closed."""
    signal.signal(signal.SIGTERM, _leave)
    with suppress(EOFError, OSError):  # the parent is gone, or has no more work
        try:
            work = begin()
        except InputError as error:
            pipe.send(_Refusal(str(error)))
            return
        pipe.send(None)
        while True:
            pipe.send(work(pipe.recv()))


def _leave(number: int, frame: Any) -> None:  # noqa: ANN401
    """Leave by an exception, so that half-written files are removed on the way."""
    raise SystemExit(0)


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """What is started here does not hear Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread can say so
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
