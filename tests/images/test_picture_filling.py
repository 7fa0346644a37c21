"""Pictures that are filled or given room: what stays, what is new, and what the file says of its size."""

import numpy as np
import pytest
from image_samples import HEIGHT as SAMPLE_HEIGHT
from image_samples import HOLE, fill_of, image_of, palette_image
from image_samples import WIDTH as SAMPLE_WIDTH
from PIL import Image

from latentinpaint.errors import InputError
from latentinpaint.images.image_files import read_picture, write_picture
from latentinpaint.images.picture import Picture
from latentinpaint.images.picture_filling import fill_picture


@pytest.mark.parametrize(("mode", "key"), [("RGB", (10, 20, 30)), ("L", 77), ("I;16", 7777)])
def test_the_transparent_colour_is_kept_and_no_fill_turns_transparent(tmp_path, mode, key):
    pixels = np.array(image_of(mode))
    pixels[0, :5] = key
    Image.frombytes(mode, (SAMPLE_WIDTH, SAMPLE_HEIGHT), pixels.tobytes()).save(tmp_path / "in.png", transparency=key)
    picture = read_picture(tmp_path / "in.png")
    assert (picture.alpha()[0, :5] == 0).all()
    full = 65535 if mode == "I;16" else 255
    fill = np.broadcast_to(np.array(key) / full, (SAMPLE_HEIGHT, SAMPLE_WIDTH, 3)).astype(float)
    assert write_picture(fill_picture(picture, fill, HOLE), tmp_path / "out.png") == []
    with Image.open(tmp_path / "out.png") as after:
        assert after.info["transparency"] == key
        found = np.asarray(after)
    assert (found[~HOLE] == pixels[~HOLE]).all()
    distance = np.abs(found[HOLE].reshape(HOLE.sum(), -1).astype(int) - key)
    assert (distance.sum(axis=1) == 1).all()


def test_rounding_not_truncation():
    levels = np.arange(255)
    below, above = (levels + 0.49) / 255, (levels + 0.51) / 255
    fill = np.stack([below, above, above], axis=-1)[None]
    blank = Picture.from_pil(Image.new("RGB", (255, 1)))
    samples = fill_picture(blank, fill, np.ones((1, 255), bool)).samples[0]
    assert (samples == np.stack([levels, levels + 1, levels + 1], axis=-1)).all()
    extreme = np.full((1, 255, 3), [-0.5, 1.5, 1.0])
    assert (fill_picture(blank, extreme, np.ones((1, 255), bool)).samples == [0, 255, 255]).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B", "F"])
def test_filling_with_its_own_colours_changes_nothing(mode):
    image = palette_image(200) if mode == "P" else image_of(mode)
    picture = Picture.from_pil(image)
    again = fill_picture(picture, picture.rgb(), np.ones((SAMPLE_HEIGHT, SAMPLE_WIDTH), bool), picture.alpha())
    if mode == "F":
        np.testing.assert_allclose(again.samples, picture.samples, rtol=1e-6)
    else:
        assert (again.rgb() == picture.rgb()).all()
        assert mode == "P" or (again.samples == picture.samples).all()


def test_fill_checks():
    picture = Picture.from_pil(image_of("RGB"), "cat.png")
    fill = fill_of()
    for bad_fill, bad_hole in [(fill[:-1], HOLE), (fill, HOLE[:, :-1]), (fill, HOLE.astype(np.uint8))]:
        with pytest.raises(InputError, match=r"cat\.png"):
            fill_picture(picture, bad_fill, bad_hole)
    fill[~HOLE] = np.nan  # outside the hole nothing is looked at
    assert (fill_picture(picture, fill, HOLE).samples[~HOLE] == picture.samples[~HOLE]).all()
    fill[HOLE] = np.nan
    with pytest.raises(InputError, match="finite"):
        fill_picture(picture, fill, HOLE)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_an_empty_hole_gives_the_picture_back(mode):
    picture = Picture.from_pil(Image.new("RGB", (5, 4), "teal").convert(mode))
    filled = fill_picture(picture, np.zeros((4, 5, 3), np.float32), np.zeros((4, 5), bool))
    assert np.array_equal(filled.samples, picture.samples)
