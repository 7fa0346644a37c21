"""What a format cannot hold: the next best, and a sentence."""

import numpy as np
import pytest
from image_samples import HEIGHT, WIDTH, image_of, noise, pillow_pixels
from PIL import Image

from latentinpaint.images.image_files import Picture, write_picture
from latentinpaint.images.image_format import FORMATS_BY_SUFFIX


@pytest.mark.parametrize(
    ("mode", "suffix", "word"),
    [
        ("CMYK", ".png", "CMYK"),
        ("I;16", ".jpg", "8-bit"),
        ("RGBA", ".jpg", "transparency"),
        ("L", ".webp", "RGB"),
        ("I", ".png", "16-bit"),
        ("F", ".png", "16-bit"),
        ("RGB", ".gif", "palette"),
        ("PA", ".png", "RGBA"),
        ("YCbCr", ".tif", "RGB"),
    ],
)
def test_what_cannot_be_kept_is_said(tmp_path, mode, suffix, word):
    image = image_of(mode)
    if mode == "PA":
        image.putpalette(noise(256, 3).tobytes())
    notes = write_picture(Picture.from_pil(image), tmp_path / f"out{suffix}")
    assert any(word in note for note in notes)
    if suffix == ".png" and mode in ("CMYK", "PA"):
        target = "RGBA" if mode == "PA" else "RGB"
        assert (pillow_pixels(tmp_path / "out.png")[1] == np.asarray(image.convert(target))).all()


def test_every_mode_can_be_written_in_every_format(tmp_path):
    for suffix in FORMATS_BY_SUFFIX:
        for mode in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I;16B", "I", "F"):
            image = image_of(mode)
            if mode in ("P", "PA"):
                image.putpalette(noise(256, 3).tobytes())
            picture = Picture.from_pil(image)
            assert np.asarray(picture.to_pil()).tobytes() == np.asarray(image).tobytes()
            write_picture(picture, tmp_path / f"out{suffix}")
            with Image.open(tmp_path / f"out{suffix}") as after:
                after.load()
                assert after.size == image.size
            assert picture.rgb().shape == (HEIGHT, WIDTH, 3) and picture.rgb().dtype == np.float32
            assert picture.rgb().min() >= 0 and picture.rgb().max() <= 1
