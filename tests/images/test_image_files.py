"""The door of files: paths, masks and folders."""

import os

import numpy as np
import pytest
from image_samples import exif_bytes, image_of
from PIL import Image, ImageOps

from latentinpaint.errors import InputError
from latentinpaint.images.image_files import (
    binary_mask,
    read_mask,
    read_picture,
)
from latentinpaint.images.picture import Picture


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(InputError, match=r"no file .*missing\.png"):
        read_picture(tmp_path / "missing.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InputError, match=r"folder\.png is a folder"):
        read_picture(tmp_path / "folder.png")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match=r"pipe\.png"):
        read_picture(tmp_path / "pipe.png")


def grey16(values):
    return Image.frombytes("I;16", (len(values), 1), np.array(values, "<u2").tobytes())


def palette_mask():
    image = Image.frombytes("P", (3, 1), bytes([0, 1, 2]))
    image.putpalette([127, 127, 127, 128, 128, 128, 255, 255, 255])
    return image


MASKS = [
    (Image.fromarray(np.array([[0, 127, 128, 255]], np.uint8)), [0, 0, 1, 1]),
    (grey16([0, 32767, 32768, 65535]), [0, 0, 1, 1]),
    (Image.fromarray(np.array([[[127] * 3, [128] * 3, [255, 0, 0], [0, 255, 0]]], np.uint8)), [0, 1, 0, 1]),
    (Image.fromarray(np.array([[False, True]])), [0, 1]),
    (palette_mask(), [0, 1, 1]),
    (Image.fromarray(np.array([[[255, 0], [255, 255], [0, 255]]], np.uint8)), [0, 1, 0]),
    (Image.fromarray(np.array([[[255, 9], [0, 9]]], np.uint8)), [1, 0]),
]


@pytest.mark.parametrize(("image", "expected"), MASKS)
def test_mask_cut(tmp_path, image, expected):
    image.save(tmp_path / "mask.png")
    expected = np.array([expected], bool)
    for invert in (False, True):
        for hole in (read_mask(tmp_path / "mask.png", invert), binary_mask(Picture.from_pil(image), invert)):
            assert hole.dtype == bool and (hole == (expected != invert)).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_mask_orientation(tmp_path, orientation):
    image = image_of("L")
    image.save(tmp_path / "mask.png", exif=exif_bytes(orientation))
    with Image.open(tmp_path / "mask.png") as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened)) > 127
    assert (read_mask(tmp_path / "mask.png") == expected).all()


def test_masks_of_zero_and_one(tmp_path):
    """Segmentation programs write 1 for 255; a grey of 2 is dark, not white."""
    hole = np.zeros((6, 8), np.uint8)
    hole[1:3, 2:5] = 1
    for level, expected in ((1, hole > 0), (2, hole > 1), (255, hole > 0)):
        Image.fromarray(hole * level).save(tmp_path / "mask.png")
        assert (read_mask(tmp_path / "mask.png") == expected).all()
    Image.fromarray(hole).save(tmp_path / "mask.png")
    assert (read_mask(tmp_path / "mask.png", invert=True) == (hole == 0)).all()
