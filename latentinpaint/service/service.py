"""All that the routes share: models, photos, jobs, limits, counters."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from fastapi import Request

from latentinpaint.inpainter import Inpainter
from latentinpaint.service.job_queue import JobQueue
from latentinpaint.service.monitoring import Monitor
from latentinpaint.service.photo_store import PhotoStore
from latentinpaint.service.refused import Refused
from latentinpaint.service.settings import ServiceLimits, ServiceSettings

_BESIDE = 4  # photos that are decoded, encoded or searched beside each other, by all visitors together
_PATIENCE = 30.0  # seconds that one more waits


@dataclass
class Service:
    """What the routes share.

    Attributes:
        models: by the names that visitors see; the first is the default.
        settings: how it runs.
        store: the visitors' photos.
        jobs: what is computed.
        monitor: counts.
    """

    models: dict[str, Inpainter]
    settings: ServiceSettings
    store: PhotoStore = field(init=False)
    jobs: JobQueue = field(init=False)
    monitor: Monitor = field(init=False)

    def __post_init__(self) -> None:
        self.monitor = Monitor()
        self.store = PhotoStore(int(self.limits.store * 2**20))
        self.jobs = JobQueue(self.settings.workers, self.limits, self.monitor.job_over)
        self.monitor.watch("jobs_waiting", "jobs that wait", lambda: self.jobs.num_waiting)
        self.monitor.watch("jobs_running", "jobs that run", lambda: self.jobs.num_running)
        self.monitor.watch("photos", "photos on the server", lambda: len(self.store))
        self.monitor.watch("photo_bytes", "bytes of these photos", lambda: self.store.size)
        self._slots = threading.BoundedSemaphore(_BESIDE)

    @property
    def limits(self) -> ServiceLimits:
        return self.settings.limits

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one of few places for work that takes memory and time.

        Raises:
            Refused: if none becomes free soon.
        """
        if not self._slots.acquire(timeout=_PATIENCE):
            raise Refused(503, "too many photos are being read: try again in a while")
        try:
            yield
        finally:
            self._slots.release()

    def close(self) -> None:
        """End the jobs, and delete the photos."""
        self.jobs.close()
        self.store.close()


def service_of(request: Request) -> Service:
    """The service that a request was sent to."""
    return request.app.state.service
