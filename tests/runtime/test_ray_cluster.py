"""A Ray cluster: what has room, and what cannot be reached or used."""

import importlib.util

import pytest

from latentinpaint.errors import InputError, MissingPackageError
from latentinpaint.runtime.ray_cluster import connected, workers_with_room


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


def test_more_workers_than_there_is_room_for_is_one_sentence(ray_address, monkeypatch):
    monkeypatch.setattr("latentinpaint.runtime.ray_cluster.PATIENCE", 0.0)
    with connected(ray_address, device="cpu", workers=5, workers_name="--jobs") as cluster:
        with pytest.raises(InputError, match="has room for 2 workers: .* more processors .* fewer --jobs"):
            cluster.room()
