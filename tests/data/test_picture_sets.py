"""Small pictures from folders, sheets and torchvision's files."""

import gzip
import struct

import numpy as np
import pytest
import torch
from PIL import Image
from small_photos import small_pictures

from latentinpaint.data.picture_sets import DOWNLOADS, load_pictures
from latentinpaint.errors import InputError


def test_a_sheet_is_cut_into_tiles(tmp_path):
    tiles = small_pictures(5, 8)
    sheet = np.zeros((16, 24, 3), np.uint8)  # six places, the last one black
    for number, tile in enumerate(tiles):
        row, column = divmod(number, 3)
        sheet[8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = tile
    Image.fromarray(sheet).save(tmp_path / "sheet.png")
    found = load_pictures(str(tmp_path / "sheet.png"), 8, 3)
    assert torch.equal(found, torch.from_numpy(tiles.transpose(0, 3, 1, 2)))


def test_a_sheet_of_another_size(tmp_path):
    Image.fromarray(small_pictures(1, 20)[0]).save(tmp_path / "sheet.png")
    with pytest.raises(InputError, match="20 x 20.*tiles of 8 x 8"):
        load_pictures(str(tmp_path / "sheet.png"), 8, 3)


def test_a_folder_is_cropped_and_scaled(tmp_path):
    wide = np.zeros((16, 40, 3), np.uint8)
    wide[:, 12:28] = 200  # the middle square
    Image.fromarray(wide).save(tmp_path / "wide.png")
    (tmp_path / "sub").mkdir()
    Image.fromarray(small_pictures(1, 8)[0]).save(tmp_path / "sub" / "small.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.warns(UserWarning, match="1 picture .* skipped: broken.png"):
        found = load_pictures(str(tmp_path), 8, 3)
    assert found.shape == (2, 3, 8, 8) and found.dtype == torch.uint8
    assert any((values == 200).all() for values in found)


def test_grey_and_colour(tmp_path):
    colour = small_pictures(1, 8)[0]
    Image.fromarray(colour).save(tmp_path / "sheet.png")
    grey = load_pictures(str(tmp_path / "sheet.png"), 8, 1)[0, 0].numpy().astype(int)
    assert np.abs(grey - np.asarray(Image.fromarray(colour).convert("L")).astype(int)).max() <= 1
    Image.fromarray(small_pictures(1, 8, 1)[0]).save(tmp_path / "grey.png")
    three = load_pictures(str(tmp_path / "grey.png"), 8, 3)[0]
    assert torch.equal(three[0], three[1]) and torch.equal(three[0], three[2])


def write_idx(path, values):
    """The gzipped format of MNIST's files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(">BBBB", 0, 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(gzip.compress(header + values.tobytes()))


@pytest.fixture
def offline(monkeypatch):
    """Every connection is refused, as on a machine without a network."""
    import socket

    def refuse(*arguments, **keywords):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize(("name", "folder"), [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST")])
def test_what_torchvision_has_downloaded_is_read(name, folder, tmp_path, offline):
    """Files where torchvision keeps them are enough: no network is used."""
    raw = tmp_path / folder / "raw"
    for prefix, count in (("train", 7), ("t10k", 4)):
        write_idx(raw / f"{prefix}-images-idx3-ubyte.gz", small_pictures(count, 28, 1, seed=count))
        write_idx(raw / f"{prefix}-labels-idx1-ubyte.gz", np.arange(count, dtype=np.uint8))
        for kind in ("images-idx3", "labels-idx1"):
            packed = raw / f"{prefix}-{kind}-ubyte.gz"
            packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    for part, count in ((True, 7), (False, 4)):
        found = load_pictures(name, 28, 1, downloads=tmp_path, train=part)
        assert torch.equal(found[:, 0], torch.from_numpy(small_pictures(count, 28, 1, seed=count)))


@pytest.mark.parametrize("name", DOWNLOADS)
def test_a_download_that_fails_is_one_sentence(name, tmp_path, offline):
    with pytest.raises(InputError, match=f"'{name}'.*could not be downloaded.*network") as error:
        load_pictures(name, 28, 1, downloads=tmp_path / "none")
    assert "\n" not in str(error.value) and not list(tmp_path.iterdir())
