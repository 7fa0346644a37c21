"""EXIF orientations against Pillow's own turning, and what states none."""

import numpy as np
import pytest
from PIL import Image, ImageOps, TiffImagePlugin

from latentinpaint.images.orientation import (
    known_orientation,
    orientation_of,
    read_exif,
    turn_as_stored,
    turn_upright,
)


def image_with(orientation, height=4, width=6):
    pixels = np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)
    image = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.info["exif"] = exif.tobytes()
    return image


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning(orientation):
    image = image_with(orientation)
    stored = np.asarray(image)
    upright = np.asarray(ImageOps.exif_transpose(image))
    assert orientation_of(image) == orientation
    np.testing.assert_array_equal(turn_upright(stored, orientation), upright)
    np.testing.assert_array_equal(turn_as_stored(upright, orientation), stored)
    np.testing.assert_array_equal(turn_as_stored(upright[..., 0], orientation), stored[..., 0])


UNKNOWN = {
    "zero": 0,
    "nine": 9,
    "a text": "6",
    "two numbers": (6, 6),
    "a fraction": TiffImagePlugin.IFDRational(13, 2),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_no_orientation_counts_as_upright(name):
    exif = Image.Exif()
    exif[0x0112] = UNKNOWN[name]
    assert known_orientation(exif) == 1
    assert known_orientation(Image.Exif()) == 1


DAMAGED = {"zeros": bytes(64), "no end": b"Exif\0\0MM\0*", "text": b"Exif\0\0 no EXIF at all", "one byte": b"M"}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_exif_says_nothing(name):
    image = Image.new("RGB", (4, 4))
    image.info["exif"] = DAMAGED[name]
    exif, is_sound = read_exif(image)
    assert len(exif) == 0 and not is_sound
    assert orientation_of(image) == 1


def test_a_damaged_exif_of_a_jpeg(tmp_path):
    """Pillow has tried to read it before, and remembers an empty one."""
    Image.new("RGB", (4, 4)).save(tmp_path / "in.jpg", exif=b"Exif\0\0" + bytes(64))
    with Image.open(tmp_path / "in.jpg") as image:
        exif, is_sound = read_exif(image)
    assert len(exif) == 0 and not is_sound
