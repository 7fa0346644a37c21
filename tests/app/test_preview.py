"""Previews, and the holes that are painted on them."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, ImageOps

from latentinpaint.app import preview, uploads
from latentinpaint.errors import InputError


def layer_of(hole, opacity=255):
    colours = np.zeros((*hole.shape, 4), np.uint8)
    colours[hole] = (230, 30, 60, opacity)
    return Image.fromarray(colours)


@pytest.mark.parametrize("opacity", [255, 166, 83])
def test_a_painted_hole_is_taken_as_it_is(opacity, photo_of):
    rng = np.random.default_rng(0)
    one, other = rng.random((2, 33, 47)) < 0.2
    painted = preview.painted_hole([layer_of(one, opacity), layer_of(other, opacity)], photo_of(33, 47))
    assert np.array_equal(painted, one | other)
    assert not preview.painted_hole([], photo_of(33, 47)).any()


@pytest.mark.parametrize("noise", [1, 2, 8])
@pytest.mark.parametrize("erased_to", [0, 20])
def test_noise_of_the_canvas_is_not_painted(noise, erased_to, photo_of):
    """Protection against fingerprinting changes every channel of every pixel a little, painted or not."""
    hole = np.zeros((33, 47), bool)
    hole[10:20, 12:30] = True
    erased = np.zeros_like(hole)
    erased[14:17, 15:20] = True
    layer = np.array(layer_of(hole, 166)).astype(int)
    layer[erased, 3] = erased_to
    layer += np.random.default_rng(0).integers(-noise, noise + 1, layer.shape)
    noisy = Image.fromarray(layer.clip(0, 255).astype(np.uint8))
    assert np.array_equal(preview.painted_hole([noisy], photo_of(33, 47)), hole & ~erased)
    other = photo_of(5, 6)  # noise alone is no mask of another photo
    clear = np.random.default_rng(1).integers(0, noise + 1, (33, 47, 4), np.uint8)
    assert not preview.painted_hole([Image.fromarray(clear)], other).any()


def test_the_soft_rim_of_a_stroke_ends_at_half_of_the_brush(photo_of):
    rim = np.broadcast_to(np.arange(0, 167), (5, 167))
    layer = np.zeros((5, 167, 4), np.uint8)
    layer[..., 3] = rim
    assert np.array_equal(preview.painted_hole([Image.fromarray(layer)], photo_of(5, 167)), rim >= 83)


def test_a_hole_painted_on_a_preview_comes_to_the_photos_size(monkeypatch, photo_of):
    """Each pixel of the photo takes the preview's pixel that its middle lies in, by exact fractions."""
    monkeypatch.setattr(preview.preview_size, "__defaults__", (40,))
    height, width = 97, 61
    assert preview.preview_size(height, width) == (40, 25)
    hole = np.random.default_rng(1).random((40, 25)) < 0.5
    found = preview.painted_hole([layer_of(hole)], photo_of(height, width))
    rows = [int((row + Fraction(1, 2)) * 40 / height) for row in range(height)]
    columns = [int((column + Fraction(1, 2)) * 25 / width) for column in range(width)]
    expected = np.array([[hole[row, column] for column in columns] for row in rows])
    assert np.array_equal(found, expected)


def test_a_hole_of_another_photo_is_refused(photo_of):
    with pytest.raises(InputError, match="another photo"):
        preview.painted_hole([layer_of(np.ones((5, 6), bool))], photo_of(6, 5))
    assert not preview.painted_hole([layer_of(np.zeros((5, 6), bool))], photo_of(6, 5)).any()


def test_previews_are_upright_small_and_over_white(tmp_path, helpers, picture_of, hole_of):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(helpers.smooth(20, 30)).save(tmp_path / "turned.png", exif=exif)
    photo = uploads.read_photo(tmp_path / "turned.png", uploads.Limits())
    upright = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "turned.png")))
    assert np.array_equal(np.asarray(preview.make_preview(photo.picture)), upright) and upright.shape == (30, 20, 3)
    assert preview.make_preview(photo.picture, longest=15).size == (10, 15)
    clear = np.dstack([helpers.smooth(8, 8), np.full((8, 8), 255, np.uint8)])
    clear[:4, :, 3] = 0
    seen = np.asarray(preview.make_preview(picture_of(clear)))
    assert (seen[:4] == 255).all() and np.array_equal(seen[4:], clear[4:, :, :3])
    tinted = np.asarray(preview.make_preview(photo.picture, hole := hole_of(30, 20)))
    assert np.array_equal(tinted[~hole], upright[~hole]) and (tinted[hole] != upright[hole]).any()
