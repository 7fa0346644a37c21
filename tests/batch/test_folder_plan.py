"""Which pictures of a folder are tasks, and what their outputs are called."""

import pytest
from PIL import Image

from latentinpaint.batch.folder_plan import Failure, FillTask, FolderNames, FolderOptions
from latentinpaint.batch.output_names import numbered_paths
from latentinpaint.errors import InputError


@pytest.fixture
def folder(tmp_path):
    """Make pictures and masks of these names in a folder."""

    def make(*names, where="in"):
        for name in names:
            path = tmp_path / where / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (4, 3)).save(path)
        return tmp_path / where

    return make


def names_of(plan):
    return [(task.image.name, task.mask and task.mask.name, task.outputs[0].name) for task in plan.tasks]


def test_masks_by_name(folder, tmp_path):
    indir = folder("a.png", "a_mask.png", "b.jpg", "b_mask001.png", "b_mask002.png", "c.png", "z_mask.png")
    folder("d.png", "d_mask.png", where="in/sub")
    plan = FolderOptions(indir, tmp_path / "out").plan()
    assert names_of(plan) == [
        ("a.png", "a_mask.png", "a.png"),
        ("b.jpg", "b_mask001.png", "b_mask001.jpg"),
        ("b.jpg", "b_mask002.png", "b_mask002.jpg"),
        ("d.png", "d_mask.png", "d.png"),
    ]
    assert plan.tasks[-1].outputs == (tmp_path / "out" / "sub" / "d.png",)
    assert plan.images_without_mask == [indir / "c.png"]
    assert [failure.path for failure in plan.failures] == [indir / "z_mask.png"]


def test_pictures_without_a_mask_are_tasks_if_wanted(folder, tmp_path):
    plan = FolderOptions(folder("a.png", "b.png", "b_mask.png"), tmp_path / "out", fill_without_mask=True).plan()
    assert names_of(plan) == [("b.png", "b_mask.png", "b.png"), ("a.png", None, "a.png")]
    assert not plan.images_without_mask


def test_one_mask_for_all_is_no_picture(folder, tmp_path):
    indir = folder("a.png", "b.png", "hole.png")
    plan = FolderOptions(indir, tmp_path / "out", mask=indir / "hole.png").plan()
    assert names_of(plan) == [("a.png", "hole.png", "a.png"), ("b.png", "hole.png", "b.png")]


def test_outputs_are_unique(folder, tmp_path):
    indir = folder("a.png", "a.bmp", "hole.png")
    plan = FolderOptions(indir, tmp_path / "out", mask=indir / "hole.png", format="png", num_samples=2).plan()
    outputs = [output.name for task in plan.tasks for output in task.outputs]
    assert sorted(outputs) == ["a_1.bmp.png", "a_1.png", "a_2.bmp.png", "a_2.png"]


def test_a_task_is_done_if_all_outputs_are_whole(tmp_path):
    image = Image.new("RGB", (30, 20))
    image.save(tmp_path / "a.png")
    outputs = numbered_paths(tmp_path / "out.png", 2)
    task = FillTask(tmp_path / "a.png", None, outputs)
    assert str(task) == str(tmp_path / "a.png") and not task.has_outputs()
    image.save(outputs[0])
    assert not task.is_done()
    outputs[1].touch()
    assert task.has_outputs() and not task.is_done()
    image.save(outputs[1])
    assert task.is_done() and not task.is_done(expand=(2, 1, 0, 0))
    for output in outputs:
        Image.new("RGB", (32, 21)).save(output)
    assert task.is_done(expand=(2, 1, 0, 0)) and not task.is_done()
    assert not task.is_done(expand=(31, 0, 0, 0))  # which cannot be done at all


def test_names_that_are_too_long_fail_beforehand(folder, tmp_path):
    indir = folder("a.png", "l" * 251 + ".png", "mask.png")
    plan = FolderOptions(indir, tmp_path / "out", mask=indir / "mask.png").plan()
    assert len(plan.tasks) == 2 and not plan.failures
    plan = FolderOptions(indir, tmp_path / "out", mask=indir / "mask.png", num_samples=2).plan()
    assert len(plan.tasks) == 1 and "longer than the file system takes" in plan.failures[0].reason


def test_a_failure_names_its_file_once(tmp_path):
    assert str(Failure(tmp_path, "it is gone")) == f"{tmp_path}: it is gone"
    assert str(Failure(tmp_path, f"{tmp_path} is gone")) == f"{tmp_path} is gone"


def test_folders_that_cannot_be_used(folder, tmp_path):
    indir = folder("a.png")
    with pytest.raises(InputError, match="lies inside indir"):
        FolderOptions(indir, indir / "out").plan()
    with pytest.raises(InputError, match="holds no mask"):
        FolderOptions(indir, tmp_path / "out").plan()
    with pytest.raises(InputError, match="holds no picture"):
        FolderOptions(indir, tmp_path / "out", mask=indir / "a.png").plan()
    with pytest.raises(InputError, match="a.png is a file"):
        FolderOptions(indir, indir / "a.png" / "out").check_writable()


def test_messages_use_the_callers_names(folder, tmp_path):
    indir = folder("a.png")
    names = FolderNames(indir="SOURCE", outdir="TARGET", mask="HOLE")
    with pytest.raises(InputError, match=r"^TARGET .* lies inside SOURCE:"):
        FolderOptions(indir, indir / "out", names=names).plan()
    with pytest.raises(InputError, match=r"HOLE takes one for all pictures"):
        FolderOptions(indir, tmp_path / "out", names=names).plan()
    with pytest.raises(InputError, match=r"^cannot write to TARGET "):
        FolderOptions(indir, indir / "a.png" / "out", names=names).check_writable()
