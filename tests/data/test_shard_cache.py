"""Shards on this machine's disk: each downloaded once, within a limit."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from range_server import serve_folder

from latentinpaint.data import shard_storage
from latentinpaint.data.shard_cache import ShardCache
from latentinpaint.data.shard_storage import StorageError
from latentinpaint.errors import InputError

SIZE = 1000
FIRST = "the first version"


@pytest.fixture
def shards(tmp_path):
    folder = tmp_path / "there"
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.tar").write_bytes(np.random.default_rng(number).bytes(SIZE))
    with serve_folder(folder) as server:
        yield server


def test_a_shard_is_downloaded_once_for_all_who_read_it(shards, tmp_path):
    def read(start):
        return ShardCache(tmp_path / "here").read_range(f"{shards.url}/1.tar", FIRST, start, 7)

    content = (shards.folder / "1.tar").read_bytes()
    with ThreadPoolExecutor(8) as pool:
        for start, found in enumerate(pool.map(read, range(50))):
            assert found == content[start : start + 7]
    assert shards.count("1.tar") == 1


def test_what_was_downloaded_first_goes_first(shards, tmp_path):
    cache = ShardCache(tmp_path, limit=2 * SIZE)
    for number in (0, 1, 0, 2, 3, 2):
        shard = f"{shards.url}/{number}.tar"
        cache.read_range(shard, FIRST, 0, 1)
        os.utime(cache.path_of(shard, FIRST), (number + 1, number + 1))
    assert [shards.count(f"{number}.tar") for number in range(4)] == [1, 1, 1, 1]
    assert sorted(path.name[-5:] for path in tmp_path.glob("[!.]*.tar")) == ["2.tar", "3.tar"]


def test_a_shard_that_has_changed_is_downloaded_again(shards, tmp_path):
    cache = ShardCache(tmp_path)
    shard = f"{shards.url}/0.tar"
    old = cache.read_range(shard, FIRST, 0, 3)
    (shards.folder / "0.tar").write_bytes(b"new" * 10)
    assert cache.read_range(shard, FIRST, 0, 3) == old
    assert cache.read_range(shard, "another version", 3, 3) == b"new"


def test_a_shard_that_is_cut_short_is_downloaded_once_too(shards, tmp_path):
    cache = ShardCache(tmp_path)
    shard = f"{shards.url}/0.tar"
    for _ in range(3):
        with pytest.raises(InputError, match=f"0.tar is cut short: it ends before byte {SIZE + 1}") as error:
            cache.read_range(shard, FIRST, SIZE - 1, 2)
        assert not isinstance(error.value, StorageError)
    assert cache.read_range(shard, FIRST, SIZE - 1, 1) == (shards.folder / "0.tar").read_bytes()[-1:]
    assert shards.count("0.tar") == 1


def test_a_cache_that_is_emptied_all_the_time_is_said(shards, tmp_path):
    with pytest.raises(StorageError, match="holds too few shards at a time"):
        ShardCache(tmp_path, limit=SIZE - 1).read_range(f"{shards.url}/0.tar", FIRST, 0, 1)


def test_what_is_in_the_way_ends_a_run_and_is_no_damaged_photograph(shards, tmp_path, monkeypatch):
    monkeypatch.setattr(shard_storage, "FIRST_WAIT", 0)
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot keep shards in"):
        ShardCache(tmp_path / "file").read_range(f"{shards.url}/0.tar", FIRST, 0, 1)
    shards.fails = lambda number: "500"
    with pytest.raises(StorageError, match="times in a row"):
        ShardCache(tmp_path / "here").read_range(f"{shards.url}/0.tar", FIRST, 0, 1)
    assert list((tmp_path / "here").glob("[!.]*.tar")) == []
