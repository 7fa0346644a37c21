"""Suffixes of files, and the formats that they name."""

import pytest
from image_samples import image_of

from latentinpaint.errors import InputError
from latentinpaint.images.image_files import Picture, write_picture
from latentinpaint.images.image_format import JPEG, PNG, TIFF, format_of

SUFFIXES = {"a.png": PNG, "a.b.JPG": JPEG, "x/a.jfif": JPEG, "a.TIFF": TIFF}


@pytest.mark.parametrize("name", SUFFIXES)
def test_suffixes(name):
    assert format_of(name) is SUFFIXES[name]


@pytest.mark.parametrize("name", ["out.xyz", "out", "out.psd"])
def test_unknown_suffix(tmp_path, name):
    with pytest.raises(InputError, match=r"\.png") as caught:
        write_picture(Picture.from_pil(image_of("RGB")), tmp_path / name)
    assert name in str(caught.value) and list(tmp_path.iterdir()) == []
