"""Where a mask's greys come from, by pictures that were made that way."""

import io
import zipfile

import numpy as np
import pytest
from mask_pictures import SIDE, as_jpeg, codes, disc, picture_of, white
from PIL import Image, ImageFilter

from latentinpaint.doctor import examine


@pytest.mark.parametrize("quality", [10, 50, 75, 95])
def test_jpeg_masks(quality):
    mask = as_jpeg(white(disc()), quality)
    levels = np.asarray(mask)
    grey = 100 * ((levels > 0) & (levels < 255)).mean()
    (found,) = [f for f in examine(None, picture_of(mask, "m")) if f.code.value == "grey edges"]
    assert "JPEG" in found.seen and f"{grey:.1f} %" in found.seen and "PNG" in found.advice
    assert found.severity.value == ("warning" if quality == 10 else "note")
    assert "grey edges" not in codes(disc())


def test_a_jpeg_that_was_saved_as_png_since():
    mask = Image.fromarray(np.asarray(as_jpeg(white(disc()), 30)))
    assert "grey edges" in codes(mask) and "grey edges" not in codes(white(disc()))


def test_soft_edges_and_scaled_masks():
    for side, resampling in ((60, Image.Resampling.BOX), (180, Image.Resampling.BICUBIC)):
        once = white(disc()).resize((side, side), resampling)
        assert "soft edges" in codes(once, severity="note") and not codes(once, severity="warning")
    wide = white(disc()).resize((15, 15)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    assert "grey edges" in codes(wide, severity="warning") and "soft edges" not in codes(wide)


def test_fading_masks():
    fading = white(disc()).filter(ImageFilter.GaussianBlur(15))
    assert "fading mask" in codes(fading, severity="warning")
    assert "fading mask" not in codes(white(disc()).filter(ImageFilter.GaussianBlur(2)))


def test_two_greys_and_labels():
    two = Image.fromarray(np.where(disc(), 200, 20).astype(np.uint8))
    assert "greys instead of black and white" in codes(two, severity="note")
    labels = np.zeros((SIDE, SIDE), np.uint8)
    labels[:40], labels[40:80] = 3, 2
    assert {"label map", "no hole"} <= codes(Image.fromarray(labels))
    assert not {"label map", "greys instead of black and white"} & codes(disc())


def test_real_photographs_are_seen_as_such(shared_data):
    archive = shared_data / "photos256" / "val.zip"
    if not archive.is_file():
        pytest.skip("no photographs")
    seen = []
    with zipfile.ZipFile(archive) as files:
        for name in [name for name in files.namelist() if name.endswith(".jpg")][:80]:
            with Image.open(io.BytesIO(files.read(name))) as image:
                seen.append("a photograph as mask" in codes(image))
    assert len(seen) > 50 and np.mean(seen) > 0.95
