"""Going through a folder when a process is lost."""

from dataclasses import replace
from functools import partial

import numpy as np
from crew_tasks import Deadly
from PIL import Image

from latentinpaint.batch.folder_plan import FillTask, FolderNames, FolderPlan
from latentinpaint.batch.run import FolderSummary, remove_leftovers, run_tasks, select_tasks
from latentinpaint.batch.task import (
    Message,
    MessageCode,
    MessageLevel,
    TaskOptions,
    TaskResult,
)
from latentinpaint.files import write_beside
from latentinpaint.inference.options import FillOptions


def test_a_lost_process_names_its_picture_and_leaves_nothing(tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    target.mkdir()
    tasks = []
    for name in "abcde":
        pixels = np.full((8, 9, 3), 255 if name == "b" else 40, np.uint8)
        Image.fromarray(pixels).save(source / f"{name}.png")
        tasks.append(FillTask(source / f"{name}.png", source / "a.png", (target / f"{name}.png",)))
    white = source / "mask.png"
    Image.fromarray(np.full((8, 9), 255, np.uint8)).save(white)
    tasks = [replace(task, mask=white) for task in tasks]
    summary = FolderSummary()
    run_tasks(
        partial(Deadly, target),
        tasks,
        TaskOptions(FillOptions(ignore_problems=True), folder_names=FolderNames(processes="--jobs")),
        summary,
        processes=2,
        threads=1,
    )
    assert sorted(path.name for path in target.iterdir()) == ["a.png", "c.png", "d.png", "e.png"]
    assert summary.counts() == "4 filled, 0 already there, 1 failed"
    (failure,) = summary.failures
    assert failure.path == source / "b.png" and "ended from outside" in failure.reason
    assert failure.reason.endswith("a smaller number of --jobs needs less")
    assert str(failure).startswith(f"{source / 'b.png'}: the process")


def test_leftovers_of_lost_processes_are_removed_and_nothing_else(tmp_path):
    tasks = [FillTask(tmp_path / name, None, (tmp_path / "out" / name,)) for name in ("a.png", "b.png")]
    (tmp_path / "out").mkdir()
    with write_beside(tasks[1].outputs[0]) as half:
        name = half.name
    others = {"b.png", ".hidden", name.replace(name.split("-")[1], "0" * 10)}
    for file in (name, *others):
        (tmp_path / "out" / file).write_bytes(b"half")
    remove_leftovers(tasks, 0)
    assert {path.name for path in (tmp_path / "out").iterdir()} == others


def test_the_summary_groups_what_differs_by_names_alone(tmp_path):
    summary = FolderSummary(
        num_filled=3, postponed=[FillTask(tmp_path, None, ())] * 2, images_without_mask=[tmp_path / "b.png"] * 21
    )
    for number in range(3):
        names = (("output", f"{number}.jpg"),)
        lossy = Message(MessageLevel.NOTE, "{output}: lossy", names, MessageCode.LOSSY_FORMAT)
        summary.messages += [lossy, Message(MessageLevel.WARNING, "{output} is odd", names)]
    jpeg, odd, without_mask = summary.notes()
    assert jpeg.startswith("note: 3 pictures were written as JPEG")
    assert odd == "warning: 0.jpg is odd (and so for 2 more)"
    assert without_mask.startswith("note: no mask names 21 pictures: ") and without_mask.endswith("b.png, and 1 more")
    summary.add(FillTask(tmp_path / "z.png", None, ()), TaskResult(reason="it is gone"))
    summary.add(FillTask(tmp_path / "y.png", None, ()), TaskResult(reason="it is\n gone"))
    assert list(summary.failure_lines()) == [f"{tmp_path / 'y.png'}: it is gone", f"{tmp_path / 'z.png'}: it is gone"]
    assert summary.counts() == ("3 filled, 0 already there, 2 failed, 21 without mask, 2 left for later by limit")


def test_tasks_that_are_left(tmp_path):
    tasks = [FillTask(tmp_path / name, None, (tmp_path / name,)) for name in "abc"]
    Image.new("L", (9, 8)).save(tmp_path / "a", format="PNG")
    (tmp_path / "c").touch()  # of an earlier run, cut short
    plan, summary = FolderPlan(tasks), FolderSummary()
    assert select_tasks(plan, summary, overwrite=False, limit=1) == [tasks[1]]
    assert (summary.num_done, summary.num_damaged, len(summary.postponed)) == (1, 1, 1)
    assert next(summary.notes()).startswith("note: the outputs of 1 picture that were there are damaged")
    assert select_tasks(plan, summary, overwrite=True, limit=None) == tasks
    assert (summary.num_done, len(summary.postponed)) == (0, 0)
