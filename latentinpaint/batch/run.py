"""All tasks of a folder, by one process or several, and a summary of what became of them."""

import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from latentinpaint.batch.folder_plan import DEFAULT_FOLDER_NAMES, Failure, FillTask, FolderNames, FolderPlan
from latentinpaint.batch.pool import ProcessPool, WorkerDied
from latentinpaint.batch.task import (
    Message,
    MessageCode,
    MessageLevel,
    TaskOptions,
    TaskResult,
    try_fill_files,
)
from latentinpaint.errors import count_of, listed, printable
from latentinpaint.files import temporary_files
from latentinpaint.inference.outpainting import Side

if TYPE_CHECKING:
    from latentinpaint.inpainter import Inpainter

# Of tasks by their number.
_Results = Generator[tuple[int, TaskResult | WorkerDied], None, None]


@dataclass
class FolderSummary:
    """What became of a folder.

    Attributes:
        num_done: tasks whose outputs existed already.
        num_damaged: tasks with an output that existed, but is no whole picture or has another size.
        postponed: tasks that a limit left for another run.
        num_filled: tasks done now.
        failures: files that could not be used.
        images_without_mask: pictures that no mask names.
        messages: all messages on pictures that were filled.
    """

    num_done: int = 0
    num_damaged: int = 0
    num_filled: int = 0
    failures: list[Failure] = field(default_factory=list)
    images_without_mask: list[Path] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    postponed: list[FillTask] = field(default_factory=list)

    @classmethod
    def of_plan(cls, plan: FolderPlan) -> "FolderSummary":
        """That of a plan before anything is done."""
        return cls(failures=list(plan.failures), images_without_mask=plan.images_without_mask)

    def add(self, task: FillTask, result: TaskResult) -> None:
        """Add the result of a task."""
        if result.reason is None:
            self.num_filled += 1
            self.messages += result.messages
        else:
            self.failures.append(Failure(task.image, result.reason))

    def grouped_messages(self) -> Iterator[tuple[Message, int]]:
        """The first of the messages that differ by their names alone, and how many those are."""
        groups: dict[tuple[MessageLevel, str], list[Message]] = {}
        for message in self.messages:
            groups.setdefault((message.level, message.text), []).append(message)
        for group in groups.values():
            yield group[0], len(group)

    def notes(self, names: FolderNames = DEFAULT_FOLDER_NAMES) -> Iterator[str]:
        """Sentences for the messages, and for pictures without a mask."""
        for message, count in self.grouped_messages():
            if message.code is MessageCode.LOSSY_FORMAT:
                pictures = count_of(count, "picture", "was/were")
                yield (
                    f"note: {pictures} written as JPEG, which is lossy: known pixels change "
                    f"slightly; {names.format} exact writes PNG in its place, which keeps them"
                )
            elif count > 1:
                yield f"{message} (and so for {count - 1} more)"
            else:
                yield str(message)
        if self.num_damaged:
            yield (
                f"note: the outputs of {count_of(self.num_damaged, 'picture')} that were there are damaged or of "
                "another size: they are done again"
            )
        if self.images_without_mask:
            paths = listed(self.images_without_mask)
            yield f"note: no mask names {count_of(len(self.images_without_mask), 'picture')}: {paths}"

    def failure_lines(self) -> Iterator[str]:
        """A line for every file that could not be used, by name."""
        for failure in sorted(self.failures, key=lambda failure: str(failure.path)):
            yield printable(re.sub(r"\s*\n\s*", " ", str(failure)))

    def counts(self, names: FolderNames = DEFAULT_FOLDER_NAMES) -> str:
        """One line of numbers."""
        parts = [
            f"{self.num_filled} filled",
            f"{self.num_done} already there",
            f"{len(self.failures)} failed",
        ]
        if self.images_without_mask:
            parts.append(f"{len(self.images_without_mask)} without mask")
        if self.postponed:
            parts.append(f"{len(self.postponed)} left for later by {names.limit}")
        return ", ".join(parts)


def select_tasks(
    plan: FolderPlan,
    summary: FolderSummary,
    overwrite: bool,
    limit: int | None,
    expand: Sequence[Side] | None = None,
    there: Mapping[Path, int] | None = None,
) -> list[FillTask]:
    """The tasks to do now; the others are counted in the summary.

    Args:
        plan: of the folder.
        summary: to be added to.
        overwrite: whether tasks that are done are done again.
        limit: of the number of tasks.
        expand: what the pictures grow by, as in `TaskOptions`.
        there: for outputs at addresses what is there, see `runtime.addresses.list_addresses`: a file that is there
            is whole, and none is opened. None looks into the files of this machine.
    """
    tasks = plan.tasks
    if not overwrite and there is not None:
        tasks = [task for task in plan.tasks if not all(there.get(output) for output in task.outputs)]
    elif not overwrite:
        tasks = [task for task in plan.tasks if not task.is_done(expand)]
        summary.num_damaged = sum(task.has_outputs() for task in tasks)
    summary.num_done = len(plan.tasks) - len(tasks)
    selected = tasks[:limit]
    summary.postponed = tasks[len(selected) :]
    return selected


def run_tasks(
    load: Callable[[], "Inpainter"],
    tasks: list[FillTask],
    options: TaskOptions,
    summary: FolderSummary,
    on_start: Callable[[FillTask], None] = lambda task: None,
    on_end: Callable[[FillTask, TaskResult], None] = lambda task, result: None,
    processes: int = 1,
    threads: int = 1,
) -> None:
    """Do tasks and add them to a summary; nothing half-written is left behind.

    Args:
        load: returns the model; called in every process, so it has to be picklable if there are several.
        tasks: what to do.
        options: how to fill every picture.
        summary: to be added to.
        on_start, on_end: called in this process when a task starts and ends.
        processes: how many; 1 is this one.
        threads: of each process, if there are several.
    """
    started_at: dict[int, float] = {}

    def start(index: int) -> None:
        started_at[index] = time.time() - 2  # file systems round their times
        on_start(tasks[index])

    if processes > 1:
        results = _run_in_pool(load, tasks, options, start, processes, threads)
    else:
        results = _run_here(load(), tasks, options, start)
    try:
        with closing(results):
            for index, result in results:
                since = started_at.pop(index)
                if isinstance(result, WorkerDied):
                    remove_temporary_files(tasks[index], since)
                    result = _ended_from_outside(options.folder_names)
                summary.add(tasks[index], result)
                on_end(tasks[index], result)
    finally:
        for index, since in started_at.items():
            remove_temporary_files(tasks[index], since)


def _run_here(
    inpainter: "Inpainter", tasks: list[FillTask], options: TaskOptions, start: Callable[[int], None]
) -> _Results:
    for index, task in enumerate(tasks):
        start(index)
        yield index, try_fill_files(inpainter, task, options)


def _run_in_pool(
    load: Callable[[], "Inpainter"],
    tasks: list[FillTask],
    options: TaskOptions,
    start: Callable[[int], None],
    processes: int,
    threads: int,
) -> _Results:
    pool = ProcessPool(partial(_start_worker, load, options, threads), processes, start)
    yield from pool.map_unordered(tasks)


def _ended_from_outside(names: FolderNames) -> TaskResult:
    return TaskResult(
        reason="the process that filled it was ended from outside, perhaps for want of memory: a smaller number of "
        f"{names.processes} needs less"
    )


def _start_worker(
    load: Callable[[], "Inpainter"], options: TaskOptions, threads: int
) -> Callable[[FillTask], TaskResult]:
    """In a process of its own: load the model and limit its threads; returns the function that does a task."""
    import cv2
    import torch

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    return partial(_run_task, load(), options)


def _run_task(inpainter: "Inpainter", options: TaskOptions, task: FillTask) -> TaskResult:
    return try_fill_files(inpainter, task, options)


def remove_leftovers(tasks: Sequence[FillTask], since: float) -> None:
    """As `remove_temporary_files`, for tasks of which any may have lost a process."""
    by_folder: dict[Path, list[FillTask]] = {}
    for task in tasks:
        by_folder.setdefault(task.outputs[0].parent, []).append(task)
    for folder, of_folder in by_folder.items():
        if any(folder.glob(".*")):
            for task in of_folder:
                remove_temporary_files(task, since)


def remove_temporary_files(task: FillTask, since: float) -> None:
    """Remove what a process that was ended had begun to write, at `since`, a time in seconds, or later."""
    for output in task.outputs:
        for path in temporary_files(output, since):
            with suppress(OSError):
                path.unlink()
