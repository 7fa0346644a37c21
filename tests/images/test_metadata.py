"""What a file says beside its pixels: kept where the format can, and in the right form."""

import pytest
from image_samples import HOLE, ICC, exif_bytes, fill_of, image_of
from PIL import Image

from latentinpaint.images import metadata
from latentinpaint.images.image_files import (
    read_picture,
    write_picture,
)
from latentinpaint.images.picture_filling import fill_picture


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
def test_profile_resolution_and_exif_are_kept(tmp_path, suffix):
    source, result = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    options = {"icc_profile": ICC, "exif": exif_bytes()} | ({} if suffix == ".webp" else {"dpi": (300, 150)})
    image_of("RGB").save(source, **options)
    notes = write_picture(fill_picture(read_picture(source), fill_of(), HOLE), result)
    assert [note for note in notes if "lossy" not in note] == []
    with Image.open(result) as image:
        assert image.info["icc_profile"] == ICC
        if suffix != ".webp":
            assert tuple(map(round, image.info["dpi"])) == (300, 150)
        assert image.getexif()[0x010F] == "a maker"
        assert image.getexif().get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"


def test_comments_are_utf8_or_latin1():
    assert metadata.comment_text("höhe 日".encode()) == "höhe 日"
    assert metadata.comment_text("höhe".encode("latin-1") + b"\0") == "höhe"
