"""Bytes of files on this machine and behind a server that fails now and then."""

import sys

import numpy as np
import pytest
from range_server import serve_folder

from latentinpaint.data import shard_storage
from latentinpaint.data.shard_storage import (
    ATTEMPTS,
    MissingFileError,
    StorageError,
    download,
    open_file,
    read_file,
    read_range,
    size_of,
)
from latentinpaint.errors import InputError, MissingPackageError

CONTENT = np.random.default_rng(0).bytes(10_000)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(shard_storage, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(shard_storage, "_BLOCK", 512)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.tar").write_bytes(CONTENT)
    return tmp_path


def check_reading(url, tmp_path):
    assert read_file(url) == CONTENT and size_of(url) == len(CONTENT)
    for start, length in ((0, 10), (77, 1), (9_000, 1_000), (5, 0)):
        assert read_range(url, start, length) == CONTENT[start : start + length]
    with open_file(url) as file:
        for start, length in ((3_000, 600), (10, 3), (3_100, 2_000), (9_990, 50), (20_000, 5)):
            file.seek(start)
            assert file.read(length) == CONTENT[start : start + length]
        assert file.seek(0, 2) == len(CONTENT)
    download(url, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == CONTENT


def test_a_file_of_this_machine(folder):
    check_reading(str(folder / "a.tar"), folder)


def test_a_server_that_fails_half_the_time(folder):
    failures = (None, "500", "cut", "500", None, None)
    with serve_folder(folder, lambda number: failures[number % 6]) as server:
        check_reading(f"{server.url}/a.tar", folder)


def test_a_server_that_is_down_is_told_from_a_file_that_is_missing(folder):
    with serve_folder(folder, lambda number: "500") as server:
        for read in (read_file, size_of, open_file):
            with pytest.raises(StorageError, match=rf"cannot read .*/a.tar, {ATTEMPTS} times in a row"):
                read(f"{server.url}/a.tar")
        assert len(server.requests) >= 3 * ATTEMPTS
    with serve_folder(folder) as server:
        for read in (read_file, size_of):
            with pytest.raises(MissingFileError, match="no file .*/b.tar"):
                read(f"{server.url}/b.tar")
        assert server.count("b.tar") <= 2
    with pytest.raises(StorageError, match="times in a row"):
        read_file(f"{server.url}/a.tar")  # nobody listens there any more
    with pytest.raises(MissingFileError):
        read_file(str(folder / "b.tar"))


def test_a_file_that_ends_too_soon(folder):
    with serve_folder(folder) as server:
        for url in (f"{server.url}/a.tar", str(folder / "a.tar")):
            for start, length in ((9_999, 2), (10_000, 5), (20_000, 5)):
                with pytest.raises(InputError, match=f"a.tar is cut short: it ends before byte {start + length}"):
                    read_range(url, start, length)
        assert len(server.requests) < ATTEMPTS * 3  # it is not asked again and again


def test_a_server_of_whole_files(folder):
    with serve_folder(folder, sends_parts=False) as server:
        assert read_file(f"{server.url}/a.tar") == CONTENT
        with pytest.raises(StorageError, match="sends whole files only"):
            read_range(f"{server.url}/a.tar", 5, 10)


def test_a_file_that_may_not_be_read(monkeypatch, folder):
    def refuse(system, path):
        raise PermissionError(13, "Access Denied")

    monkeypatch.setattr("fsspec.implementations.local.LocalFileSystem.cat_file", refuse)
    with pytest.raises(StorageError, match="no permission to read .*a.tar: .*Access Denied"):
        read_file(str(folder / "a.tar"))


def test_what_cannot_be_reached_at_all(monkeypatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(
        MissingPackageError, match=r"^gs://.* cannot be reached: .*gcsfs.*pip install 'latentinpaint\[shards\]'"
    ):
        read_file("gs://bucket/a.tar")
    with pytest.raises(InputError, match="^nowhere://a.tar cannot be reached"):
        read_file("nowhere://a.tar")
