"""The uncertainty of a fill: the spread of the samples themselves, and an error that is set to be known."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from latentinpaint import Inpainter
from latentinpaint.errors import InputError
from latentinpaint.images.any_picture import to_picture
from latentinpaint.inference.fill_uncertainty import as_levels
from latentinpaint.models import LamaAutoencoder
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.refiners import FFCRefiner

SIZE = (40, 52)


def hole():
    mask = np.zeros(SIZE, bool)
    mask[8:24, 10:40] = True
    mask[39, 51] = True
    return mask


def image():
    return torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def expecting():
    """A model that expects an error of a half everywhere."""
    torch.manual_seed(0)
    autoencoder = LamaAutoencoder(base_channels=4)
    refiner = FFCRefiner(32, blocks=1, uncertainty=True)
    torch.nn.init.constant_(refiner.log_scale.bias, math.log(0.5))
    return InpaintPipeline(autoencoder, refiner).eval()


def test_a_flow_is_as_uncertain_as_its_samples_differ(build_pipeline):
    inpainter = Inpainter(build_pipeline("flow"), "cpu")
    samples = inpainter.samples(image(), hole(), 3, seed=5)
    found = inpainter.uncertainty(image(), hole(), 3, seed=5)
    expected = np.stack([sample.numpy() for sample in samples]).std(axis=0, ddof=1).mean(axis=0)
    assert found.shape == SIZE and found.dtype == np.float32
    assert found[hole()].mean() > 1e-3
    np.testing.assert_allclose(found, np.where(hole(), expected, 0), atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"crop": 8}, {"crop": None, "texture": True}, {"refine": True}])
def test_an_expected_error_is_that_of_the_refiner_in_the_hole(expecting, options):
    told = []
    found = Inpainter(expecting, "cpu").uncertainty(image(), hole(), progress=told.append, **options)
    np.testing.assert_allclose(found, 0.5 * hole(), atol=1e-6)
    assert told[0] == 0 and told[-1] == 1 and told == sorted(told)


def test_any_kind_of_picture(expecting):
    inpainter = Inpainter(expecting, "cpu")
    array = (image().permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    for picture in (array, Image.fromarray(array), to_picture(array), image()[None]):
        np.testing.assert_allclose(inpainter.uncertainty(picture, hole()), 0.5 * hole(), atol=1e-6)


def test_what_has_no_uncertainty(build_pipeline, expecting):
    with pytest.raises(InputError, match="does not predict its error"):
        Inpainter(build_pipeline("ffc"), "cpu").uncertainty(image(), hole())
    with pytest.raises(InputError, match="from two samples on"):
        Inpainter(build_pipeline("flow"), "cpu").uncertainty(image(), hole(), 1)
    with pytest.raises(InputError, match="one picture, not of 2"):
        Inpainter(expecting, "cpu").uncertainty(torch.stack([image(), image()]), hole())


def test_levels_of_a_file():
    levels = as_levels(np.array([[0, 1 / 16384, 0.25, 1, 3.9999, 4, 100]], np.float32))
    assert levels.dtype == np.uint16
    assert levels.tolist() == [[0, 1, 4096, 16384, 65534, 65535, 65535]]
