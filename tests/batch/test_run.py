"""Going through a folder when a process is lost."""

import os
from functools import partial

import numpy as np
from crew_tasks import Deadly
from PIL import Image

from latentinpaint.batch.plan import Job
from latentinpaint.batch.run import Tally, fill_all
from latentinpaint.batch.task import Wishes, leftovers


def test_a_lost_process_names_its_picture_and_leaves_nothing(tmp_path, capsys):
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    target.mkdir()
    jobs = []
    for name in "abcde":
        pixels = np.full((8, 9, 3), 255 if name == "b" else 40, np.uint8)
        Image.fromarray(pixels).save(source / f"{name}.png")
        jobs.append(Job(source / f"{name}.png", source / "a.png", (target / f"{name}.png",)))
    white = source / "mask.png"
    Image.fromarray(np.full((8, 9), 255, np.uint8)).save(white)
    jobs = [Job(job.image, white, job.targets) for job in jobs]
    tally = Tally()
    fill_all(partial(Deadly, target), jobs, Wishes(), tally, processes=2, threads=1)
    tally.tell()
    said = capsys.readouterr()
    assert sorted(path.name for path in target.iterdir()) == ["a.png", "c.png", "d.png", "e.png"]
    assert "4 filled, 0 already there, 1 failed" in said.out
    (failure,) = tally.failures
    assert failure.path == source / "b.png" and "ended from outside" in failure.reason
    assert f"{source / 'b.png'}: the process" in said.err


def test_only_its_own_leftovers_are_found(tmp_path):
    """The names that `write_beside` makes, no older than the job."""
    job = Job(tmp_path / "a.jpg", None, (tmp_path / "a_1.png", tmp_path / "a_2.png"))
    for name in (".a_1-abcd_123.png", ".a_2-00000000.png", ".a_1-123.png", ".a-12345678.png", ".a_1-12345678.jpg"):
        (tmp_path / name).touch()
    (tmp_path / ".a_1-oldoldol.png").touch()
    os.utime(tmp_path / ".a_1-oldoldol.png", (1000, 1000))
    found = leftovers(job, since=2000)
    assert sorted(path.name for path in found) == [".a_1-abcd_123.png", ".a_2-00000000.png"]
    assert leftovers(Job(tmp_path / "a.jpg", None, (tmp_path / "nowhere" / "a.png",)), since=0) == []
