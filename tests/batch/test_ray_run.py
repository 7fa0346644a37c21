"""A folder on a Ray cluster of two machines: the pictures of the local engine, and a table of what became of each."""

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentinpaint.batch.folder_plan import FillTask, FolderOptions
from latentinpaint.batch.outcomes import read_outcomes
from latentinpaint.batch.ray_run import fetch, fill, run_tasks_on_ray, store
from latentinpaint.batch.run import FolderSummary, run_tasks, select_tasks
from latentinpaint.batch.task import TaskOptions, fill_files
from latentinpaint.inpainter import Inpainter
from latentinpaint.runtime.addresses import address, list_addresses
from latentinpaint.runtime.ray_cluster import connected

HOLE = np.zeros((20, 24), bool)
HOLE[6:13, 8:17] = True
SUFFIXES = ("png", "jpg", "webp")


class Echo:
    """In place of an `Inpainter`: answers with the picture."""

    def fill(self, picture, mask, options):
        return [picture] * options.num_samples


@pytest.fixture
def photos(helpers, tmp_path):
    """Thirty pictures in two folders with their masks, one of them cut short, and one mask without a hole."""
    folder = tmp_path / "in"
    for number in range(30):
        path = folder / f"{number % 2}" / f"p{number}.{SUFFIXES[number % 3]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(helpers.smooth(20, 24, seed=number)).save(path)
        helpers.write_hole(path.with_name(f"p{number}_mask.png"), HOLE)
    cut = folder / "1" / "p7.jpg"
    cut.write_bytes(cut.read_bytes()[:-200])
    helpers.write_hole(folder / "0" / "p8_mask.png", HOLE & False)
    return folder


def test_the_steps_together_are_the_local_function(photos, tmp_path):
    options = TaskOptions()
    outputs = {}
    for way in ("local", "steps"):
        output = tmp_path / way / "p1.jpg"
        task = FillTask(photos / "1" / "p1.jpg", photos / "1" / "p1_mask.png", (output,))
        if way == "local":
            messages = fill_files(Echo(), task, options)
        else:
            messages = store(options, fill(Echo(), options, fetch(options, task))).messages
        outputs[way] = (output.read_bytes(), [str(message).replace(str(output), "") for message in messages])
    assert outputs["local"] == outputs["steps"] and outputs["local"][1]


@pytest.mark.parametrize(
    ("name", "reason"), [("1/p7.jpg", "damaged or cut short"), ("1/none.png", "there is no file")]
)
def test_a_reason_passes_through_the_steps(photos, tmp_path, name, reason):
    options = TaskOptions()
    task = FillTask(photos / name, photos / "1" / "p7_mask.png", (tmp_path / "out.png",))
    result = store(options, fill(Echo(), options, fetch(options, task)))
    assert reason in result.reason and str(photos / name) in result.reason
    assert not (tmp_path / "out.png").exists()


def relative(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_machines_fill_what_one_does(photos, ray_address, model_files, tmp_path):
    load = partial(Inpainter.from_pretrained, model_files["flow"], "cpu")
    options = TaskOptions()
    alone = FolderSummary()
    run_tasks(load, FolderOptions(photos, tmp_path / "one").plan().tasks, options, alone)
    expected = relative(tmp_path / "one")
    assert len(expected) == 28 and len(alone.failures) == 2
    outdir = Path(f"file://{tmp_path}/two")

    def run(limit=None):
        plan = FolderOptions(Path(f"file://{photos}"), outdir).plan()
        summary = FolderSummary.of_plan(plan)
        tasks = select_tasks(plan, summary, False, limit, there=list_addresses(outdir))
        with connected(ray_address, device="cpu") as cluster:
            run_tasks_on_ray(cluster, load, plan, tasks, options, summary, outdir)
        rows = read_outcomes(outdir / "outcomes.parquet")
        assert [row.image for row in rows] == sorted(address(task.image) for task in plan.tasks)
        return summary, rows

    summary, rows = run(limit=24)
    assert summary.counts() == "22 filled, 0 already there, 2 failed, 6 left for later by limit"
    summary, rows = run()
    assert summary.counts() == "6 filled, 22 already there, 2 failed"
    reasons = {Path(row.image).name: row.reason for row in rows if row.outcome == "failed"}
    assert reasons.keys() == {"p7.jpg", "p8.webp"} and "has no hole" in reasons["p8.webp"]
    assert [row.outcome for row in rows].count("filled") == 28 and len({row.run for row in rows}) == 2
    assert len({row.node for row in rows if row.outcome == "filled"}) == 2
    found = relative(tmp_path / "two")
    del found["outcomes.parquet"]
    assert found == expected
    shutil.rmtree(tmp_path / "two" / "0")
    left = select_tasks(
        FolderOptions(Path(f"file://{photos}"), outdir).plan(),
        FolderSummary(),
        overwrite=False,
        limit=None,
        there=list_addresses(outdir),
    )
    assert {task.image.parent.name for task in left} == {"0", "1"} and len(left) == 15 + 1
