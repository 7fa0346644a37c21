"""The table of what became of a folder, run after run; its file needs pyarrow, its rows do not."""

from pathlib import Path

import pytest

from latentinpaint.batch.folder_plan import Failure, FillTask, FolderPlan
from latentinpaint.batch.outcomes import OutcomeTable, PictureOutcome, read_outcomes
from latentinpaint.batch.task import Message, MessageLevel, TaskResult
from latentinpaint.errors import InputError
from latentinpaint.runtime.ray_pool import Placed

SECONDS = {"fetch": 0.25, "work": 2.0, "store": 0.5}


def task(name):
    return FillTask(
        Path(f"s3://b/in/{name}.png"), Path(f"s3://b/in/{name}_mask.png"), (Path(f"s3://b/out/{name}.png"),)
    )


@pytest.fixture
def tasks():
    return [task(name) for name in "abcd"]


@pytest.fixture
def plan(tasks):
    return FolderPlan(tasks, [Failure(Path("s3://b/in/z_mask.png"), "matches no picture")], [Path("s3://b/in/y.png")])


def outcomes(table):
    return {Path(image).stem: row.outcome for (image, _), row in table.rows.items()}


def first_run(plan, tasks):
    """a is there already, b is filled, c fails, d is left for later."""
    table = OutcomeTable([], "first")
    table.begin(plan, tasks[1:3], tasks[3:])
    note = Message(MessageLevel.NOTE, "{output} is lossy", (("output", "b.png"),))
    table.add(tasks[1], TaskResult((note,)), Placed(TaskResult(), "node-1", 2, SECONDS))
    table.add(tasks[2], TaskResult(reason="3 workers were lost with it"), None)
    return table


def test_every_picture_has_one_row(plan, tasks):
    table = first_run(plan, tasks)
    expected = {
        "a": "already there",
        "b": "filled",
        "c": "failed",
        "d": "left for later",
        "y": "without mask",
        "z_mask": "failed",
    }
    assert outcomes(table) == expected
    rows = {Path(row.image).stem: row for row in table.rows.values()}
    assert rows["b"] == PictureOutcome(
        image="s3://b/in/b.png",
        mask="s3://b/in/b_mask.png",
        outputs=("s3://b/out/b.png",),
        outcome="filled",
        notes=("note: b.png is lossy",),
        node="node-1",
        attempt=2,
        fetch_seconds=0.25,
        work_seconds=2.0,
        store_seconds=0.5,
        run="first",
    )
    assert rows["c"].reason == "3 workers were lost with it" and rows["c"].node is None
    assert rows["z_mask"].reason == "matches no picture"


def test_while_a_run_goes_on_only_what_is_done_has_a_row(plan, tasks):
    table = OutcomeTable([], "first")
    table.begin(plan, tasks, [])
    assert set(outcomes(table)) == {"y", "z_mask"}


def test_a_second_run_keeps_what_the_first_one_did(plan, tasks):
    first = first_run(plan, tasks)
    second = OutcomeTable(first.rows.values(), "second")
    second.begin(plan, tasks[2:], [])
    for left in tasks[2:]:
        second.add(left, TaskResult(), Placed(TaskResult(), "node-2", 1, SECONDS))
    assert outcomes(second) == {**outcomes(first), "c": "filled", "d": "filled"}
    assert {Path(row.image).stem: row.run for row in second.rows.values()} == {
        "a": "second",
        "b": "first",
        "c": "second",
        "d": "second",
        "y": "second",
        "z_mask": "second",
    }


def test_the_file_holds_the_rows(plan, tasks, tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow, which comes with latentinpaint[ray], is not installed")
    path = tmp_path / "outcomes.parquet"
    assert read_outcomes(path) == []
    table = first_run(plan, tasks)
    table.write(path)
    assert read_outcomes(path) == sorted(table.rows.values(), key=lambda row: row.image)
    with pytest.raises(InputError, match="^cannot read|is a folder"):  # nothing is known of an earlier table
        read_outcomes(tmp_path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=r"outcomes.parquet is no table of outcomes: move it elsewhere"):
        read_outcomes(path)
