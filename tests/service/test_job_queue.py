"""Jobs in threads: order, limits, cancelling, failing, and nothing that is kept of them."""

import gc
import threading
import time
import weakref

import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.service import job_queue
from latentinpaint.service.job import JobState, JobStopped
from latentinpaint.service.job_queue import JobQueue
from latentinpaint.service.refused import Refused
from latentinpaint.service.settings import ServiceLimits


@pytest.fixture
def make_queue():
    queues = []

    def make(workers=1, on_end=lambda job: None, **limits):
        queues.append(JobQueue(workers, ServiceLimits(**limits), on_end))
        return queues[-1]

    yield make
    for queue in queues:
        queue.close()


def wait(job, seconds=10):
    deadline = time.monotonic() + seconds
    while not job.is_over:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return job


def loop(job):
    while True:
        job.report(0.5)
        time.sleep(0.002)


def test_first_come_first_served(make_queue):
    order, ended = [], []
    hold = threading.Event()
    queue = make_queue(on_end=ended.append)
    wait_running(queue.submit("a", "me", lambda job: hold.wait(10)))
    jobs = [queue.submit("a", "me", lambda job, n=n: order.append(n)) for n in range(4)]
    assert [queue.place(job) for job in jobs] == [1, 2, 3, 4] and queue.num_waiting == 4
    hold.set()
    for job in jobs:
        assert wait(job).state is JobState.DONE and job.progress == 1 and queue.place(job) == 0
    assert order == [0, 1, 2, 3] and ended[1:] == jobs


def test_workers_run_beside_each_other_and_share_the_cores(make_queue):
    torch.set_num_threads(4)
    together = threading.Barrier(2, timeout=10)
    threads = []

    def work(job):
        together.wait()
        threads.append(torch.get_num_threads())

    queue = make_queue(workers=2)
    for job in [queue.submit("a", "me", work) for _ in range(2)]:
        assert wait(job).state is JobState.DONE
    assert threads == [2, 2] and torch.get_num_threads() == 4


def test_limits(make_queue):
    queue = make_queue(visitor_jobs=2, queue=2)
    mine = [queue.submit("a", "me", loop) for _ in range(2)]
    with pytest.raises(Refused, match="2 of your jobs") as caught:
        queue.submit("a", "me", loop)
    assert caught.value.status == 429
    while queue.num_waiting > 1:
        time.sleep(0.005)
    queue.submit("a", "you", loop)
    with pytest.raises(Refused, match="too many jobs wait") as caught:
        queue.submit("a", "somebody", loop)
    assert caught.value.status == 503
    queue.cancel(wait_running(mine[0]))
    wait(mine[0])
    queue.submit("a", "me", loop)


def wait_running(job):
    while job.state is JobState.QUEUED:
        time.sleep(0.005)
    return job


def test_a_running_job_is_cancelled_within_its_next_report(make_queue):
    queue = make_queue()
    job = wait_running(queue.submit("a", "me", loop))
    queue.cancel(job)
    assert wait(job).state is JobState.CANCELLED and job.failure is None
    after = queue.submit("a", "me", lambda job: job.results.append("x"))
    assert wait(after).state is JobState.DONE
    queue.cancel(after)
    assert after.state is JobState.DONE


def test_a_job_that_takes_too_long_fails(make_queue):
    job = make_queue(seconds=0.05).submit("a", "me", loop)
    assert wait(job).state is JobState.FAILED
    assert str(job.failure) == "the job took longer than 0.05 seconds, the limit here" and job.failure.status == 503


@pytest.mark.parametrize(
    "error, status, words",
    [
        (InputError("no hole"), 422, "no hole"),
        (Refused(413, "too large"), 413, "too large"),
        (MemoryError(), 503, "not enough memory"),
        (torch.OutOfMemoryError("x"), 503, "not enough memory"),
        (RuntimeError("at /root"), 500, "inside the program"),
    ],
)
def test_what_goes_wrong_is_a_sentence(make_queue, error, status, words):
    def work(job):
        raise error

    queue = make_queue()
    job = wait(queue.submit("a", "me", work))
    assert job.state is JobState.FAILED and job.failure.status == status and words in str(job.failure)
    assert wait(queue.submit("a", "me", lambda job: None)).state is JobState.DONE  # the worker lives on


class Large:
    """Stands for a picture that a job computes on."""


def test_nothing_of_a_job_is_kept_when_it_is_over(make_queue, monkeypatch):
    """Whether it is done, refused, broken or stopped; tracebacks would keep what was computed on."""
    monkeypatch.setattr(job_queue.LOG, "disabled", True)  # pytest keeps what is logged
    known = []

    def work_of(error):
        large = Large()
        known.append(weakref.ref(large))

        def work(job):
            held = [large]
            if error is not None:
                raise error("x")
            return held

        return work

    queue = make_queue(visitor_jobs=9)
    jobs = [queue.submit("a", "me", work_of(error)) for error in (None, InputError, RuntimeError, JobStopped)]
    for job in (*jobs, queue.submit("a", "me", lambda job: None)):
        wait(job)
    gc.collect()
    assert [large() for large in known] == [None] * 4


def test_jobs_that_are_over_are_forgotten_in_time(make_queue, monkeypatch):
    monkeypatch.setattr(job_queue, "_KEPT", 3)
    queue = make_queue(visitor_jobs=9)
    jobs = [wait(queue.submit("a", "me", lambda job: None)) for _ in range(5)]
    wait(queue.submit("a", "me", lambda job: None))
    assert queue.get("me", jobs[-1].id) is jobs[-1]
    with pytest.raises(Refused) as caught:
        queue.get("me", jobs[0].id)
    assert caught.value.status == 404
    with pytest.raises(Refused):
        queue.get("you", jobs[-1].id)
    queue.forget(jobs[-1])
    with pytest.raises(Refused):
        queue.get("me", jobs[-1].id)


def test_the_end_stops_everything(make_queue):
    queue = make_queue(workers=2)
    jobs = [queue.submit("a", "me", loop) for _ in range(4)]
    wait_running(jobs[0])
    queue.close()
    assert all(wait(job).state is JobState.CANCELLED for job in jobs)
    assert not any(worker.is_alive() for worker in queue._workers)
