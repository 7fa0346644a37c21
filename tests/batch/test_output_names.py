"""What outputs are called: by format, and by sample."""

import pytest

from latentinpaint.batch.output_names import FORMATS, numbered_paths


@pytest.mark.parametrize(
    ("key", "suffixes"),
    [
        ("keep", (".jpg", ".TIFF", ".PNG")),
        ("exact", (".png", ".TIFF", ".PNG")),
        ("png", (".png", ".png", ".PNG")),
        ("webp", (".webp", ".webp", ".webp")),
        ("tiff", (".tif", ".TIFF", ".tif")),
    ],
)
def test_formats(key, suffixes):
    assert tuple(map(FORMATS[key], (".jpg", ".TIFF", ".PNG"))) == suffixes


def test_numbered_paths(tmp_path):
    assert numbered_paths(tmp_path / "a.png", 1) == (tmp_path / "a.png",)
    assert numbered_paths(tmp_path / "a.png", 2) == (tmp_path / "a_1.png", tmp_path / "a_2.png")
