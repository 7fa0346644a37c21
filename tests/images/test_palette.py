"""Palettes: their indices, their colours, and room for those of a fill.

Every check reopens the file with plain Pillow, OpenCV or tifffile, not with the package.
"""

import numpy as np
import pytest
from image_samples import HEIGHT, HOLE, WIDTH, fill_of, palette_image, pillow_pixels
from PIL import Image

from latentinpaint.errors import InputError
from latentinpaint.images import palette
from latentinpaint.images.image_files import (
    read_picture,
    write_picture,
)
from latentinpaint.images.picture_filling import fill_picture


@pytest.mark.parametrize("suffix", [".png", ".gif", ".bmp", ".tif"])
@pytest.mark.parametrize("colours", [40, 256])
@pytest.mark.parametrize("transparent", [None, 3, bytes([0, 128, 255, 7])])
def test_palette(tmp_path, suffix, colours, transparent):
    if transparent is not None and not (suffix == ".png" or suffix == ".gif" and transparent == 3):
        pytest.skip("the format has no such transparency")
    source, result = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    options = {"optimize": False} if suffix == ".gif" else {}
    palette_image(colours, transparent).save(source, **options)
    fill = np.rint(fill_of() * 3) / 3  # few colours: with room in the palette they are all exact
    assert write_picture(fill_picture(read_picture(source), fill, HOLE), result) == []
    with Image.open(source) as before, Image.open(result) as after:
        assert after.mode == before.mode == "P"
        old, new = np.asarray(before), np.asarray(after)
        assert (old[~HOLE] == new[~HOLE]).all()
        old_rgba, new_rgba = np.asarray(before.convert("RGBA")), np.asarray(after.convert("RGBA"))
    assert (old_rgba[~HOLE] == new_rgba[~HOLE]).all()
    assert (new_rgba[HOLE][:, 3] == 255).all()
    if colours == 40:
        assert (new_rgba[HOLE][:, :3] == np.rint(fill[HOLE] * 255)).all()
    else:
        assert np.abs(new_rgba[HOLE][:, :3] - fill[HOLE] * 255).mean() < 40


def test_palette_with_more_fill_colours_than_slots(tmp_path):
    palette_image(250).save(tmp_path / "in.png")
    fill = np.repeat(np.linspace(0, 1, WIDTH)[None, :, None], HEIGHT, 0).repeat(3, 2)
    write_picture(fill_picture(read_picture(tmp_path / "in.png"), fill, HOLE), tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as image:
        after = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(after[HOLE] - fill[HOLE] * 255).max() < 40


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palette_png_keeps_its_depth(tmp_path, bits):
    image = palette_image(2**bits)
    image.save(tmp_path / "in.png", bits=bits)
    write_picture(fill_picture(read_picture(tmp_path / "in.png"), fill_of(), HOLE), tmp_path / "out.png")
    assert (tmp_path / "out.png").read_bytes()[24] == (tmp_path / "in.png").read_bytes()[24] == bits
    assert (pillow_pixels(tmp_path / "out.png")[1][~HOLE] == np.asarray(image)[~HOLE]).all()


def test_a_palette_without_opaque_colours_is_refused(tmp_path):
    palette_image(256, bytes(256)).save(tmp_path / "in.png")
    with pytest.raises(InputError, match=r"in\.png"):
        fill_picture(read_picture(tmp_path / "in.png"), fill_of(), HOLE)


def test_used_and_transparent_entries_are_never_given_away():
    colours = np.array([[1, 1, 1], [2, 2, 2]], np.uint8)
    base = np.array([[9, 9, 9], [8, 8, 8], [7, 7, 7]], np.uint8)
    used = np.arange(256) == 0
    alpha = palette.entry_alpha(np.array([255, 0, 255], np.uint8))
    opaque = np.full(2, 255, np.uint8)
    grown = palette.add_colours(base, colours, used, alpha == 255, capacity=4)
    assert grown.tolist() == [[9, 9, 9], [8, 8, 8], [2, 2, 2], [1, 1, 1]]
    assert palette.nearest_entries(colours, opaque, grown, alpha).tolist() == [3, 2]
    # One entry for two colours: their median cut, and each gets the nearest there is.
    full = palette.add_colours(base, colours, used, alpha == 255, capacity=3)
    assert full[:2].tolist() == base[:2].tolist() and len(full) == 3
    assert palette.nearest_entries(colours, opaque, full, alpha).tolist() == [2, 2]
    assert palette.nearest_entries(colours, np.array([0, 255], np.uint8), full, alpha).tolist() == [1, 2]


def test_an_alpha_becomes_the_nearest_that_the_palette_has():
    wanted = np.array([0, 3, 60, 70, 190, 200, 255])
    assert palette.nearest_alpha(wanted, np.array([0, 128], np.uint8)).tolist() == [0, 0, 0, 128, 128, 255, 255]
    assert palette.nearest_alpha(wanted, np.empty(0, np.uint8)).tolist() == [255] * 7
