"""What is kept of a picture: its size, what it looks like, and a checksum of its colours."""

import numpy as np
import pytest
from PIL import Image

from latentinpaint.doctor.findings import Finding
from latentinpaint.doctor.picture_stats import MAX_GREY_CHROMA, read_stats


@pytest.fixture
def stats(tmp_path):
    def write_and_read(pixels, name="a.png"):
        Image.fromarray(pixels).save(tmp_path / name)
        return read_stats(tmp_path / name)

    return write_and_read


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_size_and_path(stats, tmp_path):
    found = stats(noise(12, 20, 3))
    assert (found.path, found.size, found.shorter_side) == (tmp_path / "a.png", "20x12", 12)
    (tmp_path / "b.png").write_text("no picture")
    assert isinstance(read_stats(tmp_path / "b.png"), Finding)


def test_equal_colours_have_equal_checksums(stats):
    pixels = noise(12, 20, 3)
    once = stats(pixels).checksum
    assert stats(pixels, "again.bmp").checksum == once
    assert stats(np.dstack([pixels, noise(12, 20)]), "alpha.png").checksum == once
    assert stats(pixels.reshape(20, 12, 3)).checksum != once
    pixels[3, 3, 0] ^= 1
    assert stats(pixels).checksum != once


def test_grey_is_a_matter_of_single_pixels(stats):
    grey = np.repeat(noise(100, 100, 1) // 2, 3, axis=2)
    assert stats(grey).is_grey and stats(grey[..., 0]).is_grey
    grey[..., 0] += MAX_GREY_CHROMA  # what JPEG may leave of it
    assert stats(grey).is_grey
    grey[0, :, 0] += 1  # one pixel in a hundred
    assert not stats(grey).is_grey


def test_flat_and_transparent(stats):
    flat = np.full((20, 20, 4), 99, np.uint8)
    flat[..., 3] = 255
    found = stats(flat)
    assert found.is_flat and found.is_grey and not found.has_alpha
    flat[0, 0] = (0, 0, 0, 254)
    found = stats(flat)
    assert not found.is_flat and found.has_alpha
