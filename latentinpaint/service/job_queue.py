"""Jobs in threads of this process: a queue of limited length, first come first served.

With N workers N jobs run beside each other, each with an N-th of the processor's cores: PyTorch's number of threads
belongs to the thread that sets it, so every worker sets its own.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable

import torch

from latentinpaint.errors import InputError
from latentinpaint.service.job import Job, JobState, JobStopped
from latentinpaint.service.refused import INTERNAL, Refused, status_of
from latentinpaint.service.settings import ServiceLimits

LOG = logging.getLogger(__name__)
_KEPT = 256  # jobs that are over and can still be asked for
_NO_MEMORY = "there is not enough memory for this: take a smaller photo, fewer samples, or no refinement"


class JobQueue:
    """Jobs that wait, run and are over.

    Args:
        workers: threads.
        limits: of what waits and runs.
        on_end: called in the worker's thread with every job that is over.
    """

    def __init__(self, workers: int, limits: ServiceLimits, on_end: Callable[[Job], None] = lambda job: None) -> None:
        self._limits = limits
        self._on_end = on_end
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._over: deque[str] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._num_threads = max(1, torch.get_num_threads() // workers)
        self._workers = []
        for number in range(workers):
            worker = threading.Thread(target=self._run, name=f"fill-{number + 1}", daemon=True)
            worker.start()
            self._workers.append(worker)

    @property
    def num_waiting(self) -> int:
        return len(self._waiting)

    @property
    def num_running(self) -> int:
        with self._changed:
            return sum(job.state is JobState.RUNNING for job in self._jobs.values())

    def submit(self, kind: str, owner: str, work: Callable[[Job], None]) -> Job:
        """Have something computed.

        Raises:
            Refused: if the visitor has too many jobs, or the queue is full.
        """
        job = Job(kind, owner, work, self._limits.seconds)
        with self._changed:
            of_owner = sum(other.owner == owner and not other.is_over for other in self._jobs.values())
            if of_owner >= self._limits.visitor_jobs:
                raise Refused(
                    429, f"{of_owner} of your jobs wait or run already, as many as there may be: wait for one"
                )
            if len(self._waiting) >= self._limits.queue:
                raise Refused(503, "too many jobs wait already: try again in a while")
            self._jobs[job.id] = job
            self._waiting.append(job)
            self._changed.notify()
        return job

    def get(self, owner: str | None, job_id: str) -> Job:
        """A visitor's job.

        Raises:
            Refused: if the visitor has no such job.
        """
        with self._changed:
            job = self._jobs.get(job_id)
        if job is None or job.owner != owner:
            raise Refused(404, "there is no such job, or it was over long ago")
        return job

    def place(self, job: Job) -> int:
        """How many jobs go first, itself counted; 0 when it does not wait."""
        with self._changed:
            if job not in self._waiting:
                return 0
            return self._waiting.index(job) + 1

    def cancel(self, job: Job) -> None:
        """End a job: at once while it waits, at its next report while it runs."""
        with self._changed:
            job.stop()
            if job not in self._waiting:
                return
            self._waiting.remove(job)
        self._finish(job, JobState.CANCELLED)

    def forget(self, job: Job) -> None:
        """Drop a job that nobody will ask for, and what it holds."""
        with self._changed:
            self._jobs.pop(job.id, None)

    def close(self, timeout: float = 5.0) -> None:
        """End all jobs and the workers; waits for them for so many seconds at most."""
        with self._changed:
            self._closed = True
            jobs = list(self._jobs.values())
            self._changed.notify_all()
        for job in jobs:
            self.cancel(job)
        for worker in self._workers:
            worker.join(timeout)

    def _run(self) -> None:
        torch.set_num_threads(self._num_threads)
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                job = self._waiting.popleft()
                job.begin()
            self._work(job)

    def _work(self, job: Job) -> None:
        try:
            job.work(job)
            self._finish(job, JobState.DONE)
        except JobStopped:
            state = JobState.CANCELLED if job.failure is None else JobState.FAILED
            self._finish(job, state, job.failure)
        except InputError as error:
            # A new one: the traceback of this one would keep all that was computed on.
            self._finish(job, JobState.FAILED, Refused(status_of(error), error))
        except (MemoryError, torch.OutOfMemoryError):
            self._finish(job, JobState.FAILED, Refused(503, _NO_MEMORY))
        except Exception:
            LOG.exception("a job failed", extra={"job": job.id})
            self._finish(job, JobState.FAILED, Refused(500, INTERNAL))

    def _finish(self, job: Job, state: JobState, failure: Refused | None = None) -> None:
        job.work = _nothing  # what it computed on is large
        job.end(state, failure)
        self._on_end(job)
        with self._changed:
            self._over.append(job.id)
            while len(self._over) > _KEPT:
                self._jobs.pop(self._over.popleft(), None)


def _nothing(job: Job) -> None:
    """In place of the work of a job that is over."""
