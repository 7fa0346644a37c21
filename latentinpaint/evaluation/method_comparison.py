"""A benchmark from its items to its files: metrics.json, metrics.csv, tables.md, tables/ and report.html."""

import csv
import json
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import Any

from latentinpaint import __version__
from latentinpaint.evaluation.benchmark_config import recorded_settings
from latentinpaint.evaluation.evaluator import LIBRARIES, row_names
from latentinpaint.evaluation.methods import describe
from latentinpaint.evaluation.report.html import by_importance, report_page
from latentinpaint.evaluation.report.markdown import tables
from latentinpaint.evaluation.report.page_tables import page_tables
from latentinpaint.evaluation.report.serialise import as_json, table_lines
from latentinpaint.evaluation.report.table_files import write_tables
from latentinpaint.evaluation.runner import Runner, RunResult, one_thread
from latentinpaint.evaluation.summary import Summary, check_reference, summarise
from latentinpaint.evaluation.table_rows import column
from latentinpaint.files import write_text


@dataclass(frozen=True)
class Comparison:
    """What methods have reached on the same items, and the run that found it."""

    summary: Summary
    run: RunResult


def compare(
    runner: Runner, reference: str | None = None, progress: Callable[[str], None] = lambda name: None
) -> Comparison:
    """Run a benchmark, or what is left of it, and write its files into its output folder.

    Args:
        runner: the benchmark.
        reference: the row that the others are compared with, by default the first.
        progress: called with an item's name when it is done.

    Raises:
        InputError: if there is no such reference, or nothing could be compared.
    """
    if reference is not None:
        _check_reference(reference, runner)
    run = runner.run(progress)
    evaluator = runner.evaluator
    with one_thread():
        summary = summarise(run.items, run.records, evaluator.metrics, evaluator.networks, reference)
    left_out = [f"left out: {sentence}" for sentence in run.skipped]
    summary.notes[:0] = [*runner.notes, *runner.dataset.notes, *left_out]
    _write(summary, runner, _settings(runner, run))
    if not runner.config.keep_fills:
        runner.remove_fills()
    return Comparison(summary, run)


def _check_reference(reference: str, runner: Runner) -> None:
    """Before hours of work rather than after."""
    with_best = runner.evaluator.perceptual is not None
    rows: list[str] = []
    for method in runner.methods:
        rows += row_names(method, with_best)
    check_reference(reference, rows)


def _settings(runner: Runner, run: RunResult) -> dict[str, Any]:
    """How a benchmark was done, for its report."""
    evaluator = runner.evaluator
    compared = {}
    for method in runner.methods:
        compared[method.name] = describe(method)
    metrics = [metric.label for metric in evaluator.metrics]
    for network in evaluator.networks:
        metrics.append(network.distance)
    seconds = {}
    for activity, value in run.seconds.items():
        seconds[activity] = round(value, 1)
    versions = {"python": platform.python_version()}
    for library in LIBRARIES:
        versions[library] = version(library)
    processes = " or ".join(map(str, sorted(set(column(run.records, "processes")))))
    return {
        "latentinpaint": __version__,
        "made": date.today().isoformat(),
        "images": runner.config.images,
        "methods": runner.method_texts,
        **recorded_settings(runner.config, runner.settings_type),
        "holes": runner.dataset.holes,
        **runner.more_settings(),
        "compared": compared,
        "weights": evaluator.weights,
        "metrics": metrics,
        "jobs": run.jobs,
        "seconds_in_all": round(run.wall_seconds, 1),
        "seconds_of_all_processes": seconds,
        "records_used_again": run.reused,
        "seconds_and_memory": f"of one fill on one thread of {_processor()}, processes at once: {processes}",
        "versions": versions,
    }


def _write(summary: Summary, runner: Runner, settings: dict[str, Any]) -> None:
    """The files of a comparison."""
    folder = runner.output.path
    metrics = runner.evaluator.metrics
    lines = StringIO()
    csv.writer(lines, lineterminator="\n").writerows(table_lines(summary))
    texts = {
        "metrics.json": json.dumps({"settings": settings, **as_json(summary)}, indent=1, allow_nan=False),
        "metrics.csv": lines.getvalue(),
        "tables.md": tables(summary, metrics),
        "report.html": report_page(
            summary, metrics, settings, runner.read_item, runner.output.fill_path, runner.words
        ),
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    write_tables(folder / "tables", page_tables(summary, by_importance(metrics)))


def _processor() -> str:
    """The processor's name and its cores."""
    return f"{_processor_name() or platform.processor() or platform.machine()} ({os.cpu_count()} cores)"


def _processor_name() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return None
