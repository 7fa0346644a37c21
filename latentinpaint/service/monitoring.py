"""Counters for Prometheus, https://prometheus.io, and lines of JSON for a log, of requests and jobs."""

import json
import logging
import time
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from latentinpaint.service.job import Job

LOG = logging.getLogger(__name__)
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE"})
_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message"}


class Monitor:
    """What is counted, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "latentinpaint_requests", "answered requests", ["method", "route", "status"], registry=self.registry
        )
        self._request_seconds = Histogram(
            "latentinpaint_request_seconds",
            "until the answer began",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._jobs = Counter("latentinpaint_jobs", "jobs that are over", ["kind", "state"], registry=self.registry)
        self._job_seconds = Histogram(
            "latentinpaint_job_seconds", "that jobs ran", ["kind"], buckets=_SECONDS, registry=self.registry
        )

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Report a value that is read when it is asked for."""
        Gauge(f"latentinpaint_{name}", text, registry=self.registry).set_function(value)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method, route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)
        LOG.info("request", extra={"method": method, "route": route, "status": status, "seconds": round(seconds, 4)})

    def job_over(self, job: Job) -> None:
        """Count a job."""
        self._jobs.labels(job.kind, job.state.value).inc()
        self._job_seconds.labels(job.kind).observe(job.seconds)
        fields: dict[str, Any] = {
            "job": job.id,
            "kind": job.kind,
            "state": job.state.value,
            "seconds": round(job.seconds, 3),
        }
        if job.failure is not None:
            fields["error"] = str(job.failure)
        LOG.info("job", extra=fields)

    def exposition(self) -> bytes:
        """All values in Prometheus' text format."""
        return generate_latest(self.registry)


class RequestObserver:
    """ASGI middleware.

    Args:
        app: the application behind it.
        monitor: is told of every answer.
    """

    def __init__(self, app: ASGIApp, monitor: Monitor) -> None:
        self.app = app
        self.monitor = monitor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count its answer when it begins."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = time.perf_counter()

        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                # The pattern of the path, never the path: there would be a counter for every photo.
                route = getattr(scope.get("route"), "path", "other")
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self.monitor.answered(method, route, message["status"], time.perf_counter() - start)
            await send(message)

        await self.app(scope, receive, observed)


class JsonLines(logging.Formatter):
    """A log record as one line of JSON: time, level, message and the record's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        for name, value in vars(record).items():
            if name not in _OWN_FIELDS:
                line[name] = value
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def log_to_stderr(as_json: bool) -> None:
    """Write the service's log: a line of JSON for every request and job, or else errors alone."""
    handler = logging.StreamHandler()
    if as_json:
        handler.setFormatter(JsonLines())
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # it warns of every broken form
    log = logging.getLogger(__package__)
    log.handlers = [handler]
    log.propagate = False
    log.setLevel(logging.INFO if as_json else logging.ERROR)
