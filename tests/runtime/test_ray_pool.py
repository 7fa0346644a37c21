"""Workers of a Ray cluster: what has room, and what becomes of items whose worker is lost."""

import importlib.util
import os
import signal
from contextlib import contextmanager

import pytest

from latentinpaint.errors import InputError, MissingPackageError
from latentinpaint.runtime.ray_pool import (
    ATTEMPTS,
    Placed,
    RayPool,
    WorkerLost,
    connected,
    workers_with_room,
)


def machine(processors, gpus=0, alive=True):
    return {"Alive": alive, "Resources": {"CPU": processors, "GPU": gpus, "memory": 1e9}}


@pytest.mark.parametrize(
    ("nodes", "free", "gpus", "room"),
    [
        ([machine(1), machine(1)], {"CPU": 2.0}, False, 2),
        ([machine(4), machine(2)], {"CPU": 6.0}, False, 6),
        ([machine(4), machine(2)], {"CPU": 2.5}, False, 2),  # the rest is another job's
        ([machine(4), machine(2, alive=False)], {"CPU": 4.0}, False, 4),
        ([machine(0.5), machine(0.5)], {"CPU": 1.0}, False, 0),  # no machine has a whole one
        ([machine(0)], {}, False, 0),
        ([machine(8, gpus=2), machine(8)], {"CPU": 16.0, "GPU": 2.0}, True, 2),
        ([machine(1, gpus=4)], {"CPU": 1.0, "GPU": 4.0}, True, 1),
    ],
)
def test_room(nodes, free, gpus, room):
    assert workers_with_room(nodes, free, gpus) == room


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="ray is installed")
def test_without_ray_one_sentence_says_what_to_install():
    with pytest.raises(MissingPackageError, match=r"pip install 'latentinpaint\[ray\]'"), connected("127.0.0.1:1"):
        pass


def test_a_device_that_workers_have_not_is_one_sentence():
    with (
        pytest.raises(InputError, match="compute on cpu or cuda, not on mps"),
        connected("127.0.0.1:1", device="mps"),
    ):
        pass


def test_nobody_at_the_address_is_one_sentence():
    pytest.importorskip("ray", reason="ray is not installed: pip install 'latentinpaint[ray]'")
    with pytest.raises(InputError, match="^there is no Ray cluster at 127.0.0.1:1: .*refused"):
        with connected("127.0.0.1:1"):
            pass


@contextmanager
def in_cluster(ray_address, **options):
    with connected(ray_address, device="cpu", **options) as cluster:
        yield cluster


def test_more_workers_than_there_is_room_for_is_one_sentence(ray_address, monkeypatch):
    monkeypatch.setattr("latentinpaint.runtime.ray_pool.PATIENCE", 0.0)
    with in_cluster(ray_address, workers=5, workers_name="--jobs") as cluster:
        with pytest.raises(InputError, match="has room for 2 workers: .* more processors .* fewer --jobs"):
            list(RayPool(cluster, lambda: int).map_unordered([1]))


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
