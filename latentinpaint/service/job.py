"""A job: what is to be computed for a visitor, how far it is, and what came of it."""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from latentinpaint.inference.crops import Box
from latentinpaint.service.refused import Refused

_LEAST_SHARE = 0.08  # of a job before the time that is left can be told


class JobState(str, Enum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobStopped(Exception):
    """Raised inside a job that was cancelled, or took too long."""


@dataclass(frozen=True)
class Answer:
    """A file to be sent.

    Attributes:
        content: its bytes.
        media_type: of HTTP.
        name: to save it by.
        notes: sentences on what could not be kept.
    """

    content: bytes
    media_type: str
    name: str
    notes: tuple[str, ...] = ()


@dataclass(eq=False)
class Job:
    """What is to be computed for a visitor.

    Attributes:
        kind: what the log calls it.
        owner: the visitor's session.
        work: computes it, in a thread; calls `report` often, and sets what came of it.
        limit: seconds that it may run.
        id: nobody can guess it.
        progress: share that is done.
        failure: why it failed.
        box: the part of the result that was filled.
        results: ids of the photos that came of it.
        answer: the file that came of it, for whoever waits for the job itself.
        preview: a coarse fill, a PNG of `box`; None until there is one.
        uncertainty: a PNG of where the samples differ; None if there is none.
        started, ended: on the monotonic clock; None before.
    """

    kind: str
    owner: str
    work: Callable[["Job"], None]
    limit: float
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    state: JobState = JobState.QUEUED
    progress: float = 0.0
    failure: Refused | None = None
    box: Box | None = None
    results: list[str] = field(default_factory=list)
    answer: Answer | None = None
    preview: bytes | None = None
    uncertainty: bytes | None = None
    started: float | None = None
    ended: float | None = None
    _measured: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)

    def report(self, done: float) -> None:
        """Note the share that is done; called from inside the work. What went before a share of 0 is preparation.

        Raises:
            JobStopped: if the job is to end now.
        """
        if self._stop.is_set():
            raise JobStopped
        if self.seconds > self.limit:
            self.failure = Refused(503, f"the job took longer than {self.limit:g} seconds, the limit here")
            raise JobStopped
        if done == 0:
            self._measured = self.seconds
        self.progress = max(self.progress, min(done, 1.0))

    def stop(self) -> None:
        """Have the work end at its next `report`."""
        self._stop.set()

    def begin(self) -> None:
        """The work begins."""
        self.started = time.monotonic()
        self.state = JobState.RUNNING

    def end(self, state: JobState, failure: Refused | None = None) -> None:
        """The work has ended, or never began."""
        self.failure = failure
        if state is JobState.DONE:
            self.progress = 1.0
        self.state = state
        self.ended = time.monotonic()

    @property
    def is_over(self) -> bool:
        return self.ended is not None

    @property
    def seconds(self) -> float:
        """For how long it has run."""
        if self.started is None:
            return 0.0
        return (self.ended or time.monotonic()) - self.started

    @property
    def seconds_left(self) -> float | None:
        """How long it will take, if it goes on as it went; None where that cannot be told."""
        if self.state is not JobState.RUNNING or self.progress < _LEAST_SHARE:
            return None
        return round((self.seconds - self._measured) * (1 - self.progress) / self.progress, 1)
