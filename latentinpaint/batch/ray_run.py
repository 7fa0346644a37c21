"""All tasks of a folder by the workers of a Ray cluster, with a table of what became of each.

What decides about a picture is `task.fill_contents`, as on one machine; here its files are read and written by other
processes than fill it, so that nobody waits for a network with a model in hand.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from latentinpaint.batch.folder_plan import FillTask, FolderNames, FolderPlan
from latentinpaint.batch.outcomes import OUTCOMES_FILE, OutcomeTable, read_outcomes
from latentinpaint.batch.run import FolderSummary, remove_leftovers
from latentinpaint.batch.task import (
    FilledFiles,
    TaskOptions,
    TaskResult,
    fill_contents,
    result_or_reason,
    write_filled,
)
from latentinpaint.batch.task_files import TaskInput, read_input
from latentinpaint.runtime.ray_cluster import Cluster
from latentinpaint.runtime.ray_pool import RayPool, WorkerLost

if TYPE_CHECKING:
    from latentinpaint.inpainter import Inpainter

TABLE_INTERVAL = 60.0  # seconds after which the table is written again while pictures are filled


@dataclass(frozen=True)
class FetchedTask:
    """A task with the bytes of its files, or with the reason why it has none."""

    task: FillTask
    input: TaskInput | TaskResult


def run_tasks_on_ray(
    cluster: Cluster,
    load: Callable[[], "Inpainter"],
    plan: FolderPlan,
    tasks: Sequence[FillTask],
    options: TaskOptions,
    summary: FolderSummary,
    outdir: Path,
    on_end: Callable[[FillTask, TaskResult], None] = lambda task, result: None,
) -> None:
    """Do tasks, add them to a summary, and write the table `outcomes.OUTCOMES_FILE` into `outdir`.

    Args:
        cluster: who works.
        load: returns the model; called in every worker, so it has to be picklable.
        plan: of the folder.
        tasks: those of the plan to do now, in its order.
        options: how to fill every picture.
        summary: to be added to.
        outdir: where the table goes.
        on_end: called in this process when a task ends.

    Raises:
        InputError: if the model cannot be loaded, or the cluster has no room.
    """
    now = datetime.now(timezone.utc)
    table_path = outdir / OUTCOMES_FILE
    table = OutcomeTable(read_outcomes(table_path), now.isoformat(timespec="seconds"))
    table.begin(plan, tasks, summary.postponed)
    pool: RayPool[FillTask, TaskResult] = RayPool(
        cluster,
        partial(_start_worker, load, options),
        fetch=partial(fetch, options),
        store=partial(store, options),
    )
    due = time.monotonic() + TABLE_INTERVAL
    try:
        for index, placed in pool.map_unordered(tasks):
            task = tasks[index]
            if isinstance(placed, WorkerLost):
                result = _lost(placed, options.folder_names)
                table.add(task, result, None)
            else:
                result = placed.result
                table.add(task, result, placed)
            summary.add(task, result)
            on_end(task, result)
            if time.monotonic() > due:
                table.write(table_path)
                due = time.monotonic() + TABLE_INTERVAL
    finally:
        remove_leftovers(tasks, now.timestamp() - 2)  # file systems round their times
        table.write(table_path)


def _lost(lost: WorkerLost, names: FolderNames) -> TaskResult:
    return TaskResult(
        reason=f"{lost.attempts} workers were lost with it, one after the other, perhaps for want of memory: a "
        f"smaller number of {names.processes} needs less"
    )


def fetch(options: TaskOptions, task: FillTask) -> FetchedTask:
    """Read the files of a task."""
    return FetchedTask(task, result_or_reason(partial(read_input, task), options))


def store(options: TaskOptions, filled: FilledFiles | TaskResult) -> TaskResult:
    """Write what was filled; what failed before passes."""
    if isinstance(filled, TaskResult):
        return filled
    failed = result_or_reason(partial(write_filled, filled), options)
    return failed or TaskResult(filled.messages)


def _start_worker(
    load: Callable[[], "Inpainter"], options: TaskOptions
) -> Callable[[FetchedTask], FilledFiles | TaskResult]:
    """In a worker: load the model and compute on one thread; returns the function that fills."""
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    return partial(fill, load(), options)


def fill(inpainter: "Inpainter", options: TaskOptions, given: FetchedTask) -> FilledFiles | TaskResult:
    """Fill a task whose files were read."""
    if isinstance(given.input, TaskResult):
        return given.input
    return result_or_reason(partial(fill_contents, inpainter, given.task, given.input, options), options)
