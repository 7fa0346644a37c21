"""Photographs and crops: the same stream whoever reads it."""

from pathlib import Path

import numpy as np
import pytest
import skimage
import skimage.io
import torch
from image_samples import photo_pixels
from PIL import Image

from latentinpaint.data.augmentation import augmentation
from latentinpaint.data.datamodule import EpochSampler, split_photos
from latentinpaint.data.masks import mask_preset
from latentinpaint.data.photos import Crops, PhotoFolder, PhotoSource, SamplePhotos, Subset
from latentinpaint.errors import InputError


def test_the_split_is_fixed():
    train, val = SamplePhotos("train").names, SamplePhotos("val").names
    assert val == ["chelsea.png", "coffee.png", "rocket.jpg"]
    assert len(train) == 12 and not set(train) & set(val)
    assert SamplePhotos("all").names == [*train, *val]
    with pytest.raises(InputError, match="no split 'test'"):
        SamplePhotos("test")


@pytest.mark.parametrize("index", range(15))
def test_photos_are_those_of_scikit_image(index):
    photos = SamplePhotos("all")
    expected = skimage.io.imread(Path(skimage.data_dir) / photos.names[index])
    if expected.ndim == 2:
        expected = np.repeat(expected[..., None], 3, axis=2)
    read = photos.read(index)
    assert read.dtype == np.uint8 and read.shape == (*expected.shape[:2], 3)
    assert np.array_equal(read, expected[..., :3])


def test_every_kind_of_file_has_three_channels(tmp_path):
    colour = photo_pixels(20, 30)
    kinds = {
        "a_rgb.png": Image.fromarray(colour),
        "b_grey.png": Image.fromarray(colour[..., 0]),
        "c_alpha.png": Image.fromarray(np.dstack([colour, colour[..., :1]])),
        "d_cmyk.jpg": Image.fromarray(colour).convert("CMYK"),
        "e_palette.gif": Image.fromarray(colour).quantize(32),
        "f_deep.png": Image.fromarray(colour[..., 0].astype(np.uint16) * 257),
    }
    for name, image in kinds.items():
        image.save(tmp_path / name)
    folder = PhotoFolder(tmp_path)
    assert folder.names == list(kinds)
    for index, name in enumerate(kinds):
        read = folder.read(index)
        assert read.shape == (20, 30, 3) and read.dtype == np.uint8, name
        expected = Image.open(tmp_path / name)
        if name == "f_deep.png":
            assert np.array_equal(read[..., 0], colour[..., 0])
        elif name == "c_alpha.png":
            seen = colour[..., 0] >= 8
            assert np.array_equal(read[seen], colour[seen])
        else:
            assert np.array_equal(read, np.asarray(expected.convert("RGB"))), name


def test_folders_without_pictures(tmp_path):
    with pytest.raises(InputError, match="no picture"):
        PhotoFolder(tmp_path)
    (tmp_path / "0000.tar").touch()
    with pytest.raises(InputError, match=r"holds shards, such as 0000.tar: name them, as in .*/\{0000..0099\}.tar"):
        PhotoFolder(tmp_path)
    with pytest.raises(InputError, match="no folder"):
        PhotoFolder(tmp_path / "absent")


def test_a_subset_reads_what_it_names(tmp_path):
    for number in range(30):
        Image.fromarray(np.full((4, 4, 3), number, np.uint8)).save(tmp_path / f"{number}.png")
    for part in split_photos(str(tmp_path)):
        for index, name in enumerate(part.names):
            assert part.read(index)[0, 0, 0] == int(Path(name).stem)
    assert Subset(PhotoFolder(tmp_path), [3, 1]).names == ["3.png", "1.png"]


class Plain(PhotoSource):
    """Photographs that say by their grey which they are; some cannot be read."""

    def __init__(self, count=5, bad=()):
        self.names = [f"photo {index}" for index in range(count)]
        self.bad = bad

    def read(self, index):
        if index in self.bad:
            raise InputError(f"{self.names[index]} is bad")
        rng = np.random.default_rng(index)
        return (rng.integers(0, 10, (40, 50, 3)) + 20 * index).astype(np.uint8)


def crops_of(source, seed=0, length=10, **options):
    return Crops(source, augmentation("crop", 16, 1.5), mask_preset("thick", 16), seed, length, **options)


def photo_of(item):
    return int(item["image"].mul(255).median()) // 20


def stream(crops, batch_size, workers, epoch=0):
    sampler = EpochSampler(crops)
    sampler.set_epoch(epoch)
    loader = torch.utils.data.DataLoader(crops, batch_size=batch_size, sampler=sampler, num_workers=workers)
    batches = list(loader)
    return {key: torch.cat([batch[key] for batch in batches]) for key in ("image", "mask")}


@pytest.mark.parametrize(("batch_size", "workers"), [(1, 0), (3, 0), (4, 1), (5, 2)])
def test_crop_n_is_the_same_for_every_reader(batch_size, workers):
    crops = crops_of(Plain())
    read = stream(crops_of(Plain()), batch_size, workers, epoch=1)
    assert len(read["image"]) == 10
    for offset in range(10):
        item = crops[10 + offset]  # epoch 1 holds the numbers from 10
        assert torch.equal(read["image"][offset], item["image"])
        assert torch.equal(read["mask"][offset], item["mask"])


def test_crops_are_tensors_in_range():
    item = crops_of(Plain())[3]
    assert item["image"].shape == (3, 16, 16) and item["image"].dtype == torch.float32
    assert item["mask"].shape == (1, 16, 16) and set(item["mask"].unique().tolist()) == {0.0, 1.0}
    assert torch.equal(item["image"], (item["image"] * 255).round() / 255)


def test_epochs_and_seeds_differ():
    crops = crops_of(Plain())
    first, second = stream(crops, 5, 0, epoch=0), stream(crops, 5, 0, epoch=1)
    other = stream(crops_of(Plain(), seed=1), 5, 0)
    for key in ("image", "mask"):
        assert not torch.equal(first[key], second[key])
        assert not torch.equal(first[key], other[key])


def test_every_pass_reads_every_photo_once():
    crops = crops_of(Plain(7))
    passes = [[photo_of(crops[7 * tour + position]) for position in range(7)] for tour in range(6)]
    assert all(sorted(order) == list(range(7)) for order in passes)
    assert len({tuple(order) for order in passes}) > 3
    fixed = crops_of(Plain(7), shuffle=False)
    assert [photo_of(fixed[number]) for number in range(14)] == [*range(7), *range(7)]


@pytest.mark.parametrize("workers", [0, 2])
def test_unreadable_photos_are_left_out_and_named(workers):
    crops = crops_of(Plain(5, bad=(1, 3)), length=20)
    stream(crops, 4, workers)
    assert crops.skipped == ["photo 1", "photo 3"]
    seen = {photo_of(crops[number]) for number in range(20)}
    assert seen == {0, 2, 4}


def test_bad_photos_do_not_depend_on_who_met_them_first():
    fresh = crops_of(Plain(5, bad=(1, 3)), length=20)
    last_first = [fresh[number]["image"] for number in reversed(range(20))][::-1]
    in_order = stream(crops_of(Plain(5, bad=(1, 3)), length=20), 4, 0)["image"]
    assert torch.equal(torch.stack(last_first), in_order)


def test_nothing_readable():
    with pytest.raises(InputError, match="none of the pictures can be read; the first of 3 is"):
        crops_of(Plain(3, bad=(0, 1, 2)))[0]


def test_length():
    assert len(crops_of(Plain(5), length=None)) == 5
    assert list(EpochSampler(crops_of(Plain(5), length=3))) == [0, 1, 2]


def test_what_is_transparent_teaches_no_hidden_colour(tmp_path):
    samples = np.full((40, 40, 4), (235, 140, 40, 255), np.uint8)
    samples[:, 20:] = (255, 255, 255, 0)
    Image.fromarray(samples).save(tmp_path / "sticker.png")
    assert np.unique(PhotoFolder(tmp_path).read(0).reshape(-1, 3), axis=0).tolist() == [[235, 140, 40]]
