"""Shards of a folder: whole or not at all, the same every time, and read by others."""

import hashlib
import json
import os
import tarfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentinpaint.data import shard_writing
from latentinpaint.data.shard_index import ShardIndex
from latentinpaint.data.shard_writing import pattern_of, shard_names, write_shards
from latentinpaint.errors import InputError

NAMES = ["1.png", "2.png", "10.png", "sub/deep/x.png", "sub/größe.png"]  # in natural order


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for number, name in enumerate(NAMES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 9 + number, 3), number, np.uint8)).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    return folder


@contextmanager
def silent(title, total):
    yield lambda name: None


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_shards_hold_the_files_in_the_order_of_the_folder(photos, tmp_path):
    manifest = write_shards(photos, tmp_path / "shards", 2, silent)
    read = []
    for entry, count in zip(manifest.shards, (2, 2, 1), strict=True):
        path = tmp_path / "shards" / entry.name
        assert entry.pictures == count and entry.bytes == path.stat().st_size
        assert entry.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        index = ShardIndex.from_json(path.with_name(f"{path.stem}.index.json").read_bytes())
        assert index.sha256 == entry.sha256
        with tarfile.open(path) as archive:
            for member, (name, start, length) in zip(archive, index.members, strict=True):
                assert (member.name, member.offset_data, member.size) == (name, start, length)
                assert archive.extractfile(member).read() == (photos / name).read_bytes()
                read.append(name)
    assert read == NAMES
    assert json.loads((tmp_path / "shards" / "manifest.json").read_text())["pictures"] == 5
    assert len(contents(tmp_path / "shards")) == 7


def test_equal_folders_make_equal_shards(photos, tmp_path):
    write_shards(photos, tmp_path / "first", 2, silent)
    for path in photos.rglob("*.png"):
        os.utime(path, (1e9, 1e9))
    write_shards(photos, tmp_path / "second", 2, silent)
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


def test_a_stopped_run_leaves_whole_shards_and_goes_on(photos, tmp_path, monkeypatch):
    write_shards(photos, tmp_path / "whole", 2, silent)
    output = tmp_path / "shards"
    add = shard_writing._add
    added = []

    def stop_at_the_fourth(archive, name, path):
        added.append(name)
        if len(added) == 4:
            beside = Path(archive.name)
            os.link(beside, beside.with_name(f".left{beside.name}"))  # what a run that is killed leaves
            raise KeyboardInterrupt
        add(archive, name, path)

    monkeypatch.setattr(shard_writing, "_add", stop_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        write_shards(photos, output, 2, silent)
    left, *whole = sorted(contents(output))
    assert left.startswith(".left") and whole == ["0000.index.json", "0000.tar"]
    written = (output / "0000.tar").stat().st_mtime_ns
    added.clear()
    monkeypatch.setattr(shard_writing, "_add", lambda *arguments: (added.append(arguments[1]), add(*arguments)))
    write_shards(photos, output, 2, silent)
    assert added == NAMES[2:] and (output / "0000.tar").stat().st_mtime_ns == written
    assert contents(output) == contents(tmp_path / "whole")


def test_shards_of_other_pictures_are_left_alone(photos, tmp_path):
    output = tmp_path / "shards"
    write_shards(photos, output, 2, silent)
    before = contents(output)
    refused = "shards/000.*.tar holds other pictures than the folder does now"
    with pytest.raises(InputError, match=refused):
        write_shards(photos, output, 3, silent)
    later = time.time() + 100
    os.utime(photos / "10.png", (later, later))
    with pytest.raises(InputError, match=refused):
        write_shards(photos, output, 2, silent)
    (photos / "10.png").unlink()
    with pytest.raises(InputError, match=refused):
        write_shards(photos, output, 2, silent)
    assert contents(output) == before
    (output / "0000.index.json").unlink()  # so it may be anybody's
    with pytest.raises(InputError, match=refused):
        write_shards(photos, output, 2, silent)


def test_a_picture_that_cannot_be_read_is_named(photos, tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(InputError, match="cannot read .*1.png: Permission denied"):
        write_shards(photos, tmp_path / "shards", 2, silent)
    assert list((tmp_path / "shards").iterdir()) == []


def test_names():
    assert shard_names(3) == ["0000.tar", "0001.tar", "0002.tar"]
    assert shard_names(10_001)[-1] == "10000.tar" and shard_names(10_001)[0] == "00000.tar"
    assert pattern_of(shard_names(3)) == "{0000..0002}.tar" and pattern_of(shard_names(1)) == "0000.tar"


def test_webdataset_reads_them(photos, tmp_path):
    webdataset = pytest.importorskip("webdataset", reason="this compares with the package webdataset")
    write_shards(photos, tmp_path / "shards", 2, silent)
    pattern = f"{tmp_path}/shards/{{0000..0002}}.tar"
    samples = list(webdataset.WebDataset(pattern, shardshuffle=False))
    assert [sample["__key__"] for sample in samples] == [name.removesuffix(".png") for name in NAMES]
    assert [sample["png"] for sample in samples] == [(photos / name).read_bytes() for name in NAMES]
