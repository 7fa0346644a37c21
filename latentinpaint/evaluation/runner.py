"""A benchmark as a job: resumable item by item, by several processes, with the same figures however it is run.

A record is used again if nothing it depends on has changed: picture, hole, method, metrics, their weights, versions.
Every process computes on one thread (on a CPU), one picture at a time, so figures do not depend on how many
processes there are, nor on which pictures are evaluated beside it.
"""

import hashlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import cv2
import torch

from latentinpaint import __version__
from latentinpaint.errors import InputError, check_counts
from latentinpaint.evaluation.benchmark_config import BenchmarkConfig, EvaluationConfig, counts
from latentinpaint.evaluation.chosen_metrics import build_evaluator
from latentinpaint.evaluation.dataset import DatasetItem, EvaluationDataset, ItemSource, load_dataset
from latentinpaint.evaluation.evaluator import (
    Evaluation,
    Evaluator,
    Record,
    item_digest,
    row_names,
)
from latentinpaint.evaluation.methods import Method, build_methods, model_options
from latentinpaint.evaluation.output_folder import (
    OutputFolder,
    deviation_row,
    read_record,
    valid_record,
    write_picture,
    write_record,
)
from latentinpaint.evaluation.report.page_words import FILLED_HOLES, PageWords
from latentinpaint.images.folders import check_outside

FILLS_PER_PROCESS = 24  # fills that are worth the seconds that another process takes to start
MAX_PROCESSES = 8


@dataclass
class ItemResult:
    """One item, evaluated: why it was skipped, None if it was not; seconds by activity; records used again."""

    name: str
    skipped: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    reused: int = 0


@dataclass
class RunResult:
    """What a run has found.

    items, records: records of the items and of the methods, in the order of names. skipped: a sentence for each item
    that could not be read. seconds: by activity, of all processes together. reused: records that were there already.
    """

    items: list[Record]
    records: list[Record]
    skipped: list[str]
    seconds: dict[str, float]
    reused: int
    jobs: int
    wall_seconds: float


class Runner:
    """A benchmark in one process, with its output folder.

    A comparison of another kind is a subclass that opens its own pictures and methods.

    Attributes:
        words: what its report says of itself.
        settings_type: whose fields its report lists.

    Args:
        config: its settings.
        methods: what is compared, see `methods`.

    Raises:
        InputError: if a setting cannot be used, or the output would be among the pictures.
    """

    words: PageWords = FILLED_HOLES
    settings_type: type[EvaluationConfig] = BenchmarkConfig

    def __init__(self, config: EvaluationConfig, methods: Sequence[str]) -> None:
        if not methods:
            raise InputError("there is nothing to evaluate: name a method, or a model")
        check_counts(counts(config))
        self.config = config
        self.method_texts = tuple(methods)
        self.dataset = self.open_dataset()
        self.methods = self.open_methods()
        self.evaluator, self.notes = self.open_evaluator()
        self.output = OutputFolder(config.output, self.dataset.sources)

    def open_dataset(self) -> EvaluationDataset:
        """The pictures with their holes."""
        assert isinstance(self.config, BenchmarkConfig)
        check_outside(self.config.output, self.config.images, "the fills")
        return load_dataset(self.config)

    def open_methods(self) -> list[Method]:
        """The methods that `method_texts` name."""
        assert isinstance(self.config, BenchmarkConfig)
        return build_methods(self.method_texts, model_options(self.config), self.config.device)

    def open_evaluator(self) -> tuple[Evaluator, list[str]]:
        """The metrics, and notes on those that cannot be had."""
        return build_evaluator(self.config)

    def more_settings(self) -> dict[str, Any]:
        """What the report lists besides the settings of its config."""
        return {}

    def run(self, progress: Callable[[str], None] = lambda name: None) -> RunResult:
        """Evaluate all items, or those that are left.

        Args:
            progress: called with an item's name when it is done.

        Raises:
            InputError: if no item could be read.
        """
        started = time.perf_counter()
        jobs = self.config.jobs or self.default_jobs(len(self.dataset))
        kept = set()
        skipped = []
        seconds: dict[str, float] = {}
        reused = 0
        for result in _results(self, jobs):
            if result.skipped is None:
                kept.add(result.name)
            else:
                skipped.append(f"{result.name}: {result.skipped}")
            _add_seconds(seconds, result.seconds)
            reused += result.reused
            progress(result.name)
        skipped.sort()
        if not kept:
            raise InputError(f"none of the pictures could be evaluated; {skipped[0]}")
        names = [source.name for source in self.dataset.sources if source.name in kept]
        items = [read_record(self.output.item_path(name)) for name in names]
        records = []
        for method in self.methods:
            records += [read_record(self.output.record_path(method.name, name)) for name in names]
        return RunResult(items, records, skipped, seconds, reused, jobs, time.perf_counter() - started)

    def run_item(self, source: ItemSource, jobs: int = 1) -> ItemResult:
        """Evaluate all methods on an item while `jobs` processes work."""
        with one_thread():
            result = ItemResult(source.name)
            started = time.perf_counter()
            try:
                item = self.dataset.read(source)
            except InputError as error:
                return ItemResult(source.name, skipped=str(error))
            result.seconds["reading"] = time.perf_counter() - started
            digest = f"{__version__} {item_digest(item)} {self.evaluator.identity()}"
            if valid_record(self.output.item_path(item.name), digest) is None:
                started = time.perf_counter()
                write_record(self.output.item_path(item.name), {"key": digest} | self.evaluator.item_record(item))
                result.seconds["truth"] = time.perf_counter() - started
            for method in self.methods:
                self._run_method(method, item, digest, jobs, result)
            return result

    def _run_method(self, method: Method, item: DatasetItem, digest: str, jobs: int, result: ItemResult) -> None:
        """Evaluate a method on an item, unless its record is there."""
        key = hashlib.sha256(f"{digest} {method.identity(item)}".encode()).hexdigest()
        path = self.output.record_path(method.name, item.name)
        record = valid_record(path, key)
        if record is not None and (not self.config.keep_fills or self.output.has_fills(record)):
            result.reused += 1
            return
        evaluation = self.evaluator.evaluate(method, item)
        started = time.perf_counter()
        self._write_fills(method, item.name, evaluation)
        write_record(path, {"key": key, "processes": jobs} | evaluation.record)
        evaluation.seconds["writing"] = time.perf_counter() - started
        _add_seconds(result.seconds, evaluation.seconds)

    def default_jobs(self, count: int) -> int:
        """Processes for so many items: one a core (1 with a GPU), fewer for few items."""
        for method in self.methods:
            if method.device.type != "cpu":
                return 1
        if hasattr(os, "sched_getaffinity"):
            cores = len(os.sched_getaffinity(0))
        else:
            cores = os.cpu_count() or 1
        return max(1, min(cores, MAX_PROCESSES, count * len(self.methods) // FILLS_PER_PROCESS))

    def read_item(self, name: str) -> DatasetItem:
        """The item of a name, read again."""
        for source in self.dataset.sources:
            if source.name == name:
                return self.dataset.read(source)
        raise KeyError(name)

    def remove_fills(self) -> None:
        """Remove the fills of this benchmark's rows, and nothing else."""
        rows: list[str] = []
        for method in self.methods:
            rows += [*row_names(method, True), deviation_row(method.name)]
        self.output.remove_fills(rows)

    def _write_fills(self, method: Method, name: str, evaluation: Evaluation) -> None:
        for row, fill in evaluation.fills.items():
            write_picture(self.output.fill_path(row, name), fill)
        if evaluation.standard_deviation is not None:
            self.output.write_deviation(method.name, name, evaluation.standard_deviation)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for what is computed inside: how many there are can show in a sum's last digits."""
    before = torch.get_num_threads()
    before_opencv = cv2.getNumThreads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        cv2.setNumThreads(before_opencv)


def _results(runner: Runner, jobs: int) -> Iterator[ItemResult]:
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


def _add_seconds(total: dict[str, float], more: dict[str, float]) -> None:
    for activity, seconds in more.items():
        total[activity] = total.get(activity, 0.0) + seconds


_WORKER: list[Runner] = []


def _start_worker(kind: type[Runner], config: EvaluationConfig, methods: Sequence[str]) -> None:
    """What a process does first. Ctrl-C is for the one that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    _WORKER.append(kind(config, methods))


def _run_in_worker(source: ItemSource, jobs: int) -> ItemResult:
    return _WORKER[0].run_item(source, jobs)
