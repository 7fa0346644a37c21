"""Workers on the machines of a Ray cluster that share out items, any of which may be lost without harm to the rest.

Items stream through three steps by Ray Data: `fetch` and `store` are tasks that wait for a network rather than
compute, the work between them is done by actors, which begin once and keep what they need, such as a model. What a
machine or process took with it is done by others: after each attempt the items without a result are handed out again,
from the second on one by one, so that an item which ends its worker takes no other with it.

A worker takes less than a whole processor, and the rest is for the other two steps: with whole processors the actors
could take all there are, and would wait for ever for what nobody has room to fetch.
"""

import logging
import os
import re
import socket
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from latentinpaint.errors import InputError, MissingPackageError

Item = TypeVar("Item")
Result = TypeVar("Result")
Step = Callable[[Any], Any]

ATTEMPTS = 3
BLOCK = 4  # items that are handed out together at the first attempt
WORKER_CPUS = 0.9
STEP_CPUS = 0.05  # of fetching and storing, two of which fit beside a worker
STEPS = ("fetch", "work", "store")
CONNECT_SECONDS = 10.0
PATIENCE = 10.0  # seconds for a cluster to say what is free
_ERROR = "error"


@dataclass(frozen=True)
class WorkerLost:
    """In place of a result: so many workers were lost with the item, one at each attempt."""

    attempts: int


@dataclass(frozen=True)
class Placed(Generic[Result]):
    """A result and how it came about.

    Attributes:
        result: what the steps returned.
        node: the cluster's name of the machine.
        attempt: 1 for an item whose first worker was not lost.
        seconds: by step, see `STEPS`.
    """

    result: Result
    node: str
    attempt: int
    seconds: dict[str, float] = field(default_factory=dict)


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


class RayPool(Generic[Item, Result]):
    """Workers that share out items; the counterpart of `batch.pool.ProcessPool` for several machines.

    What passes between machines has to be picklable. Each step gets what the one before it returned.

    Args:
        cluster: where they work.
        initialise: called once in every worker; returns the function that does an item.
        fetch: called with an item before the work.
        store: called with what the work returned.
    """

    def __init__(
        self,
        cluster: Cluster,
        initialise: Callable[[], Step],
        fetch: Step | None = None,
        store: Step | None = None,
    ) -> None:
        self.cluster = cluster
        self.initialise = initialise
        self.fetch = fetch
        self.store = store

    def map_unordered(self, items: Sequence[Item]) -> Iterator[tuple[int, Placed[Result] | WorkerLost]]:
        """Yield indices of items and their results in the order in which they are done, each index once.

        Raises:
            InputError: if `initialise` raised one, or the cluster has no room.
            RuntimeError: if a step raised anything; with its traceback.
        """
        left = dict(enumerate(items))
        for attempt in range(1, ATTEMPTS + 1):
            if not left:
                return
            for index, placed in self._attempt(dict(left), attempt):
                if left.pop(index, None) is not None:
                    yield index, placed
        for index in left:
            yield index, WorkerLost(ATTEMPTS)

    def _attempt(self, left: dict[int, Item], attempt: int) -> Iterator[tuple[int, Placed[Result]]]:
        """The results of the items whose workers lived."""
        from ray import cloudpickle

        rows = []
        for index, item in left.items():
            rows.append({"index": index, "content": cloudpickle.dumps(item), "node": "", **dict.fromkeys(STEPS, 0.0)})
        for row in self._stream(rows, attempt):
            content = cloudpickle.loads(row["content"])
            if row["node"] == _ERROR:
                raise content
            yield row["index"], Placed(content, row["node"], attempt, {step: row[step] for step in STEPS})

    def _stream(self, rows: list[dict[str, Any]], attempt: int) -> Iterator[dict[str, Any]]:
        """The rows that come out at the other end."""
        import ray

        _quieten(ray.data.DataContext.get_current())
        block = BLOCK
        in_flight = 2
        if attempt > 1:
            block = 1
            in_flight = 1
        workers = min(self.cluster.room(), len(rows))
        resources = {"num_cpus": WORKER_CPUS}
        if self.cluster.gpus:
            resources["num_gpus"] = 1
        dataset: Any = ray.data.from_items(rows, override_num_blocks=-(-len(rows) // block))
        if self.fetch is not None:
            dataset = dataset.map(partial(_do, "fetch", self.fetch), num_cpus=STEP_CPUS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = dataset.map(
                _RayWorker,
                fn_constructor_args=(self.initialise,),
                compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=in_flight),
                max_restarts=-1,
                max_task_retries=0,  # an item that ends its worker would end another, without end
                **resources,
            )
        if self.store is not None:
            dataset = dataset.map(partial(_do, "store", self.store), num_cpus=STEP_CPUS)
        yield from dataset.iter_rows()


class _RayWorker:
    """The work of an actor."""

    def __init__(self, initialise: Callable[[], Step]) -> None:
        self.error: Exception | None = None
        try:
            self.work = initialise()
        except Exception as error:  # Ray would begin anew without end
            self.error = _portable(error)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        if self.error is not None:
            return _failed(row, self.error)
        return _do("work", self.work, row)


def _do(name: str, step: Step, row: dict[str, Any]) -> dict[str, Any]:
    """A step of a row, unless an earlier one failed."""
    import ray
    from ray import cloudpickle

    if row["node"] == _ERROR:
        return row
    started = time.perf_counter()
    try:
        content = cloudpickle.dumps(step(cloudpickle.loads(row["content"])))
    except Exception as error:
        return _failed(row, _portable(error))
    done = {**row, "content": content, name: time.perf_counter() - started}
    if name == "work":
        done["node"] = ray.get_runtime_context().get_node_id()
    return done


def _failed(row: dict[str, Any], error: Exception) -> dict[str, Any]:
    from ray import cloudpickle

    return {**row, "content": cloudpickle.dumps(error), "node": _ERROR}


def _portable(error: Exception) -> Exception:
    """An error that can be sent: a user's mistake as it is, any other as its traceback."""
    if isinstance(error, InputError):
        return InputError(str(error))
    return RuntimeError("".join(traceback.format_exception(error)))


def _quieten(context: Any) -> None:  # noqa: ANN401  ray.data.DataContext, which is imported where it is used
    """Losses are no errors, and what became of each item is told by its result."""
    context.max_errored_blocks = -1
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
