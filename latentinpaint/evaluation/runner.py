"""A benchmark as a job: resumable item by item, by several processes, with the same figures however it is run.

A record is used again if nothing it depends on has changed: picture, hole, method, metrics, their weights, versions.
Every process computes on one thread (on a CPU), one picture at a time, so figures do not depend on how many
processes there are, nor on which pictures are evaluated beside it.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
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
from latentinpaint.evaluation.item_results import (
    ItemResult,
    OutputFile,
    add_seconds,
    results_of_processes,
    results_on_ray,
    write_files,
)
from latentinpaint.evaluation.methods import Method, build_methods, model_options
from latentinpaint.evaluation.output_folder import (
    OutputFolder,
    deviation_row,
    lasting_record,
    picture_file,
    read_record,
    record_file,
)
from latentinpaint.evaluation.report.page_words import FILLED_HOLES, PageWords
from latentinpaint.images.folders import check_outside
from latentinpaint.runtime.ray_cluster import connected

FILLS_PER_PROCESS = 24  # fills that are worth the seconds that another process takes to start
MAX_PROCESSES = 8


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
        if self.config.engine == "ray":
            with connected(self.config.ray_address, self.config.jobs, self.config.device, "jobs") as cluster:
                return self._collect(results_on_ray(self, cluster), cluster.room(), progress)
        jobs = self.config.jobs or self.default_jobs(len(self.dataset))
        return self._collect(results_of_processes(self, jobs), jobs, progress)

    def _collect(self, results: Iterable[ItemResult], jobs: int, progress: Callable[[str], None]) -> RunResult:
        """The records of all items in the order of their names, whatever the order in which they are done.

        So the features of all pictures stand in one order, and what is summed of them, in float64 and by one
        process, is equal to the last digit however many processes evaluated them.
        """
        started = time.perf_counter()
        kept = set()
        skipped = []
        seconds: dict[str, float] = {}
        reused = 0
        for result in results:
            if result.skipped is None:
                kept.add(result.name)
            else:
                skipped.append(f"{result.name}: {result.skipped}")
            add_seconds(seconds, result.seconds)
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
        """Evaluate all methods on an item while `jobs` processes work, and write what was found."""
        result = ItemResult(source.name)
        for files in self.evaluate_item(source, self.known_keys(source), jobs, result):
            started = time.perf_counter()
            write_files(files)
            add_seconds(result.seconds, {"writing": time.perf_counter() - started})
        return result

    def known_keys(self, source: ItemSource) -> dict[Path, str]:
        """The keys of the records of an item that are there, with their fills if those are kept."""
        item_path = self.output.item_path(source.name)
        found = {}
        record = lasting_record(item_path)
        if record is not None:
            found[item_path] = record.get("key", "")
        for method in self.methods:
            path = self.output.record_path(method.name, source.name)
            record = lasting_record(path)
            if record is not None and (not self.config.keep_fills or self.output.has_fills(record)):
                found[path] = record.get("key", "")
        return found

    def evaluate_item(
        self, source: ItemSource, known: Mapping[Path, str], jobs: int, result: ItemResult
    ) -> Iterator[list[OutputFile]]:
        """Evaluate all methods on an item, but for what is known; nothing is written.

        Args:
            source: the item.
            known: the keys of records that are there, see `known_keys`.
            jobs: processes that work at once.
            result: to be added to.

        Returns:
            The files of the item, and those of each method when it is done; its record is the last of them.
        """
        with one_thread():
            started = time.perf_counter()
            try:
                item = self.dataset.read(source)
            except InputError as error:
                result.skipped = str(error)
                return
            result.seconds["reading"] = time.perf_counter() - started
            digest = f"{__version__} {item_digest(item)} {self.evaluator.identity()}"
            path = self.output.item_path(item.name)
            if known.get(path) != digest:
                started = time.perf_counter()
                record = record_file({"key": digest} | self.evaluator.item_record(item))
                result.seconds["truth"] = time.perf_counter() - started
                yield [(path, record)]
            for method in self.methods:
                key = hashlib.sha256(f"{digest} {method.identity(item)}".encode()).hexdigest()
                path = self.output.record_path(method.name, item.name)
                if known.get(path) == key:
                    result.reused += 1
                    continue
                evaluation = self.evaluator.evaluate(method, item)
                add_seconds(result.seconds, evaluation.seconds)
                record = record_file({"key": key, "processes": jobs} | evaluation.record)
                yield [*self._fill_files(method, item.name, evaluation), (path, record)]

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

    def _fill_files(self, method: Method, name: str, evaluation: Evaluation) -> Iterator[OutputFile]:
        for row, fill in evaluation.fills.items():
            yield self.output.fill_path(row, name), picture_file(fill)
        if evaluation.standard_deviation is not None:
            yield self.output.deviation_file(method.name, name, evaluation.standard_deviation)


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
