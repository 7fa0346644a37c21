"""A job's clock and progress."""

import pytest

from latentinpaint.service import job as job_module
from latentinpaint.service.job import Job, JobState, JobStopped


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""

    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(job_module, "time", clock)
    return clock


def test_time_that_is_left(clock):
    job = Job("fill", "me", lambda job: None, limit=60)
    assert job.seconds == 0 and job.seconds_left is None
    job.begin()
    clock.now += 3
    job.report(0.0)  # what went before was preparation
    clock.now += 10
    job.report(0.01)
    assert job.seconds_left is None  # too early to tell
    job.report(0.25)
    assert job.seconds_left == 30
    job.report(0.2)
    assert job.progress == 0.25  # it never goes back
    clock.now += 5
    job.end(JobState.DONE)
    clock.now += 1000
    assert (job.seconds, job.progress, job.seconds_left, job.is_over) == (18, 1, None, True)


def test_limit_and_stop(clock):
    job = Job("fill", "me", lambda job: None, limit=60)
    job.begin()
    clock.now += 59
    job.report(0.5)
    clock.now += 2
    with pytest.raises(JobStopped):
        job.report(0.6)
    assert "longer than 60 seconds" in str(job.failure)
    other = Job("fill", "me", lambda job: None, limit=60)
    other.stop()
    with pytest.raises(JobStopped):
        other.report(0.1)
    assert other.id != job.id and len(other.id) >= 22
