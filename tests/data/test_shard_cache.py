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
        return ShardCache(tmp_path / "here").read_range(f"{shards.url}/1.tar", SIZE, start, 7)

    content = (shards.folder / "1.tar").read_bytes()
    with ThreadPoolExecutor(8) as pool:
        for start, found in enumerate(pool.map(read, range(50))):
            assert found == content[start : start + 7]
    assert shards.count("1.tar") == 1


def test_what_was_downloaded_first_goes_first(shards, tmp_path):
    cache = ShardCache(tmp_path, limit=2 * SIZE)
    for number in (0, 1, 0, 2, 3, 2):
        shard = f"{shards.url}/{number}.tar"
        cache.read_range(shard, SIZE, 0, 1)
        os.utime(cache.path_of(shard), (number + 1, number + 1))
    assert [shards.count(f"{number}.tar") for number in range(4)] == [1, 1, 1, 1]
    assert sorted(path.name[-5:] for path in tmp_path.glob("*.tar")) == ["2.tar", "3.tar"]


def test_a_shard_that_has_changed_is_downloaded_again(shards, tmp_path):
    cache = ShardCache(tmp_path)
    shard = f"{shards.url}/0.tar"
    cache.read_range(shard, SIZE, 0, 1)
    (shards.folder / "0.tar").write_bytes(b"new" * 10)
    assert cache.read_range(shard, 30, 3, 3) == b"new"
    with pytest.raises(InputError, match="0.tar has another size than its index says: 99 bytes"):
        cache.read_range(shard, 99, 0, 1)


def test_what_is_in_the_way_ends_a_run_and_is_no_damaged_photograph(shards, tmp_path, monkeypatch):
    monkeypatch.setattr(shard_storage, "FIRST_WAIT", 0)
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot keep shards in"):
        ShardCache(tmp_path / "file").read_range(f"{shards.url}/0.tar", SIZE, 0, 1)
    shards.fails = lambda number: "500"
    with pytest.raises(StorageError, match="times in a row"):
        ShardCache(tmp_path / "here").read_range(f"{shards.url}/0.tar", SIZE, 0, 1)
    assert list((tmp_path / "here").glob("*.tar")) == []
