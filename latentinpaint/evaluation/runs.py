"""A comparison as a job: resumable picture by picture, by several processes, with the same figures however it is run.

    output/records/<method>/<case>.json     what `judging` found, written when a case is done
    output/records/cases/<case>.json        what is to be known of the case
    output/fills/<row>/<case>.png           the fills as files

A record is used again if nothing it depends on has changed: picture, hole, method, metrics, version. Every process
computes on one thread (on a CPU), one picture at a time, so figures do not depend on how many processes there are,
nor on which pictures are judged beside it.
"""

import hashlib
import json
import multiprocessing
import os
import re
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from latentinpaint import __version__
from latentinpaint.errors import InputError
from latentinpaint.evaluation.cases import Case, Cases, cases_from_folders, cases_from_preset
from latentinpaint.evaluation.features import FeatureNetwork, Inception, SqueezeNet
from latentinpaint.evaluation.judging import Judge, Record, case_digest
from latentinpaint.evaluation.methods import Method, build_methods
from latentinpaint.evaluation.metrics import METRICS
from latentinpaint.evaluation.perceptual import LPIPS_BACKBONES, load_lpips
from latentinpaint.evaluation.weight_files import INCEPTION, SQUEEZENET
from latentinpaint.files import write_beside

CASES = "cases"
FEATURES = {"inception": (Inception, INCEPTION), "squeeze": (SqueezeNet, SQUEEZENET)}
# So many fills are worth the seconds that another process takes to start.
WORTH_A_PROCESS = 24
DEVIATION_SCALE = 0.25  # the standard deviation that is white in a map


@dataclass(frozen=True)
class Plan:
    """Everything a process needs to know; made of plain values, so that it can be sent to one.

    Args:
        images: folder of undamaged pictures.
        methods: texts, see `methods`.
        masks: folder of masks, or None for the preset.
        mask_preset, seed: of the holes; the seed is the samples', too.
        limit: only so many cases, the first by name.
        num_samples, steps: of models that draw samples.
        lpips: keys of `LPIPS_BACKBONES`.
        features: keys of `FEATURES`.
        lpips_weights, inception_weights: files, None for torch's cache. The first serves the first of `lpips`.
        device: where models work, None for a GPU if there is one.
    """

    images: str
    methods: tuple[str, ...]
    masks: str | None = None
    mask_preset: str = "thick"
    seed: int = 0
    limit: int | None = None
    num_samples: int = 1
    steps: int | None = None
    lpips: tuple[str, ...] = ("squeeze",)
    features: tuple[str, ...] = ("squeeze", "inception")
    lpips_weights: str | None = None
    inception_weights: str | None = None
    device: str | None = None

    def cases(self) -> Cases:
        """The cases, in order of their names."""
        if self.masks is not None:
            return cases_from_folders(self.images, self.masks, self.limit)
        return cases_from_preset(self.images, self.mask_preset, self.seed, self.limit)

    def build_methods(self) -> list[Method]:
        """The methods, in order."""
        return build_methods(self.methods, self.device, self.num_samples, self.steps, self.seed)

    def judge(self) -> tuple[Judge, list[str]]:
        """Metrics and networks whose weights are here, and a note for each whose are not.

        Raises:
            InputError: if a name is unknown, or a file that was given cannot be used.
        """
        notes: list[str] = []
        metrics = list(METRICS.values())
        for number, name in enumerate(self.lpips):
            given = self.lpips_weights if number == 0 else None
            if name not in LPIPS_BACKBONES:
                raise InputError(f"LPIPS network {name!r} is unknown; choose one of {', '.join(LPIPS_BACKBONES)}.")
            with _left_out(f"LPIPS({name})", given is not None, notes):
                metrics.append(load_lpips(name, given))
        networks: list[FeatureNetwork] = []
        for name in self.features:
            if name not in FEATURES:
                raise InputError(f"there are no features {name!r}: choose any of {', '.join(FEATURES)}")
            kind, _ = FEATURES[name]
            given = self.inception_weights if name == "inception" else None
            if name == "squeeze" and self.lpips[:1] == ("squeeze",):
                given = self.lpips_weights
            with _left_out(kind.distance, given is not None, notes):
                networks.append(kind(given))
        return Judge(metrics, networks), notes

    def fetch(self) -> None:
        """Download the weights that are missing, telling what and where to."""
        files = [LPIPS_BACKBONES[name].weights for name in self.lpips if name in LPIPS_BACKBONES]
        files += [FEATURES[name][1] for name in self.features if name in FEATURES]
        for file in dict.fromkeys(files):
            if not file.place.is_file():
                print(f"fetching {file.url} to {file.place}", file=sys.stderr)
                file.fetch()


@dataclass
class Outcome:
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


class Run:
    """A plan in one process, with its output folder.

    Args:
        plan: what to do.
        output: folder of records and fills.
    """

    def __init__(self, plan: Plan, output: str | Path) -> None:
        self.plan, self.output = plan, Path(output)
        self.cases = plan.cases()
        self.methods = plan.build_methods()
        self.judge, self.notes = plan.judge()
        self.stems = output_stems(self.cases)

    def do(self, number: int) -> dict[str, Any]:
        """Judge all methods on a case; answers ``{"name", "left_out", "spent", "reused"}``."""
        with _one_thread():
            return self._do(number)

    def _do(self, number: int) -> dict[str, Any]:
        name = self.cases.sources[number].name
        spent: dict[str, float] = {}
        started = time.perf_counter()
        try:
            case = self.cases[number]
        except InputError as error:
            return {"name": name, "left_out": str(error), "spent": spent, "reused": 0}
        spent["reading"] = time.perf_counter() - started
        reused = 0
        digest = f"{__version__} {case_digest(case)} {self.judge.identity()}"
        if self._known(CASES, name, digest) is None:
            started = time.perf_counter()
            self._write(CASES, name, {"key": digest} | self.judge.case_record(case))
            spent["truth"] = time.perf_counter() - started
        for method in self.methods:
            key = hashlib.sha256(f"{digest} {method.identity(case)}".encode()).hexdigest()
            if self._known(method.name, name, key) is not None:
                reused += 1
                continue
            found = self.judge.judge(method, case)
            started = time.perf_counter()
            for row, fill in found.fills.items():
                self._write_fill(row, name, fill)
            if found.deviation is not None:
                self._write_fill(f"{method.name}, deviation", name, (found.deviation / DEVIATION_SCALE).clamp(0, 1))
            self._write(method.name, name, {"key": key} | found.record)
            found.spent["writing"] = time.perf_counter() - started
            for what, seconds in found.spent.items():
                spent[what] = spent.get(what, 0.0) + seconds
        return {"name": name, "left_out": None, "spent": spent, "reused": reused}

    def fill_path(self, row: str, name: str) -> Path:
        """The file of a fill."""
        return self.output / "fills" / slug(row) / f"{self.stems[name]}.png"

    def record(self, method: str, name: str) -> Record:
        """A record that `do` has written."""
        return json.loads(self._path(method, name).read_text())

    def _known(self, method: str, name: str, key: str) -> Record | None:
        try:
            record = self.record(method, name)
        except (OSError, ValueError):
            return None
        return record if record.get("key") == key else None

    def _path(self, method: str, name: str) -> Path:
        return self.output / "records" / slug(method) / f"{slug(name)}.json"

    def _write(self, method: str, name: str, record: Record) -> None:
        with write_beside(self._path(method, name)) as temporary:
            temporary.write_text(json.dumps(record))

    def _write_fill(self, row: str, name: str, fill: Tensor) -> None:
        pixels = (fill[0] * 255).round().to(torch.uint8).permute(1, 2, 0).squeeze(-1).numpy()
        with write_beside(self.fill_path(row, name)) as temporary:
            Image.fromarray(np.ascontiguousarray(pixels)).save(temporary, compress_level=1)


def run(own: Run, jobs: int | None = None, progress: Callable[[str], None] = lambda name: None) -> Outcome:
    """Do a plan, or what is left of it.

    Args:
        own: the plan in this process.
        jobs: processes; None takes one a core (1 with a GPU), fewer for few pictures.
        progress: called with a case's name when it is done.

    Raises:
        InputError: if no case could be read, or no method answered any.
    """
    started = time.perf_counter()
    count = len(own.cases)
    jobs = jobs or _jobs(own, count)
    outcome = Outcome([], [], [], jobs=jobs)
    kept = []
    for done in _results(own, count, jobs):
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
    outcome.cases = [own.record(CASES, name) for name in names]
    outcome.records = [own.record(method.name, name) for method in own.methods for name in names]
    outcome.wall_seconds = time.perf_counter() - started
    return outcome


def output_stems(cases: Cases) -> dict[str, str]:
    """For each case's name the path of its files without suffix.

    It is the name without its own suffix, or with it where two would meet.
    """
    short = [Path(s.name).with_suffix("").as_posix() if s.mask is None else s.name for s in cases.sources]
    twice = {stem for stem in short if short.count(stem) > 1} if len(set(short)) < len(short) else set()
    return {s.name: s.name if stem in twice else stem for s, stem in zip(cases.sources, short, strict=True)}


def slug(text: str) -> str:
    """A file name for any text: itself if it is one, else something like it and a checksum."""
    plain = re.sub(r"[^\w.,() +-]", "_", text).strip(". ") or "_"
    return plain if plain == text and len(text) < 100 else f"{plain[:80]}-{zlib.crc32(text.encode()):08x}"


def _results(own: Run, count: int, jobs: int) -> Iterator[dict[str, Any]]:
    if jobs == 1:
        yield from map(own.do, range(count))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _begin, (own.plan, str(own.output))) as pool:
        futures = [pool.submit(_do, number) for number in range(count)]
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


_RUN: list[Run] = []


def _begin(plan: Plan, output: str) -> None:
    """What a process does first. Ctrl-C is for the one that started it."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    _RUN.append(Run(plan, output))


def _do(number: int) -> dict[str, Any]:
    return _RUN[0].do(number)


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread here too: the number of threads can show in a sum's last digits."""
    import cv2

    before, before_cv = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        cv2.setNumThreads(before_cv)


def _jobs(own: Run, count: int) -> int:
    if any(method.device.type != "cpu" for method in own.methods):
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, 8, count * len(own.methods) // WORTH_A_PROCESS))


@contextmanager
def _left_out(what: str, given: bool, notes: list[str]) -> Iterator[None]:
    """A missing file leaves its metric out and notes it, unless a person gave that file."""
    try:
        yield
    except InputError as error:
        if given:
            raise
        notes.append(f"{what} is left out: {error}")


def read_case(run: Run, name: str) -> Case:
    """The case of a name, read again."""
    return run.cases[next(n for n, source in enumerate(run.cases.sources) if source.name == name)]


def chosen(texts: str | Sequence[str] | None) -> tuple[str, ...]:
    """Several names: a list, or a text with commas."""
    listed = texts.split(",") if isinstance(texts, str) else texts or ()
    return tuple(text.strip() for text in listed if text.strip())
