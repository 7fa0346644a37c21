"""How a network sees pictures of every mode: colours, greys and alpha, against Pillow's own conversions."""

import numpy as np
import pytest
from image_samples import image_of, palette_image
from PIL import Image

from latentinpaint.images.picture import Picture

MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"]


def picture_of(mode):
    """A Pillow image of a mode and its `Picture`."""
    if mode == "P":
        image = palette_image(200)
    elif mode in ("CMYK", "YCbCr"):
        image = image_of("RGB").convert(mode)
    else:
        image = image_of(mode)
    return image, Picture.from_pil(image)


@pytest.mark.parametrize("mode", MODES)
def test_colours_are_those_of_pillow(mode):
    image, picture = picture_of(mode)
    expected = np.asarray(image.convert("RGB"))
    assert picture.rgb().dtype == np.float32
    np.testing.assert_allclose(picture.rgb() * 255, expected, atol=1e-4)
    assert np.array_equal(picture.rgb8(), expected)


@pytest.mark.parametrize("mode", MODES)
def test_the_grey_of_colours_is_that_of_bt_601(mode):
    image, picture = picture_of(mode)
    red, green, blue = np.moveaxis(np.asarray(image.convert("RGB"), float), -1, 0)
    expected = 0.299 * red + 0.587 * green + 0.114 * blue
    np.testing.assert_allclose(picture.luminance() * 255, expected, atol=1e-3)
    scale = 1 if mode == "1" else 255
    np.testing.assert_allclose(picture.grey_samples() * (255 / scale), expected, atol=1e-3)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_of_a_channel(mode):
    image, picture = picture_of(mode)
    np.testing.assert_allclose(picture.alpha() * 255, np.asarray(image)[..., -1], atol=1e-4)


def test_colours_beneath_alpha_0_are_those_of_the_nearest_visible_pixel():
    samples = np.full((1, 5, 4), (10, 20, 30, 255), np.uint8)
    samples[0, 4, :3] = (200, 100, 50)
    samples[0, 1:4] = (1, 2, 3, 0)
    picture = Picture.from_pil(Image.fromarray(samples))
    visible = np.rint(picture.visible_rgb() * 255)
    assert visible[0, :2].tolist() == [[10, 20, 30]] * 2
    assert visible[0, 3:].tolist() == [[200, 100, 50]] * 2
    assert np.array_equal(picture.rgb8(), samples[..., :3])


def test_the_quality_of_a_jpeg_takes_the_place_of_its_tables():
    picture = Picture(np.zeros((2, 2), np.uint8), "L", jpeg_options={"qtables": {0: [1] * 64}, "subsampling": 2})
    assert picture.with_jpeg_quality(80).jpeg_options == {"subsampling": 2, "quality": 80}
    assert "qtables" in picture.jpeg_options
