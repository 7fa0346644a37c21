"""A Ray cluster: whether it can be reached, and how many workers it has room for.

A worker takes less than a whole processor, and the rest is for reading and writing: with whole processors the workers
could take all there are, and would wait for ever for what nobody has room to fetch.
"""

import logging
import os
import re
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from latentinpaint.errors import InputError, MissingPackageError

WORKER_CPUS = 0.9
PATIENCE = 10.0  # seconds for a cluster to say what is free
CONNECT_SECONDS = 10.0


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster that this process is connected to.

    Attributes:
        workers: how many at most, None for one on every processor, or every GPU.
        gpus: whether each takes a GPU.
        workers_name: what messages call the argument that says how many.
    """

    workers: int | None = None
    gpus: bool = False
    workers_name: str = "workers"

    @property
    def device(self) -> str:
        """What each worker computes on."""
        return "cuda" if self.gpus else "cpu"

    def room(self) -> int:
        """How many workers to begin now.

        Raises:
            InputError: if there is room for none, or for fewer than are asked for.
        """
        import ray

        needed = self.workers or 1
        until = time.monotonic() + PATIENCE
        room = workers_with_room(ray.nodes(), ray.available_resources(), self.gpus)
        while room < needed and time.monotonic() < until:
            time.sleep(0.2)  # what a job before this one had is given back a little later
            room = workers_with_room(ray.nodes(), ray.available_resources(), self.gpus)
        kind = "processor"
        if self.gpus:
            kind = "GPU and a processor"
        if room < needed:
            raise InputError(
                f"the Ray cluster has room for {room} workers: each takes a {kind} that no other job has; declare "
                f"more processors when Ray is started, wait for other jobs, or ask for fewer {self.workers_name}"
            )
        return self.workers or room


@contextmanager
def connected(
    address: str | None = None,
    workers: int | None = None,
    device: str | None = None,
    workers_name: str = "workers",
) -> Iterator[Cluster]:
    """Connect to a cluster, and part from it at the end.

    Args:
        address: of the cluster, as `ray start` prints it; None is the one that the environment's RAY_ADDRESS names,
            or one of this machine alone, which ends with the connection.
        workers: how many at most; None for all that have room.
        device: what they compute on, cpu or cuda; None for GPUs if the cluster has any.
        workers_name: what messages call the argument `workers`.

    Raises:
        MissingPackageError: if Ray is not installed.
        InputError: if there is no cluster at the address, or the device is another.
    """
    if device not in (None, "cpu", "cuda"):
        raise InputError(f"workers of a Ray cluster compute on cpu or cuda, not on {device}")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f"the engine ray needs the package {error.name}: pip install 'latentinpaint[ray]'"
        ) from error
    was_connected = ray.is_initialized()
    if not was_connected:
        _check_reachable(address)
        try:
            ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL)
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"there is no Ray cluster at {address or 'RAY_ADDRESS'}: {reason}") from error
    try:
        has_gpus = ray.cluster_resources().get("GPU", 0) >= 1
        yield Cluster(workers, device == "cuda" or (device is None and has_gpus), workers_name)
    finally:
        if not was_connected:
            ray.shutdown()


def _check_reachable(address: str | None) -> None:
    """Raise an `InputError` if nobody listens at host:port, for which Ray would wait for minutes."""
    match = re.fullmatch(r"([^/]+):(\d+)", address or "")
    if match is None:
        return
    try:
        socket.create_connection((match[1], int(match[2])), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise InputError(f"there is no Ray cluster at {address}: {error}") from error


def workers_with_room(nodes: Sequence[dict[str, Any]], free: dict[str, float], gpus: bool) -> int:
    """Workers for which a cluster has room.

    Args:
        nodes: its machines, as `ray.nodes` lists them.
        free: what no job has taken, as `ray.available_resources` says.
        gpus: whether each worker takes a GPU.
    """
    found = 0
    for node in nodes:
        if not node["Alive"]:
            continue
        resources = node["Resources"]
        processors = int(resources.get("CPU", 0) + 1e-6)
        if gpus:
            processors = min(processors, int(resources.get("GPU", 0)))
        found += processors
    if gpus:
        found = min(found, int(free.get("GPU", 0)))
    return min(found, int(free.get("CPU", 0) + 1e-6))
