"""Crops of photographs: equal for equal seeds, at the scale that is stated."""

import numpy as np
import pytest
from image_samples import photo_pixels
from PIL import Image

from latentinpaint.data.augmentation import AUGMENTATIONS, augmentation, centre_crop
from latentinpaint.errors import InputError


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("shape", [(100, 80), (40, 200), (20, 11)], ids=["tall", "wide", "smaller"])
def test_augmentations(name, shape):
    transform = augmentation(name, 32, 1.5)
    photo = photo_pixels(*shape)
    before = photo.copy()
    crops = [transform(photo, seed) for seed in range(8)]
    assert {(crop.shape, crop.dtype) for crop in crops} == {((32, 32, 3), np.dtype(np.uint8))}
    assert len({crop.tobytes() for crop in crops}) > 4
    other = augmentation(name, 32, 1.5)
    for seed in (5, 0, 7):  # in any order, by any instance
        assert np.array_equal(other(photo, seed), crops[seed])
    assert np.array_equal(photo, before)


@pytest.mark.parametrize(("name", "zoom", "message"), [("flip", 1.2, "flip"), ("crop", 0.9, "zoom")])
def test_augmentations_refused(name, zoom, message):
    with pytest.raises(InputError, match=message):
        augmentation(name, 32, zoom)


def test_crops_come_from_the_photo_at_a_scale_within_the_zoom():
    """Columns of a photo are numbered by their grey: the steps inside a crop tell its scale."""
    ramp = np.repeat(np.linspace(0, 255, 256).astype(np.uint8)[None, :, None], 256, axis=0).repeat(3, axis=2)
    slopes = []
    for seed in range(30):
        crop = augmentation("crop", 64, 2.0)(ramp, seed).astype(float)
        slope = np.abs(np.diff(crop[32, :, 0])[4:-4]).mean()  # greys a pixel: 256 / side of the scaled photo
        slopes.append(slope)
    assert min(slopes) == pytest.approx(2.0, rel=0.1) and max(slopes) == pytest.approx(4.0, rel=0.1)


@pytest.mark.parametrize("shape", [(64, 96), (96, 64), (32, 32)])
def test_centre_crop_is_the_middle_square(shape):
    photo = photo_pixels(*shape, seed=3)
    height, width = shape
    side = min(shape)
    top, left = (height - side) // 2, (width - side) // 2
    square = Image.fromarray(photo[top : top + side, left : left + side])
    expected = np.asarray(square.resize((32, 32), Image.Resampling.BOX)).astype(float)
    crop = centre_crop(32)(photo, 0).astype(float)
    assert np.abs(crop - expected).mean() < 4  # another filter, the same geometry
    shifted = np.asarray(Image.fromarray(photo).resize((32, 32), Image.Resampling.BOX)).astype(float)
    assert height == width or np.abs(crop - shifted).mean() > 8
    if side == 32:
        assert np.array_equal(crop, photo[top : top + 32, left : left + 32])
