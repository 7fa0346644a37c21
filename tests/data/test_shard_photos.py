"""Photographs in shards are those of the folder that the shards were made of, wherever they are read from."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from image_samples import photo_pixels
from PIL import Image
from range_server import serve_folder

from latentinpaint.data import shard_storage
from latentinpaint.data.augmentation import augmentation
from latentinpaint.data.datamodule import InpaintingDataModule, split_photos
from latentinpaint.data.masks import mask_preset
from latentinpaint.data.photos import Crops, PhotoFolder
from latentinpaint.data.shard_index import find_index
from latentinpaint.data.shard_photos import ShardOptions, ShardPhotos
from latentinpaint.data.shard_storage import StorageError
from latentinpaint.data.shard_writing import write_shards
from latentinpaint.errors import InputError

COUNT = 21
PATTERN = "{0000..0005}.tar"  # 4 photographs in each, 1 in the last


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(shard_storage, "FIRST_WAIT", 0.001)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of photographs, and the folder of its shards."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(COUNT):
        Image.fromarray(photo_pixels(20, 30, seed=number)).save(folder / f"{number}.png")
    shards = tmp_path_factory.mktemp("shards")
    write_shards(folder, shards, 4, lambda title, total: nullcontext(lambda name: None))
    return folder, shards


@pytest.fixture
def copied(made, tmp_path):
    """The shards once more, to be damaged."""
    folder = tmp_path / "copied"
    folder.mkdir()
    for path in made[1].iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def batches(root, workers=0, **options):
    data = InpaintingDataModule(
        str(root), size=16, batch_size=4, epoch_length=40, num_workers=workers, seed=3, shards=ShardOptions(**options)
    )
    data.setup("fit")
    return [*data.train_dataloader(), *data.val_dataloader()]


def assert_same(some, others):
    assert len(some) == len(others) > 10
    for batch, other in zip(some, others, strict=True):
        assert torch.equal(batch["image"], other["image"]) and torch.equal(batch["mask"], other["mask"])


@pytest.mark.parametrize(("workers", "cache"), [(0, False), (2, True)])
def test_training_on_shards_sees_what_training_on_the_folder_sees(workers, cache, made, tmp_path):
    folder, shards = made
    expected = batches(folder)
    assert_same(batches(f"{shards}/{PATTERN}", workers), expected)
    failures = ("500", "cut", None, None, None, None, None)
    options = {"cache": str(tmp_path)} if cache else {}
    with serve_folder(shards, lambda number: failures[number % 7]) as server:
        assert_same(batches(f"{server.url}/{PATTERN}", workers, **options), expected)


def test_photographs_are_numbered_as_in_the_folder(made):
    folder, shards = made
    of_folder = split_photos(str(folder))
    for part, same in zip(of_folder, split_photos(f"{shards}/{PATTERN}"), strict=True):
        assert [name.partition("/")[2] for name in same.names] == part.names
        assert all(np.array_equal(same.read(index), part.read(index)) for index in range(len(part)))
    train, val = split_photos(str(folder), f"{shards}/{PATTERN}")
    assert len(train) == len(val) == COUNT


def test_a_photograph_is_one_request_and_a_cached_shard_one_in_all(made, tmp_path):
    with serve_folder(made[1]) as server:
        photos = ShardPhotos(f"{server.url}/{PATTERN}", ShardOptions())
        assert [server.count(f"000{number}.index.json") for number in range(6)] == [1] * 6
        for index in range(COUNT):
            photos.read(index)
        assert [server.count(f"000{number}.tar") for number in range(6)] == [4, 4, 4, 4, 4, 1]
        photos = ShardPhotos(f"{server.url}/{PATTERN}", ShardOptions(cache=str(tmp_path)))
        for index in range(COUNT):
            photos.read(index)
        assert [server.count(f"000{number}.tar") for number in range(6)] == [5, 5, 5, 5, 5, 2]


def test_a_window_of_shards_is_read_at_a_time(made, tmp_path):
    folder, shards = made
    largest = max(path.stat().st_size for path in shards.glob("*.tar"))
    with serve_folder(shards) as server:
        options = ShardOptions(cache=str(tmp_path), cache_gb=4 * largest / 1e9, mixed=2)
        photos = ShardPhotos(f"{server.url}/{PATTERN}", options)
        orders = [photos.order(5, number) for number in range(4)]
        assert [sorted(order.tolist()) for order in orders] == [list(range(COUNT))] * 4
        assert len({tuple(order.tolist()) for order in orders}) == 4
        for index in orders[0]:
            assert np.array_equal(photos.read(index), PhotoFolder(folder).read(index))
        assert [server.count(f"000{number}.tar") for number in range(6)] == [1] * 6  # though four are kept
    again = ShardPhotos(f"{shards}/{PATTERN}", ShardOptions(mixed=2))
    assert np.array_equal(again.order(5, 2), orders[2]) and not np.array_equal(again.order(6, 2), orders[2])
    subset = again.subset([3, 8, 9, 20])
    assert sorted(subset.order(0, 0).tolist()) == [0, 1, 2, 3]
    assert np.array_equal(subset.read(3), PhotoFolder(folder).read(20))


@pytest.mark.parametrize("mixed", [1, 2, 3])
def test_no_more_shards_are_read_at_a_time_than_are_mixed(mixed, made):
    photos = ShardPhotos(f"{made[1]}/{PATTERN}", ShardOptions(mixed=mixed))
    most = 0
    for number in range(20):
        read = photos.numbers[photos.order(0, number)].tolist()
        for time in range(COUNT):
            most = max(most, len(set(read[: time + 1]) & set(read[time:])))
    assert most == mixed


@pytest.mark.parametrize(("mixed", "advice"), [(None, "set shards.mixed"), (1, "mix fewer")])
def test_a_cache_that_is_too_small_is_refused(mixed, advice, made, tmp_path):
    options = ShardOptions(cache=str(tmp_path), cache_gb=1e-6, mixed=mixed)
    with pytest.raises(InputError, match=f"let shards.cache_gb be more than 1e-06, or {advice}"):
        ShardPhotos(f"{made[1]}/{PATTERN}", options)
    for wrong in ({"cache_gb": 1}, {"mixed": 0}, {"cache": "x", "cache_gb": -1}):
        with pytest.raises(InputError, match="shards."):
            ShardPhotos(f"{made[1]}/{PATTERN}", ShardOptions(**wrong))


def crops_of(photos):
    return Crops(photos, augmentation("crop", 16, 1.5), mask_preset("thick", 16), 0, COUNT)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_photograph_is_left_out_and_named(workers, copied):
    member = find_index(str(copied / "0001.tar")).members[2]
    content = bytearray((copied / "0001.tar").read_bytes())
    content[member.start : member.start + 20] = bytes(20)
    (copied / "0001.tar").write_bytes(content)
    crops = crops_of(ShardPhotos(f"{copied}/{PATTERN}", ShardOptions()))
    assert len(list(torch.utils.data.DataLoader(crops, num_workers=workers))) == COUNT
    assert crops.skipped == ["0001.tar/6.png"]


def test_a_shard_that_is_missing_or_cut_short_is_left_out_and_named(copied):
    (copied / "0000.tar").unlink()
    cut = (copied / "0002.tar").read_bytes()
    (copied / "0002.tar").write_bytes(cut[: find_index(str(copied / "0002.tar")).members[1].start + 3])
    crops = crops_of(ShardPhotos(f"{copied}/{PATTERN}", ShardOptions()))
    for number in range(COUNT):
        crops[number]
    lost = ["0000.tar/0.png", "0000.tar/1.png", "0000.tar/2.png", "0000.tar/3.png"]
    assert crops.skipped == [*lost, "0002.tar/9.png", "0002.tar/10.png", "0002.tar/11.png"]
    for number in (0, 2):
        (copied / f"000{number}.index.json").unlink()
    said = "2 of 6 shards are damaged: .*0000.tar is missing; of it 0 .*0002.tar is damaged or cut short; of it 1 "
    with pytest.warns(UserWarning, match=said):
        photos = ShardPhotos(f"{copied}/{PATTERN}", ShardOptions())
    assert len(photos) == COUNT - 7
    with pytest.raises(InputError, match="holds no picture to train on .*0000.tar is missing"):
        ShardPhotos(f"{copied}/0000.tar", ShardOptions())


def test_a_server_that_is_down_ends_a_run_instead_of_changing_it(made):
    with serve_folder(made[1]) as server:
        crops = crops_of(ShardPhotos(f"{server.url}/{PATTERN}", ShardOptions()))
        crops[0]
        server.fails = lambda number: "500"
        with pytest.raises(StorageError, match="times in a row"):
            crops[1]
        assert crops.skipped == []
        with pytest.raises(StorageError):
            ShardPhotos(f"{server.url}/{PATTERN}", ShardOptions())
