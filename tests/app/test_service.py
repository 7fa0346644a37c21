"""What the page does, without a page: files in, exact files out."""

import numpy as np
import pytest
from PIL import Image

from latentinpaint.app import service, uploads
from latentinpaint.errors import InputError
from latentinpaint.images.image_files import read_picture
from latentinpaint.inference.options import FillOptions
from latentinpaint.inpainter import Inpainter

LIMITS = uploads.Limits(upload=1, megapixels=0.5)


@pytest.fixture(scope="module")
def models(model_files):
    return {name: Inpainter.from_pretrained(model_files[name], "cpu") for name in ("ffc", "flow")}


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "deep.png", "grey.tif"])
def test_known_pixels_are_exact_in_the_files(tmp_path, helpers, models, hole_of, name):
    """At the file's own depth; 16-bit PNG is read by the package's own reader, as Pillow would cut it."""
    smooth = helpers.smooth(40, 48)
    if name == "grey.tif":
        Image.fromarray(smooth[..., 0].astype(np.uint16) * 257 + 3).save(tmp_path / name)
    elif name == "deep.png":
        import cv2

        cv2.imwrite(str(tmp_path / name), smooth.astype(np.uint16) * 257 + 3)
    else:
        Image.fromarray(smooth).save(tmp_path / name)
    photo, hole = uploads.read_photo(tmp_path / name, LIMITS), hole_of(40, 48)
    (tmp_path / "out").mkdir()
    filled = service.fill(models["ffc"], photo, hole, FillOptions(), tmp_path / "out")
    before, after = read_picture(tmp_path / name).samples, read_picture(filled.results[0]).samples
    assert after.dtype == before.dtype and np.array_equal(after[~hole], before[~hole])
    assert not np.array_equal(after[hole], before[hole])
    assert np.array_equal(np.asarray(Image.open(filled.mask)) > 0, hole)
    assert filled.summary.startswith(f"Filled {100 * hole.mean():.3g} % of 48×40 pixels in")
    assert filled.uncertainty is None and len(filled.results) == 1


def test_samples_settings_and_files_of_a_flow(tmp_path, helpers, models, hole_of):
    """The samples are `Inpainter.fill`'s for the same seed and steps."""
    Image.fromarray(helpers.smooth(40, 48)).save(tmp_path / "a.png")
    photo, hole = uploads.read_photo(tmp_path / "a.png", LIMITS), hole_of(40, 48)
    (tmp_path / "out").mkdir()
    filled = service.fill(models["flow"], photo, hole, FillOptions(num_samples=3, steps=2, seed=5), tmp_path / "out")
    wanted = models["flow"].fill(photo.picture, hole, FillOptions(3, 5, steps=2))
    assert [path.rsplit("/", 1)[1] for path in filled.results] == [f"a_filled_{n}.png" for n in (1, 2, 3)]
    for path, picture, shown in zip(filled.results, wanted, filled.after, strict=True):
        assert np.array_equal(np.asarray(Image.open(path)), picture.samples)
        assert np.array_equal(np.asarray(Image.open(shown)), picture.samples)
    assert np.array_equal(np.asarray(Image.open(filled.before)), photo.picture.samples)
    with Image.open(filled.uncertainty) as drawing:
        assert drawing.width > 48 and drawing.height >= 40


def test_without_a_hole_there_is_a_sentence(tmp_path, models, photo_of):
    with pytest.raises(InputError, match="nothing is painted yet"):
        service.fill(models["ffc"], photo_of(40, 48), np.zeros((40, 48), bool), FillOptions(), tmp_path)


def test_the_latent_difference_is_of_this_photo(tmp_path, helpers, models, picture_of, hole_of):
    picture = picture_of(helpers.smooth(90, 70))
    hole = hole_of(90, 70)
    path = service.draw_difference(models["ffc"], uploads.Photo(picture, "a", ".png"), hole, tmp_path, longest=64)
    first = np.asarray(Image.open(path))
    dull = uploads.Photo(picture_of(np.full((90, 70, 3), 90, np.uint8)), "a", ".png")
    second = np.asarray(Image.open(service.draw_difference(models["ffc"], dull, hole, tmp_path, longest=64)))
    assert first.shape == second.shape and not np.array_equal(first, second)


def test_the_uncertainty_is_that_of_the_samples(tmp_path, helpers, models, hole_of, monkeypatch):
    """What is drawn is numpy's standard deviation of the filled pictures."""
    from latentinpaint import visualization

    drawn = []
    monkeypatch.setattr(
        visualization, "draw_uncertainty", lambda *parts: drawn.append(parts) or Image.new("RGB", (2, 2))
    )
    Image.fromarray(helpers.smooth(40, 48)).save(tmp_path / "a.png")
    photo, hole = uploads.read_photo(tmp_path / "a.png", LIMITS), hole_of(40, 48)
    filled = service.fill(models["flow"], photo, hole, FillOptions(num_samples=3), tmp_path)
    samples = np.stack([np.asarray(Image.open(path)) / 255 for path in filled.results])
    ((spread, drawn_hole, shown),) = drawn
    np.testing.assert_allclose(spread, samples.std(axis=0, ddof=1).mean(axis=-1), atol=1e-6)
    assert np.array_equal(drawn_hole, hole) and spread[hole].max() > 0
    assert shown.size == (48, 40)
