"""Uploaded files within the page's limits; messages name no path of this machine."""

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from latentinpaint.app import uploads
from latentinpaint.errors import InputError

LIMITS = uploads.Limits(upload=1, megapixels=0.5)


@pytest.mark.parametrize(
    "name, suffix",
    [
        *(("a.png", ".png"), ("a.jpg", ".png"), ("a.tiff", ".tif"), ("a.webp", ".webp"), ("a.bmp", ".bmp")),
        *(("a.gif", ".gif"), ("a.b.jpeg", ".png")),
    ],
)
def test_a_result_has_a_format_that_keeps_the_photo(tmp_path, helpers, name, suffix):
    Image.fromarray(helpers.smooth(20, 30)).save(tmp_path / name)
    photo = uploads.read_photo(tmp_path / name, LIMITS)
    assert (photo.stem, photo.suffix, photo.size) == (name.rsplit(".", 1)[0], suffix, (20, 30))


def test_the_format_is_the_files_not_its_names(tmp_path, helpers):
    Image.fromarray(helpers.smooth(20, 30)).save(tmp_path / "a.tif", format="JPEG")
    assert uploads.read_photo(tmp_path / "a.tif", LIMITS).suffix == ".png"


def test_a_vast_picture_is_refused_before_it_is_decoded(tmp_path):
    """Its header promises 100 megapixels, its data are not even there: only the header was looked at."""
    head = struct.pack(">IIBBBBB", 10_000, 10_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(head)) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    (tmp_path / "vast.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT")
    with pytest.raises(InputError, match=r"^vast.png has 10000×10000 pixels, more than 0.5 .*\(megapixels\)$"):
        uploads.read_photo(tmp_path / "vast.png", LIMITS)


def test_files_that_cannot_be_used(tmp_path, helpers):
    limits = replace(LIMITS, names=uploads.PageNames(upload="--max-upload"))
    (tmp_path / "text.png").write_text("this is no picture")
    (tmp_path / "large.png").write_bytes(b"x" * (2**20 + 1))
    Image.fromarray(helpers.smooth(40, 40)).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:-200])
    wanted = {
        "text.png": "is not a picture",
        "large.png": r"larger than 1 MB.*\(--max-upload\)$",
        "cut.png": "damaged",
        "no.png": "again",
    }
    for name, words in wanted.items():
        with pytest.raises(InputError, match=words) as caught:
            uploads.read_photo(tmp_path / name, limits)
        assert name in str(caught.value) and str(tmp_path) not in str(caught.value)


def test_a_mask_has_the_photos_size(tmp_path, helpers, hole_of):
    Image.fromarray(helpers.smooth(20, 30)).save(tmp_path / "a.png")
    photo, hole = uploads.read_photo(tmp_path / "a.png", LIMITS), hole_of(20, 30)
    assert np.array_equal(uploads.read_hole(helpers.write_hole(tmp_path / "m.png", hole), photo, LIMITS), hole)
    assert np.array_equal(uploads.read_hole(tmp_path / "m.png", photo, LIMITS, invert=True), ~hole)
    helpers.write_hole(tmp_path / "other.png", hole[:-1])
    with pytest.raises(InputError, match="other.png is 30x19 pixels, the photo 30x20: they have to be equal"):
        uploads.read_hole(tmp_path / "other.png", photo, LIMITS)


def test_limits_are_above_zero():
    for name, value in (("upload", 0), ("megapixels", -1), ("upload", float("nan"))):
        with pytest.raises(InputError, match=f"^{name} is a number above 0, not {value}$"):
            uploads.Limits(**{name: value})
        with pytest.raises(InputError, match=f"^--max-{name} is a number above 0"):
            uploads.Limits(**{name: value}, names=uploads.PageNames(**{name: f"--max-{name}"}))
