"""Workers of a Ray cluster: what becomes of items whose worker is lost."""

import os
import signal
from contextlib import contextmanager

import pytest

from latentinpaint.errors import InputError
from latentinpaint.runtime.ray_cluster import connected
from latentinpaint.runtime.ray_pool import ATTEMPTS, Placed, RayPool, WorkerLost


@contextmanager
def in_cluster(ray_address, **options):
    with connected(ray_address, device="cpu", **options) as cluster:
        yield cluster


def test_a_lost_worker_takes_no_item_but_the_one_that_ends_it(ray_address, tmp_path):
    def initialise():
        def work(number):
            log = tmp_path / f"{number}-{os.getpid()}"
            log.touch()
            if number == 5:
                os.kill(os.getpid(), signal.SIGKILL)
            return number**2

        return work

    def fetch(number):
        return number + 1

    def store(square):
        return f"{square}"

    with in_cluster(ray_address) as cluster:
        results = list(RayPool(cluster, initialise, fetch, store).map_unordered(range(12)))
    found = dict(results)
    assert len(results) == len(found) == 12
    assert found.pop(4) == WorkerLost(ATTEMPTS)
    assert len(list(tmp_path.glob("5-*"))) == ATTEMPTS
    for number, placed in found.items():
        assert isinstance(placed, Placed) and placed.result == f"{(number + 1) ** 2}"
        assert placed.seconds.keys() == {"fetch", "work", "store"}
    assert {placed.attempt for placed in found.values()} <= {1, 2}


def test_mistakes_of_the_start_and_of_the_work_end_the_run(ray_address):
    def no_model():
        raise InputError("there is no model here")

    def begin():
        return lambda number: 1 // number

    with in_cluster(ray_address, workers=1) as cluster:
        with pytest.raises(InputError, match="^there is no model here$"):
            list(RayPool(cluster, no_model).map_unordered([1]))
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            list(RayPool(cluster, begin).map_unordered([0]))
