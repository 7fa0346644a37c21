"""Paths of records and fills, and records that are used again or not."""

from pathlib import Path

import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.evaluation.dataset import ItemSource
from latentinpaint.evaluation.output_folder import OutputFolder, lasting_record, record_file, slug


def folder_of(path, *names):
    return OutputFolder(path, [ItemSource(name, Path(name), None, name, ()) for name in names])


def test_files_have_their_pictures_names_without_suffix_where_these_are_unique():
    found = folder_of("out", "a.png", "a.jpg", "sub/c.png")
    paths = [found.fill_path("mean", name).as_posix() for name in ("a.png", "a.jpg", "sub/c.png")]
    assert paths == ["out/fills/mean/a.png.png", "out/fills/mean/a.jpg.png", "out/fills/mean/sub/c.png"]


@pytest.mark.parametrize("texts", [("flow, mean of 2", "flow_ mean of 2"), ("a/b", "a_b"), ("x" * 200, "x" * 201)])
def test_names_of_files_are_told_apart(texts):
    one, other = map(slug, texts)
    assert one != other and "/" not in one + other and len(one) < 128


def test_a_record_lasts_unless_it_is_damaged_or_a_failure_that_may_pass(tmp_path):
    path = tmp_path / "a.json"
    assert lasting_record(path) is None
    path.write_bytes(record_file({"key": "1", "rows": []}))
    assert lasting_record(path) == {"key": "1", "rows": []}
    path.write_bytes(record_file({"key": "1", "rows": [], "again": True}))
    assert lasting_record(path) is None
    path.write_text("{")
    assert lasting_record(path) is None


def test_an_address_takes_no_report():
    with pytest.raises(InputError, match="s3://bucket/out is an address: records and report"):
        folder_of("s3://bucket/out", "a.png")


def test_the_fills_of_some_rows_are_removed(tmp_path):
    found = folder_of(tmp_path, "a.png")
    path, content = found.deviation_file("flow", "a.png", torch.zeros(1, 1, 4, 4))
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert found.has_fills({"case": "a.png", "rows": [{"row": "flow, deviation"}]})
    assert not found.has_fills({"case": "a.png", "rows": [{"row": "flow, deviation"}, {"row": "flow"}]})
    found.remove_fills(["flow"])
    assert (tmp_path / "fills" / "flow, deviation" / "a.png").is_file()
    found.remove_fills(["flow, deviation"])
    assert not (tmp_path / "fills").exists()
