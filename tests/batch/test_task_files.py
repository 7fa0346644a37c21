"""The bytes of a task's files, of this machine and at addresses."""

from pathlib import Path

import fsspec
import pytest

from latentinpaint.batch.folder_plan import FillTask
from latentinpaint.batch.task_files import read_input, write_file
from latentinpaint.errors import InputError


@pytest.mark.parametrize("where", ["memory://task_files", None])
def test_bytes_come_back(tmp_path, where):
    folder = Path(where or tmp_path)
    write_file(folder / "sub" / "a.png", b"picture")
    write_file(folder / "m.png", b"mask")
    task = FillTask(folder / "sub" / "a.png", folder / "m.png", ())
    given = read_input(task)
    assert (given.image, given.mask) == (b"picture", b"mask")
    assert read_input(FillTask(task.image, None, ())).mask is None
    with pytest.raises(InputError, match=r"there is no file .*none.png"):
        read_input(FillTask(task.image, folder / "none.png", ()))
    if where is not None:
        assert fsspec.filesystem("memory").cat("/task_files/m.png") == b"mask"
