"""The results of all items of a benchmark, by processes of this machine or by the workers of a Ray cluster.

Either way `ItemRunner.evaluate_item` finds them; what differs is who writes what it found: a process its own items,
or the one process that asked the cluster, so that workers need no place to write to.
"""

import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import torch

from latentinpaint.errors import InputError
from latentinpaint.evaluation.benchmark_config import EvaluationConfig
from latentinpaint.evaluation.dataset import EvaluationDataset, ItemSource
from latentinpaint.files import write_bytes
from latentinpaint.runtime.ray_cluster import Cluster
from latentinpaint.runtime.ray_pool import RayPool, WorkerLost

OutputFile = tuple[Path, bytes]


@dataclass
class ItemResult:
    """One item, evaluated: why it was skipped, None if it was not; seconds by activity; records used again."""

    name: str
    skipped: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    reused: int = 0


class ItemRunner(Protocol):
    """What evaluates items, see `runner.Runner`; every process makes its own of the same two arguments."""

    dataset: EvaluationDataset
    config: EvaluationConfig
    method_texts: tuple[str, ...]

    def run_item(self, source: ItemSource, jobs: int = 1) -> ItemResult:
        """Evaluate all methods on an item, and write what was found."""

    def known_keys(self, source: ItemSource) -> dict[Path, str]:
        """The keys of the records that are there."""

    def evaluate_item(
        self, source: ItemSource, known: Mapping[Path, str], jobs: int, result: ItemResult
    ) -> Iterator[list[OutputFile]]:
        """Evaluate all methods on an item but for what is known; nothing is written."""


MakeRunner = Callable[[EvaluationConfig, Sequence[str]], ItemRunner]


def write_files(files: Iterable[OutputFile]) -> None:
    """Write files in their order."""
    for path, content in files:
        write_bytes(path, content)


def add_seconds(total: dict[str, float], more: dict[str, float]) -> None:
    """Add seconds to those of the same activities."""
    for activity, seconds in more.items():
        total[activity] = total.get(activity, 0.0) + seconds


def results_of_processes(runner: ItemRunner, jobs: int) -> Iterator[ItemResult]:
    """The results of all items, by so many processes, in the order in which they are done."""
    sources = runner.dataset.sources
    if jobs == 1:
        yield from map(runner.run_item, sources)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        jobs, context, _start_worker, (type(runner), runner.config, runner.method_texts)
    ) as pool:
        futures = [pool.submit(_run_in_worker, source, jobs) for source in sources]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            raise InputError(
                "a process was ended from outside, perhaps for want of memory: the same benchmark goes on "
                "where it stopped; one process (jobs=1) needs the least memory"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def results_on_ray(runner: ItemRunner, cluster: Cluster) -> Iterator[ItemResult]:
    """The results of all items, by the workers of a cluster; what they found is written by this process alone."""
    sources = runner.dataset.sources
    start = partial(_start_on_ray, type(runner), runner.config, runner.method_texts, cluster.room())
    pool: RayPool[KnownItem, EvaluatedItem] = RayPool(cluster, start)
    known = [KnownItem(source, runner.known_keys(source)) for source in sources]
    for index, placed in pool.map_unordered(known):
        if isinstance(placed, WorkerLost):
            raise InputError(
                f"{placed.attempts} workers were lost with {sources[index].name}, one after the other, perhaps for "
                "want of memory: the same benchmark goes on where it stopped"
            )
        write_files(placed.result.files)
        yield placed.result.result


@dataclass(frozen=True)
class KnownItem:
    """An item, and the keys of its records that are there."""

    source: ItemSource
    known: dict[Path, str]


@dataclass(frozen=True)
class EvaluatedItem:
    """What a worker found, and the files of it."""

    result: ItemResult
    files: list[OutputFile]


def _start_on_ray(
    make: MakeRunner, config: EvaluationConfig, methods: Sequence[str], jobs: int
) -> Callable[[KnownItem], EvaluatedItem]:
    """What a worker does first; returns the function that evaluates an item."""
    return partial(evaluate_for_another, make(config, methods), jobs)


def evaluate_for_another(runner: ItemRunner, jobs: int, item: KnownItem) -> EvaluatedItem:
    """Evaluate an item and write nothing.

    Args:
        runner: the benchmark.
        jobs: processes that work at once.
        item: what to evaluate.
    """
    result = ItemResult(item.source.name)
    files: list[OutputFile] = []
    for of_method in runner.evaluate_item(item.source, item.known, jobs, result):
        files += of_method
    return EvaluatedItem(result, files)


_WORKER: list[ItemRunner] = []


def _start_worker(make: MakeRunner, config: EvaluationConfig, methods: Sequence[str]) -> None:
    """What a process does first. Ctrl-C is for the one that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    _WORKER.append(make(config, methods))


def _run_in_worker(source: ItemSource, jobs: int) -> ItemResult:
    return _WORKER[0].run_item(source, jobs)
