"""A picture cut short anywhere is not complete; one with all its bytes is."""

import numpy as np
import pytest
from PIL import Image, ImageFile

from latentinpaint.images.completeness import is_complete, picture_size
from latentinpaint.images.image_files import read_picture

SUFFIXES = (".png", ".jpg", ".webp", ".bmp", ".gif", ".tif")


@pytest.fixture
def write(tmp_path):
    def write_file(suffix, **options):
        pixels = np.random.default_rng(0).integers(0, 255, (40, 30, 3), np.uint8)
        path = tmp_path / f"a{suffix}"
        Image.fromarray(pixels).save(path, **options)
        return path

    return write_file


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_cut_short(suffix, write):
    path = write(suffix)
    content = path.read_bytes()
    assert is_complete(path, (40, 30)) and not is_complete(path, (30, 40))
    for length in (0, 1, len(content) // 8, len(content) // 2, len(content) - 100):
        path.write_bytes(content[:length])
        assert not is_complete(path, (40, 30)), length
    path.write_bytes(content[: len(content) // 2] + bytes(len(content) - len(content) // 2))  # after a power cut
    if suffix not in (".bmp", ".webp", ".tif"):  # whose zeros are pixels, or the length is in the header
        assert not is_complete(path, (40, 30))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_follows_a_picture_does_no_harm(suffix, write):
    path = write(suffix)
    path.write_bytes(path.read_bytes() + b"something else")
    assert is_complete(path, (40, 30))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_sizes_are_upright(suffix, orientation, write):
    exif = Image.Exif()
    exif[274] = orientation
    path = write(suffix, exif=exif)
    picture = read_picture(path)
    assert picture_size(path) == (picture.height, picture.width)


def test_no_picture(tmp_path):
    (tmp_path / "a.png").write_text("text")
    assert picture_size(tmp_path / "a.png") is None and picture_size(tmp_path / "absent.png") is None
    assert not is_complete(tmp_path / "absent.png", (1, 1))


@pytest.mark.parametrize("suffix", [suffix for suffix in SUFFIXES if suffix != ".tif"])
@pytest.mark.parametrize(
    "options", [{}, {"exif": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"}]
)
def test_a_whole_file_is_not_decoded(suffix, options, write, monkeypatch):
    path = write(suffix, **options)
    turned = bool(options) and suffix in (".png", ".jpg", ".webp")
    size = (30, 40) if turned else (40, 30)

    def refuse(image):
        raise AssertionError("it was decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", refuse)
    assert picture_size(path) == size and is_complete(path, size)
