"""A comparison as a job: resumable picture by picture, by several processes, with the same figures however it is run.

    output/records/methods/<method>/<case>.json     what `judging` found, written when a case is done
    output/records/cases/<case>.json                what is to be known of the case
    output/fills/<row>/<case>.png                   the fills as files

A record is used again if nothing it depends on has changed: picture, hole, method, metrics, their weights, versions.
Every process computes on one thread (on a CPU), one picture at a time, so figures do not depend on how many
processes there are, nor on which pictures are judged beside it.
"""

import hashlib
import json
import multiprocessing
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from latentinpaint import __version__
from latentinpaint.errors import InputError
from latentinpaint.evaluation.benchmark_config import BenchmarkConfig
from latentinpaint.evaluation.dataset import DatasetItem, EvaluationDataset, ItemSource
from latentinpaint.evaluation.evaluator import Record, item_digest, row_names
from latentinpaint.files import write_beside

# So many fills are worth the seconds that another process takes to start.
WORTH_A_PROCESS = 24
DEVIATION_SCALE = 0.25  # the standard deviation that is white in a map


@dataclass
class RunResult:
    """What a run has found.

    cases, records: in the order of names. left_out: a sentence for each case that could not be read. spent: seconds
    by what they were spent on, of all processes together. reused: records that were there already.
    """

    cases: list[Record]
    records: list[Record]
    left_out: list[str]
    spent: dict[str, float] = field(default_factory=dict)
    reused: int = 0
    jobs: int = 1
    wall_seconds: float = 0.0


class Runner:
    """A plan in one process, with its output folder.

    Args:
        plan: what to do.
        output: folder of records and fills.
        keep_fills: whether a record without its fills is done again.

    Raises:
        InputError: if a part of the plan cannot be had, or the output would be among the pictures.
    """

    def __init__(self, plan: BenchmarkConfig, output: str | Path, keep_fills: bool = True) -> None:
        self.plan, self.output, self.keep_fills = plan, Path(output), keep_fills
        if self.output.resolve().is_relative_to(Path(plan.images).resolve()):
            raise InputError(
                f"{output} lies in {plan.images}: the fills would be taken for pictures; put it elsewhere"
            )
        self.cases = plan.cases()
        self.methods = plan.build_methods()
        self.judge, self.notes = plan.judge()
        self.stems = output_stems(self.cases)

    def do(self, source: ItemSource, jobs: int = 1) -> dict[str, Any]:
        """Evaluate all methods on a case while `jobs` processes work; ``{"name", "left_out", "spent", "reused"}``."""
        with one_thread():
            return self._do(source, jobs)

    def _do(self, source: ItemSource, jobs: int) -> dict[str, Any]:
        name = source.name
        spent: dict[str, float] = {}
        started = time.perf_counter()
        try:
            case = self.cases.read(source)
        except InputError as error:
            return {"name": name, "left_out": str(error), "spent": spent, "reused": 0}
        spent["reading"] = time.perf_counter() - started
        reused = 0
        digest = f"{__version__} {item_digest(case)} {self.judge.identity()}"
        if _known(self.case_path(name), digest) is None:
            started = time.perf_counter()
            _write(self.case_path(name), {"key": digest} | self.judge.item_record(case))
            spent["truth"] = time.perf_counter() - started
        for method in self.methods:
            key = hashlib.sha256(f"{digest} {method.identity(case)}".encode()).hexdigest()
            path = self.record_path(method.name, name)
            known = _known(path, key)
            if known is not None and self._has_fills(known):
                reused += 1
                continue
            found = self.judge.evaluate(method, case)
            started = time.perf_counter()
            for row, fill in found.fills.items():
                self._write_fill(row, name, fill)
            if found.deviation is not None:
                self._write_fill(f"{method.name}, deviation", name, (found.deviation / DEVIATION_SCALE).clamp(0, 1))
            _write(path, {"key": key, "processes": jobs} | found.record)
            found.spent["writing"] = time.perf_counter() - started
            for what, seconds in found.spent.items():
                spent[what] = spent.get(what, 0.0) + seconds
        return {"name": name, "left_out": None, "spent": spent, "reused": reused}

    def fill_path(self, row: str, name: str) -> Path:
        """The file of a fill."""
        return self.output / "fills" / slug(row) / f"{self.stems[name]}.png"

    def record_path(self, method: str, name: str) -> Path:
        """The file of a method's record of a case."""
        return self.output / "records" / "methods" / slug(method) / f"{slug(name)}.json"

    def case_path(self, name: str) -> Path:
        """The file of what is to be known of a case."""
        return self.output / "records" / "cases" / f"{slug(name)}.json"

    def remove_fills(self) -> None:
        """Take away the fills of this plan's rows, and nothing else."""
        rows = [row for method in self.methods for row in (*row_names(method, True), f"{method.name}, deviation")]
        for row in rows:
            shutil.rmtree(self.output / "fills" / slug(row), ignore_errors=True)
        with suppress(OSError):
            (self.output / "fills").rmdir()

    def _has_fills(self, record: Record) -> bool:
        rows = [row["row"] for row in record["rows"]]
        return not self.keep_fills or all(self.fill_path(row, record["case"]).is_file() for row in rows)

    def _write_fill(self, row: str, name: str, fill: Tensor) -> None:
        pixels = (fill[0] * 255).round().to(torch.uint8).permute(1, 2, 0).squeeze(-1).numpy()
        with write_beside(self.fill_path(row, name)) as temporary:
            Image.fromarray(np.ascontiguousarray(pixels)).save(temporary, compress_level=1)


def run(own: Runner, jobs: int | None = None, progress: Callable[[str], None] = lambda name: None) -> RunResult:
    """Do a plan, or what is left of it.

    Args:
        own: the plan in this process.
        jobs: processes; None takes one a core (1 with a GPU), fewer for few pictures.
        progress: called with a case's name when it is done.

    Raises:
        InputError: if no case could be read, or no method answered any.
    """
    started = time.perf_counter()
    jobs = jobs or _jobs(own, len(own.cases))
    outcome = RunResult([], [], [], jobs=jobs)
    kept = []
    for done in _results(own, jobs):
        if done["left_out"] is None:
            kept.append(done["name"])
        else:
            outcome.left_out.append(f"{done['name']}: {done['left_out']}")
        for what, seconds in done["spent"].items():
            outcome.spent[what] = outcome.spent.get(what, 0.0) + seconds
        outcome.reused += done["reused"]
        progress(done["name"])
    outcome.left_out.sort()
    if not kept:
        raise InputError(f"none of the pictures could be judged; {outcome.left_out[0]}")
    there = set(kept)
    names = [source.name for source in own.cases.sources if source.name in there]
    outcome.cases = [_read(own.case_path(name)) for name in names]
    outcome.records = [_read(own.record_path(method.name, name)) for method in own.methods for name in names]
    outcome.wall_seconds = time.perf_counter() - started
    return outcome


def output_stems(cases: EvaluationDataset) -> dict[str, str]:
    """For each case's name the path of its files without suffix.

    It is the name without its own suffix, or with it where two would meet.
    """
    short = [Path(s.name).with_suffix("").as_posix() if s.mask is None else s.name for s in cases.sources]
    twice = {stem for stem in short if short.count(stem) > 1} if len(set(short)) < len(short) else set()
    return {s.name: s.name if stem in twice else stem for s, stem in zip(cases.sources, short, strict=True)}


def slug(text: str) -> str:
    """A file name for any text: itself if it is one, else something like it and a checksum."""
    plain = re.sub(r"[^\w.,() +-]", "_", text).strip(". ") or "_"
    if plain == text and len(text.encode()) < 100:
        return plain
    return plain.encode()[:80].decode(errors="ignore") + "-" + hashlib.sha256(text.encode()).hexdigest()[:16]


def _results(own: Runner, jobs: int) -> Iterator[dict[str, Any]]:
    if jobs == 1:
        yield from map(own.do, own.cases.sources)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _begin, (own.plan, str(own.output), own.keep_fills)) as pool:
        futures = [pool.submit(_do, source, jobs) for source in own.cases.sources]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            raise InputError(
                "a process was ended from outside, perhaps for want of memory: the same command goes on "
                "where it stopped; --jobs 1 needs the least"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_RUN: list[Runner] = []


def _begin(plan: BenchmarkConfig, output: str, keep_fills: bool) -> None:
    """What a process does first. Ctrl-C is for the one that started it."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    _RUN.append(Runner(plan, output, keep_fills))


def _do(source: ItemSource, jobs: int) -> dict[str, Any]:
    return _RUN[0].do(source, jobs)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for what is computed inside: how many there are can show in a sum's last digits."""
    import cv2

    before, before_cv = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        cv2.setNumThreads(before_cv)


def _jobs(own: Runner, count: int) -> int:
    if any(method.device.type != "cpu" for method in own.methods):
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, 8, count * len(own.methods) // WORTH_A_PROCESS))


def _read(path: Path) -> Record:
    return json.loads(path.read_text())


def _known(path: Path, key: str) -> Record | None:
    """The record in a file, if it is there and still holds."""
    try:
        record = _read(path)
    except (OSError, ValueError):
        return None
    return record if record.get("key") == key and not record.get("again") else None


def _write(path: Path, record: Record) -> None:
    with write_beside(path) as temporary:
        temporary.write_text(json.dumps(record))


def read_case(run: Runner, name: str) -> DatasetItem:
    """The case of a name, read again."""
    return run.cases[next(n for n, source in enumerate(run.cases.sources) if source.name == name)]
