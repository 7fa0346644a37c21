"""A job as server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html.

An event is sent for everything that changed since the last look at the job; nothing is kept for those who listen.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from latentinpaint.service.answers import JobAnswer, box_list, job_answer
from latentinpaint.service.job import Job, JobState
from latentinpaint.service.job_queue import JobQueue

_SECONDS_BETWEEN_LOOKS = 0.02
_SECONDS_BETWEEN_SHARES = 0.1  # of the progress: a browser draws each, beside the fill on the same machine
_SECONDS_OF_SILENCE = 15.0  # after which a proxy may take the connection for dead
_LEAST_STEP = 0.002  # of the progress


async def job_events(jobs: JobQueue, job: Job) -> AsyncIterator[bytes]:
    """The events of a job, from where it stands to its end."""
    sent = _Sent()
    while True:
        is_over = job.is_over  # read first: what it left is complete then
        answer = job_answer(job, jobs.place(job))
        for name, content in sent.news(answer, job):
            yield _event(name, content)
        if is_over:
            yield _event(*_last(answer))
            return
        if sent.is_silent():
            yield b": still here\n\n"
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)


class _Sent:
    """What a listener knows."""

    def __init__(self) -> None:
        self.place = 0
        self.progress = -1.0
        self.next_share = 0.0  # when the next share may be sent
        self.has_preview = False
        self.last = time.monotonic()

    def news(self, answer: JobAnswer, job: Job) -> list[tuple[str, dict[str, Any]]]:
        """The events of all that changed."""
        events: list[tuple[str, dict[str, Any]]] = []
        if answer.place not in (0, self.place):
            events.append(("queued", {"place": answer.place}))
            self.place = answer.place
        moved = answer.progress >= self.progress + _LEAST_STEP
        if job.state is JobState.RUNNING and moved and time.monotonic() >= self.next_share:
            events.append(("progress", {"progress": answer.progress, "seconds_left": answer.seconds_left}))
            self.progress = answer.progress
            self.next_share = time.monotonic() + _SECONDS_BETWEEN_SHARES
        if answer.preview_url is not None and job.box is not None and not self.has_preview:
            events.append(("preview", {"url": answer.preview_url, "box": box_list(job.box)}))
            self.has_preview = True
        if events:
            self.last = time.monotonic()
        return events

    def is_silent(self) -> bool:
        """Whether nothing was sent for long; it counts as sent then."""
        if time.monotonic() - self.last < _SECONDS_OF_SILENCE:
            return False
        self.last = time.monotonic()
        return True


def _last(answer: JobAnswer) -> tuple[str, dict[str, Any]]:
    """The event of a job that is over."""
    if answer.state == JobState.FAILED.value:
        return "failed", {"error": answer.error}
    return answer.state, answer.model_dump()


def _event(name: str, content: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(content)}\n\n".encode()
