"""A pool of processes that work through a list, any of which may be killed without harm to the rest.

The parent hands out one item at a time, so it knows which item a dead process had; a new process takes its place.
(`concurrent.futures` gives up on all items when one process dies, and does not tell which item was the cause.)
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
from types import FrameType
from typing import Generic, TypeVar

from latentinpaint.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")
EXIT_TIMEOUT = 10.0  # seconds that a process has to clean up


@dataclass(frozen=True)
class WorkerDied:
    """In place of a result: the process was ended from outside; `exit_code` is -9 if it was killed."""

    exit_code: int | None


@dataclass(frozen=True)
class _StartFailed:
    """Why a process cannot start its work."""

    reason: str


@dataclass
class _Worker:
    """One process: its end of the pipe, and the index of the item that it works on."""

    process: BaseProcess
    pipe: Connection
    ready: bool = False
    index: int | None = None


class ProcessPool(Generic[Item, Result]):
    """Processes that share out items.

    Args:
        initialise: called once in every process; returns the function that does an item. It, the items and the
            results pass between processes, so they have to be picklable.
        processes: how many.
        on_start: called in the parent with an item's index when a process starts on it.
    """

    def __init__(
        self,
        initialise: Callable[[], Callable[[Item], Result]],
        processes: int,
        on_start: Callable[[int], None] = lambda index: None,
    ) -> None:
        self.initialise = initialise
        self.processes = processes
        self.on_start = on_start
        self.workers: list[_Worker] = []
        self.context = multiprocessing.get_context("spawn")

    def map_unordered(self, items: Sequence[Item]) -> Iterator[tuple[int, Result | WorkerDied]]:
        """Yield indices of items and their results in the order in which they are done.

        Leaving early, by an exception or by closing the iterator, ends the processes.

        Raises:
            InputError: if `initialise` raised one, or no process lived long enough to start.
        """
        waiting = deque(range(len(items)))
        try:
            for _ in range(min(self.processes, len(items))):
                self._start_worker()
            while self.workers:
                readable = wait([worker.pipe for worker in self.workers])
                for worker in list(self.workers):
                    if worker.pipe in readable:
                        yield from self._receive(worker, items, waiting)
        finally:
            self._terminate_workers()

    def _receive(
        self, worker: _Worker, items: Sequence[Item], waiting: deque[int]
    ) -> Iterator[tuple[int, Result | WorkerDied]]:
        """Take what a process sends, or its end, and give it the next item."""
        index = worker.index
        worker.index = None
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            message = self._bury(worker, bool(waiting))
        if isinstance(message, _StartFailed):
            raise InputError(message.reason)
        worker.ready = True
        if index is not None:
            yield index, message
        if worker in self.workers:
            self._send_next(worker, items, waiting)

    def _send_next(self, worker: _Worker, items: Sequence[Item], waiting: deque[int]) -> None:
        if not waiting:
            worker.pipe.close()
            worker.process.join(EXIT_TIMEOUT)
            self.workers.remove(worker)
            return
        worker.index = waiting.popleft()
        self.on_start(worker.index)
        with suppress(OSError):  # it just died: the next `recv` finds out
            worker.pipe.send(items[worker.index])

    def _bury(self, worker: _Worker, is_needed: bool) -> WorkerDied:
        """Remove a dead process; another takes its place, if there is work and this one had been able to start."""
        worker.process.join(EXIT_TIMEOUT)
        worker.pipe.close()
        self.workers.remove(worker)
        if worker.ready and is_needed:
            self._start_worker()
        elif is_needed and not self.workers:
            raise InputError("no process could start, perhaps for want of memory: a single process needs the least")
        return WorkerDied(worker.process.exitcode)

    def _start_worker(self) -> None:
        pipe, remote_pipe = self.context.Pipe()
        process = self.context.Process(target=_serve, args=(remote_pipe, self.initialise), daemon=True)
        with _interrupts_ignored():  # a Ctrl-C reaches all processes of a terminal, and this one decides
            process.start()
        remote_pipe.close()
        self.workers.append(_Worker(process, pipe))

    def _terminate_workers(self) -> None:
        """End all processes, letting them clean up what they were writing."""
        for worker in self.workers:
            worker.process.terminate()
        for worker in self.workers:
            worker.process.join(EXIT_TIMEOUT)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()
        self.workers = []


def _serve(pipe: Connection, initialise: Callable[[], Callable[[Item], Result]]) -> None:
    """The life of a process: initialise, report it, and do items until the pipe is closed."""
    signal.signal(signal.SIGTERM, _exit)
    with suppress(EOFError, OSError):  # the parent is gone, or has no more work
        try:
            work = initialise()
        except InputError as error:
            pipe.send(_StartFailed(str(error)))
            return
        pipe.send(None)
        while True:
            pipe.send(work(pipe.recv()))


def _exit(number: int, frame: FrameType | None) -> None:
    """End by an exception, so that half-written files are removed on the way."""
    raise SystemExit(0)


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """A process that is started here ignores Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread can set this
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
