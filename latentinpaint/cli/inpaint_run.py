"""How `inpaint` runs its tasks, and what it prints; imported once the options are read."""

import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from latentinpaint.batch.folder_plan import FillTask, FolderPlan
from latentinpaint.batch.ray_run import run_tasks_on_ray
from latentinpaint.batch.run import FolderSummary, run_tasks, select_tasks
from latentinpaint.batch.task import TaskOptions, TaskResult, fill_files
from latentinpaint.cli.dispatch import quieten
from latentinpaint.cli.inpaint_options import Options
from latentinpaint.cli.inpaint_tasks import NAMES, folder_plan, single_task, task_options_of
from latentinpaint.cli.terminal import named_bar
from latentinpaint.errors import InputError, count_of, printable
from latentinpaint.inpainter import Inpainter
from latentinpaint.pretrained.model_paths import pipeline_file
from latentinpaint.runtime.addresses import address, is_address, list_addresses
from latentinpaint.runtime.ray_cluster import connected


def run_single(options: Options, image: Path, output: Path) -> int:
    """Fill one picture; returns the exit status."""
    task = single_task(options, image, output)
    task_options = task_options_of(options, live=True)
    for message in fill_files(_load(options), task, task_options):
        print(message, file=sys.stderr)
    return 0


def run_folder(options: Options, indir: Path, outdir: Path) -> int:
    """Fill the pictures of a folder; returns the exit status."""
    plan = folder_plan(options, indir, outdir)
    task_options = task_options_of(options, live=False)
    summary = FolderSummary.of_plan(plan)
    there = None
    if is_address(outdir):
        there = list_addresses(outdir)
    tasks = select_tasks(plan, summary, options.overwrite, options.limit, task_options.expand, there)
    try:
        if options.engine == "ray":
            _run_on_ray(options, plan, tasks, task_options, summary, outdir)
        elif tasks:
            _run_tasks(options, tasks, task_options, summary)
    except InputError:
        if summary.num_filled:
            _print_summary(summary)
        raise
    except KeyboardInterrupt:
        _print_summary(summary)
        raise
    _print_summary(summary)
    return 1 if summary.failures else 0


def _load(options: Options) -> Inpainter:
    """The model; options that have no effect on it are warned of."""
    inpainter = Inpainter.from_pretrained(options.model, options.device, options.precision)
    refiner = inpainter.pipeline.refiner
    if options.num_samples > 1 and not refiner.stochastic:
        _print_warning("--num-samples: this model computes one fill for a hole, all samples are equal")
    if options.steps is not None and not refiner.integrates:
        _print_warning("--steps has no effect: this model computes its fill in one pass")
    return inpainter


def _load_in_worker(model: str | Path, device: str | None, precision: str) -> Inpainter:
    """The model in a process of its own."""
    quieten()
    return Inpainter.from_pretrained(model, device, precision)


def _run_tasks(options: Options, tasks: list[FillTask], task_options: TaskOptions, summary: FolderSummary) -> None:
    inpainter = _load(options)  # before any process starts, so that a wrong model is reported once
    processes = min(options.jobs or 1, len(tasks))
    if processes > 1 and inpainter.device.type != "cpu":
        raise InputError("--jobs shares out work on a processor: leave it at 1, or add --device cpu")
    threads = max(1, torch.get_num_threads() // processes)
    with _progress(len(tasks)) as (start, end):
        if processes == 1:
            run_tasks(lambda: inpainter, tasks, task_options, summary, start, end)
            return
        load_in_worker = partial(_load_in_worker, pipeline_file(options.model), "cpu", options.precision)
        run_tasks(load_in_worker, tasks, task_options, summary, start, end, processes, threads)


def _run_on_ray(
    options: Options,
    plan: FolderPlan,
    tasks: list[FillTask],
    task_options: TaskOptions,
    summary: FolderSummary,
    outdir: Path,
) -> None:
    if tasks:
        _load(replace(options, device="cpu"))  # so that a wrong model is reported before any worker begins
    with connected(options.ray_address, options.jobs, options.device, "--jobs") as cluster:
        load = partial(_load_in_worker, options.model, cluster.device, options.precision)
        with _progress(len(tasks)) as (_, end):
            run_tasks_on_ray(cluster, load, plan, tasks, task_options, summary, outdir, end)


@contextmanager
def _progress(count: int) -> Iterator[tuple[Callable[[FillTask], None], Callable[[FillTask, TaskResult], None]]]:
    """What to call when a task starts and when it ends: a bar on a terminal, else a line for each."""
    numbers = itertools.count(1)
    with named_bar(count) as bar:

        def start(task: FillTask) -> None:
            bar.begin(printable(task.image.name))

        def end(task: FillTask, result: TaskResult) -> None:
            bar.done()
            outcome = printable(address(task.outputs[0]))
            if result.reason is not None:
                outcome = f"{printable(address(task.image))}: not filled"
            if not sys.stdout.isatty():
                print(f"{next(numbers)}/{count} {outcome}", flush=True)

        yield start, end


def _print_summary(summary: FolderSummary) -> None:
    for line in summary.notes(NAMES):
        print(line, file=sys.stderr)
    print(summary.counts(NAMES), flush=True)
    if summary.failures:
        print(f"latentinpaint inpaint: {count_of(len(summary.failures), 'file')} could not be used:", file=sys.stderr)
    for line in summary.failure_lines():
        print(f"  {line}", file=sys.stderr)


def _print_warning(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)
