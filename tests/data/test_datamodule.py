"""The data module: splits, sizes, holes, and what validation sees."""

import numpy as np
import pytest
import torch
from image_samples import photo_pixels
from PIL import Image

from latentinpaint.data.datamodule import InpaintingDataModule, split_photos
from latentinpaint.errors import InputError


@pytest.mark.parametrize(("count", "held"), [(2, 1), (9, 1), (25, 2), (700, 64)])
def test_hold_out_is_fixed_and_disjoint(count, held, tmp_path):
    for number in range(count):
        (tmp_path / f"{number:03d}.png").touch()
    train, val = split_photos(str(tmp_path))
    assert len(val) == held and len(train) == count - held
    assert not set(train.names) & set(val.names)
    assert set(train.names) | set(val.names) == {f"{number:03d}.png" for number in range(count)}
    again = split_photos(str(tmp_path))
    assert (again[0].names, again[1].names) == (train.names, val.names)


def test_other_splits(tmp_path):
    Image.fromarray(photo_pixels(4, 4)).save(tmp_path / "one.png")
    train, val = split_photos(str(tmp_path))
    assert train.names == val.names == ["one.png"]
    train, val = split_photos("samples", str(tmp_path))
    assert (len(train), val.names) == (12, ["one.png"])
    assert len(split_photos(str(tmp_path), str(tmp_path))[0]) == 1


@pytest.mark.parametrize("size", [8, 30, 0, -16])
def test_sizes_refused(size):
    with pytest.raises(InputError, match="data.size"):
        InpaintingDataModule("samples", size=size)


def test_photos_smaller_than_the_crop_work(tmp_path):
    for number in range(3):
        Image.fromarray(photo_pixels(9 + number, 21, seed=number)).save(tmp_path / f"{number}.png")
    data = InpaintingDataModule(str(tmp_path), size=32, batch_size=8, epoch_length=16, num_workers=0)
    data.setup("fit")
    batches = [*data.train_dataloader(), *data.val_dataloader()]
    assert [tuple(batch["image"].shape) for batch in batches] == [(8, 3, 32, 32), (8, 3, 32, 32), (1, 3, 32, 32)]
    assert all(0 <= batch["image"].min() and batch["image"].max() <= 1 for batch in batches)
    assert all(batch["mask"].shape[1] == 1 for batch in batches)


def test_holes_from_a_folder(tmp_path):
    hole = np.zeros((32, 32), np.uint8)
    hole[4:9, 20:30] = 255
    Image.fromarray(hole).save(tmp_path / "hole.png")
    data = InpaintingDataModule("samples", size=32, mask_dir=str(tmp_path), batch_size=2, num_workers=0)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert np.array_equal(batch["mask"].numpy(), np.broadcast_to(hole / 255, (2, 1, 32, 32)))


def test_a_batch_is_never_larger_than_an_epoch():
    data = InpaintingDataModule("samples", size=32, batch_size=64, epoch_length=6, num_workers=0)
    data.setup("fit")
    assert [len(batch["image"]) for batch in data.train_dataloader()] == [6]


def test_validation_is_the_same_every_time():
    batches = []
    for _ in range(2):
        data = InpaintingDataModule("samples", size=32, num_workers=0)
        data.setup("fit")
        batches += list(data.val_dataloader())
    assert len(batches) == 2 and len(batches[0]["image"]) == 3
    assert all(torch.equal(batches[0][key], batches[1][key]) for key in ("image", "mask"))
