"""Sizes as they are written on the command line, and the inputs of a trace."""

import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.export.capture import ImageSize, example_inputs
from latentinpaint.models import IdentityAutoencoder


def test_sizes():
    assert ImageSize.parse("512") == ImageSize(512, 512) and ImageSize.parse("384x512") == ImageSize(384, 512)
    for text in ("", "x", "a", "12x", "-3", "1x2x3", "1.5"):
        with pytest.raises(InputError, match="384x512"):
            ImageSize.parse(text)
    with pytest.raises(InputError, match="2 x 2"):
        ImageSize.parse("1x9")


@pytest.mark.parametrize("shape", [(1, 64, 96), (2, 40, 56), (2, 2, 3)], ids=str)
def test_every_example_has_hole_and_known_pixels(shape):
    image, mask = example_inputs(IdentityAutoencoder(), *shape)
    assert image.shape == (shape[0], 3, *shape[1:]) and mask.shape == (shape[0], 1, *shape[1:])
    for item_image, item_mask in zip(image, mask, strict=True):
        assert set(item_mask.unique().tolist()) == {0.0, 1.0}
        assert torch.equal(item_image.isnan(), (item_mask > 0.5).expand_as(item_image))
