"""Events say what changed, once, and that the connection lives."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from latentinpaint.inference.crops import Box
from latentinpaint.service import event_stream
from latentinpaint.service.job import Job, JobState
from latentinpaint.service.refused import Refused


class Places:
    """A queue that says where a job is."""

    at = 0

    def place(self, job):
        return self.at


def heard(events_of, changes, monkeypatch):
    """All events of a job to which the changes happen one after the other."""
    job = Job("fill", "me", lambda job: None, 60)
    places = Places()
    waiting = list(changes)

    async def sleep(seconds):
        waiting.pop(0)(job, places)

    monkeypatch.setattr(event_stream.asyncio, "sleep", sleep)

    async def collect():
        return b"".join([part async for part in event_stream.job_events(places, job)]).decode()

    with ThreadPoolExecutor(1) as thread:  # a browser of other tests may have left a loop running in this one
        text = thread.submit(asyncio.run, collect()).result()
    return events_of(text), text


def place(at):
    return lambda job, places: setattr(places, "at", at)


def test_a_job_from_its_place_to_its_end(events_of, monkeypatch):
    def begin(job, places):
        places.at = 0
        job.begin()

    def half(job, places):
        job.progress = 0.5

    def preview(job, places):
        job.box, job.preview = Box(1, 2, 3, 4), b"png"

    def end(job, places):
        job.results.append("new")
        job.end(JobState.DONE)

    monkeypatch.setattr(event_stream, "_SECONDS_BETWEEN_SHARES", 0.0)
    changes = [place(2), place(2), place(1), begin, half, half, preview, preview, end]
    events, _ = heard(events_of, changes, monkeypatch)
    assert [name for name, _ in events] == ["queued", "queued", "progress", "progress", "preview", "done"]
    assert [content.get("place") for _, content in events[:2]] == [2, 1]
    assert events[3][1]["progress"] == 0.5 and events[4][1]["box"] == [2, 1, 4, 3]
    assert events[4][1]["url"].startswith("v1/jobs/") and events[5][1]["results"] == [{"photo": "new"}]


def test_failures_and_cancelled_jobs(events_of, monkeypatch):
    failed, _ = heard(events_of, [lambda job, _: job.end(JobState.FAILED, Refused(422, "no hole"))], monkeypatch)
    assert failed == [("failed", {"error": "no hole"})]
    cancelled, _ = heard(events_of, [lambda job, _: job.end(JobState.CANCELLED)], monkeypatch)
    assert [name for name, _ in cancelled] == ["cancelled"]


def test_shares_that_follow_fast_are_left_out(events_of, monkeypatch):
    def share(progress):
        return lambda job, places: setattr(job, "progress", progress)

    changes = [lambda job, _: job.begin(), *map(share, (0.1, 0.2, 0.3)), lambda job, _: job.end(JobState.DONE)]
    for seconds, shares in ((3600, [0.0]), (0, [0.0, 0.1, 0.2, 0.3])):
        monkeypatch.setattr(event_stream, "_SECONDS_BETWEEN_SHARES", seconds)
        events, _ = heard(events_of, changes, monkeypatch)
        assert [content["progress"] for name, content in events if name == "progress"] == shares
        assert events[-1][0] == "done"


def test_silence_is_broken(events_of, monkeypatch):
    monkeypatch.setattr(event_stream, "_SECONDS_OF_SILENCE", 0.0)
    _, text = heard(events_of, [place(0), lambda job, _: job.end(JobState.DONE)], monkeypatch)
    assert text.startswith(": still here\n\n")
