"""Workers on the machines of a Ray cluster that share out items, any of which may be lost without harm to the rest.

Items stream through three steps by Ray Data: `fetch` and `store` are tasks that wait for a network rather than
compute, the work between them is done by actors, which begin once and keep what they need, such as a model. What a
machine or process took with it is done by others: after each attempt the items without a result are handed out again,
from the second on one by one, so that an item which ends its worker takes no other with it.
"""

import logging
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from latentinpaint.errors import InputError
from latentinpaint.runtime.ray_cluster import WORKER_CPUS, Cluster

Item = TypeVar("Item")
Result = TypeVar("Result")
Step = Callable[[Any], Any]

ATTEMPTS = 3
BLOCK = 4  # items that are handed out together at the first attempt
STEP_CPUS = 0.05  # of fetching and storing, two of which fit beside a worker
STEPS = ("fetch", "work", "store")
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
