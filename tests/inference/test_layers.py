"""What of a picture with alpha passes the networks."""

import numpy as np
import pytest
import torch
from PIL import Image

from latentinpaint.images.picture import Picture
from latentinpaint.inference.blending import MaskDilation
from latentinpaint.inference.layers import PictureLayers


def picture_of(alpha):
    pixels = np.full((*alpha.shape, 4), 100, np.uint8)
    pixels[..., 3] = alpha
    return Picture.from_pil(Image.fromarray(pixels))


@pytest.fixture
def mask():
    mask = np.zeros((16, 20), bool)
    mask[6:10, 8:12] = True
    return mask


def layers_of(picture, mask, **dilation):
    return PictureLayers.of(picture, MaskDilation(**dilation).apply(mask[None, None]))


def test_alpha_passes_only_where_it_varies_around_the_hole(mask):
    opaque = layers_of(picture_of(np.full(mask.shape, 255)), mask)
    assert opaque.images.shape == (1, 3, 16, 20) and not opaque.hidden.any()
    half = np.where(np.arange(20) < 10, 255, 0)[None].repeat(16, 0)
    crossed = layers_of(picture_of(half), mask)
    assert crossed.images.shape == (2, 3, 16, 20) and torch.equal(crossed.masks[0], crossed.masks[1])
    assert torch.equal(crossed.hidden[0, 0], torch.from_numpy(half == 0)) and not crossed.hidden[1].any()
    known = ~torch.from_numpy(mask)
    assert torch.equal(crossed.images[1, 0][known], torch.from_numpy(half / 255).float()[known])


def test_a_hidden_colour_is_not_blended_but_alpha_is(mask):
    half = np.where(np.arange(20) < 10, 255, 0)[None].repeat(16, 0)
    layers = layers_of(picture_of(half), mask, feather=3)
    colours, alpha = layers.blended(torch.stack([torch.full((3, 16, 20), 0.9), torch.ones(3, 16, 20)]))
    ring = layers.soft.mask[0, 0].numpy() & ~mask
    hidden = ring & (half == 0)
    np.testing.assert_allclose(colours[hidden], 0.9, rtol=1e-6)
    assert (colours[ring & (half > 0)] < 0.9).any()
    assert ((alpha[hidden] > 0) & (alpha[hidden] < 1)).any() and (alpha[mask] == 1).all()


def test_no_alpha_no_new_alpha(mask):
    picture = Picture.from_pil(Image.new("RGB", (20, 16)))
    colours, alpha = layers_of(picture, mask).blended(torch.full((1, 3, 16, 20), 0.25))
    assert alpha is None and (colours[mask] == 0.25).all()
