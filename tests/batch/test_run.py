"""Going through a folder when a process is lost."""

import os
from dataclasses import replace
from functools import partial

import numpy as np
from crew_tasks import Deadly
from PIL import Image

from latentinpaint.batch.plan import FillTask
from latentinpaint.batch.run import FolderSummary, run_tasks
from latentinpaint.batch.task import TaskOptions, temporary_files


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
    run_tasks(partial(Deadly, target), tasks, TaskOptions(), summary, processes=2, threads=1)
    assert sorted(path.name for path in target.iterdir()) == ["a.png", "c.png", "d.png", "e.png"]
    assert summary.counts() == "4 filled, 0 already there, 1 failed"
    (failure,) = summary.failures
    assert failure.path == source / "b.png" and "ended from outside" in failure.reason
    assert str(failure).startswith(f"{source / 'b.png'}: the process")


def test_only_its_own_leftovers_are_found(tmp_path):
    """The names that `write_beside` makes, no older than the job."""
    task = FillTask(tmp_path / "a.jpg", None, (tmp_path / "a_1.png", tmp_path / "a_2.png"))
    for name in (".a_1-abcd_123.png", ".a_2-00000000.png", ".a_1-123.png", ".a-12345678.png", ".a_1-12345678.jpg"):
        (tmp_path / name).touch()
    (tmp_path / ".a_1-oldoldol.png").touch()
    os.utime(tmp_path / ".a_1-oldoldol.png", (1000, 1000))
    found = list(temporary_files(task, since=2000))
    assert sorted(path.name for path in found) == [".a_1-abcd_123.png", ".a_2-00000000.png"]
    assert not list(temporary_files(FillTask(tmp_path / "a.jpg", None, (tmp_path / "nowhere" / "a.png",)), since=0))
