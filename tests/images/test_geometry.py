"""Pictures with margins: their samples and their EXIF."""

from dataclasses import astuple

import numpy as np
import pytest
from PIL import ExifTags, Image

from latentinpaint.images.geometry import with_margins
from latentinpaint.images.image_files import read_picture, write_picture
from latentinpaint.images.picture_filling import fill_picture
from latentinpaint.inference.outpainting import Padding

PADDING = Padding(3, 5, 0, 7)
HEIGHT, WIDTH = 12, 17


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype)


def filled(picture):
    """The expanded picture with one colour in its new room, as the command line fills it."""
    grown = with_margins(picture, *astuple(PADDING))
    hole = PADDING.pad_mask(np.zeros((HEIGHT, WIDTH), bool))
    return fill_picture(grown, np.full((*hole.shape, 3), 0.4), hole)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_samples(mode, tmp_path):
    suffix = ".tif" if mode == "CMYK" else ".png"
    bands = len(Image.new(mode, (1, 1)).getbands())
    if mode == "P":
        image = Image.fromarray(noise(HEIGHT, WIDTH, 3)).quantize(40)
        image.info["transparency"] = 0  # where every new sample would be the transparent one
    elif mode in ("1", "I;16"):
        image = Image.fromarray(noise(HEIGHT, WIDTH) > 127 if mode == "1" else noise(HEIGHT, WIDTH, dtype=np.uint16))
    else:
        image = Image.frombytes(mode, (WIDTH, HEIGHT), noise(HEIGHT, WIDTH, bands).tobytes())
    image.save(tmp_path / f"in{suffix}", dpi=(200, 200))
    write_picture(filled(read_picture(tmp_path / f"in{suffix}")), tmp_path / f"out{suffix}")
    with Image.open(tmp_path / f"in{suffix}") as before, Image.open(tmp_path / f"out{suffix}") as after:
        assert after.mode == before.mode and after.size == (WIDTH + 3, HEIGHT + 12)
        assert after.info["dpi"][0] == pytest.approx(200, abs=0.1)
        old, new = np.asarray(before), np.asarray(after)
        np.testing.assert_array_equal(new[5:-7, 3:], old)
        margin = PADDING.pad_mask(np.zeros((HEIGHT, WIDTH), bool))
        colours = np.asarray(after.convert("RGBA"))
        assert (colours[margin][:, 3] == 255).all()
        if mode not in ("1", "I;16", "CMYK"):
            assert np.abs(colours[margin][:, :3].astype(int) - 102).max() <= (30 if mode == "P" else 0)


def test_the_exif_states_the_new_size(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "a maker"
    exif[ExifTags.Base.Orientation] = 6  # stored lying on its side
    exif[ExifTags.Base.ImageWidth] = HEIGHT
    folder = exif.get_ifd(ExifTags.IFD.Exif)
    folder[ExifTags.Base.ExifImageWidth], folder[ExifTags.Base.ExifImageHeight] = HEIGHT, WIDTH
    folder[ExifTags.Base.ISOSpeedRatings] = 400
    stored = np.rot90(noise(HEIGHT, WIDTH, 3))
    Image.fromarray(stored).save(tmp_path / "in.jpg", exif=exif)
    write_picture(filled(read_picture(tmp_path / "in.jpg")), tmp_path / "out.jpg")
    with Image.open(tmp_path / "out.jpg") as after:
        assert after.size == (WIDTH + 3, HEIGHT + 12)
        found = after.getexif()
        folder = found.get_ifd(ExifTags.IFD.Exif)
        assert found[ExifTags.Base.Make] == "a maker" and found[ExifTags.Base.Orientation] == 1
        assert found[ExifTags.Base.ImageWidth] == WIDTH + 3
        assert ExifTags.Base.ImageLength not in found
        assert folder[ExifTags.Base.ExifImageWidth] == WIDTH + 3
        assert folder[ExifTags.Base.ExifImageHeight] == HEIGHT + 12
        assert folder[ExifTags.Base.ISOSpeedRatings] == 400


def test_no_exif_stays_none(tmp_path):
    Image.fromarray(noise(HEIGHT, WIDTH, 3)).save(tmp_path / "in.png")
    assert with_margins(read_picture(tmp_path / "in.png"), *astuple(PADDING)).exif is None
