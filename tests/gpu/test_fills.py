"""Fills on the GPU are those of the processor, and known pixels are the picture's own."""

import numpy as np
import pytest
import torch
from skimage import data

from latentinpaint import Inpainter

pytestmark = pytest.mark.gpu

# A quarter of an 8-bit step: twenty layers of float32, added in another order.
QUARTER_STEP = 0.25 / 255
SIDE = 128


@pytest.fixture(scope="module")
def photos():
    """Two crops (2, 3, 128, 128) of skimage's astronaut."""
    picture = torch.from_numpy(data.astronaut()).permute(2, 0, 1).float() / 255
    return torch.stack([picture[:, 20 : 20 + SIDE, 160 : 160 + SIDE], picture[:, 300 : 300 + SIDE, 60 : 60 + SIDE]])


@pytest.fixture(scope="module")
def hole():
    mask = torch.zeros(1, SIDE, SIDE)
    mask[:, 50:80, 45:85] = 1
    return mask


@pytest.fixture(scope="module")
def here():
    return Inpainter.from_pretrained(device="cpu")


@pytest.fixture(scope="module")
def there(device):
    return Inpainter.from_pretrained(device=str(device))


def test_the_device_is_the_gpu(there, device):
    chosen = Inpainter.from_pretrained()
    for inpainter in (chosen, there, Inpainter.from_pretrained(device=f"{device.type}:0")):
        assert inpainter.device.type == device.type
        for pipeline in (inpainter.pipeline, inpainter.fused):
            assert {parameter.device.type for parameter in pipeline.parameters()} == {device.type}


def test_the_networks_fill_as_on_the_processor(photos, hole, here, there):
    expected = here(photos, hole[None].expand(2, -1, -1, -1), texture=False)
    found = there(photos, hole[None].expand(2, -1, -1, -1), texture=False)
    assert found.device == photos.device
    torch.testing.assert_close(found, expected, atol=QUARTER_STEP, rtol=0)
    known = (hole == 0).expand_as(photos)
    assert torch.equal(found[known], photos[known])
    assert not torch.allclose(found[~known], photos[~known], atol=0.05)


def test_the_texture_keeps_what_is_known(photos, hole, here, there):
    """Patches are chosen by comparison, so that near ties may go the other way: the hole is compared in the mean."""
    expected = here(photos[0], hole, texture=True)
    found = there(photos[0], hole, texture=True)
    known = (hole == 0).expand_as(found)
    assert torch.equal(found[known], photos[0][known])
    inside = ~known[0]
    difference = found[:, inside].mean(dim=1) - expected[:, inside].mean(dim=1)
    assert difference.abs().max() < 4 / 255


def test_bytes_keep_what_is_known(hole, there):
    picture = data.astronaut()[20 : 20 + SIDE, 160 : 160 + SIDE]
    where = hole[0].numpy() > 0
    found = there(picture, where)
    assert found.dtype == np.uint8
    assert (found[~where] == picture[~where]).all() and (found[where] != picture[where]).any()


def test_pictures_of_other_sizes_are_filled_together_as_alone(photos, hole, there):
    pictures = [photos[0], photos[1][:, :96, :112]]
    holes = [hole, hole[:, :96, :112]]
    together = there(pictures, holes, texture=False)
    for picture, mask, found in zip(pictures, holes, together, strict=True):
        torch.testing.assert_close(found, there(picture, mask, texture=False), atol=QUARTER_STEP, rtol=0)


def test_samples_of_a_flow_are_those_of_the_processor(photos, hole, build_pipeline, device):
    pipelines = [Inpainter(build_pipeline("flow"), device=name) for name in ("cpu", str(device))]
    expected, found = (inpainter.samples(photos[0], hole, 3, seed=5) for inpainter in pipelines)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=4 * QUARTER_STEP, rtol=0)
    assert not torch.allclose(found[0], found[1], atol=4 * QUARTER_STEP)
    uncertainty = [inpainter.uncertainty(photos[0], hole, 3) for inpainter in pipelines]
    np.testing.assert_allclose(uncertainty[1], uncertainty[0], atol=4 * QUARTER_STEP)
    assert (uncertainty[1] > 0).sum() == hole.sum()


def test_bfloat16_is_a_few_steps_off(photos, hole, here, device):
    coarse = Inpainter.from_pretrained(device=str(device), precision="bfloat16")
    expected = here(photos[0], hole, texture=False)
    found = coarse(photos[0], hole, texture=False)
    inside = (hole > 0).expand_as(found)
    assert (found - expected)[inside].abs().mean() < 3 / 255


def test_coarse_to_fine_refinement(photos, hole, device, build_pipeline):
    """Gradients of the features, which the refinement descends along, are taken on the device."""
    inpainter = Inpainter(build_pipeline("ffc"), device=str(device))
    found = inpainter(photos[0], hole, refine=True)
    known = (hole == 0).expand_as(found)
    assert torch.equal(found[known], photos[0][known]) and found.isfinite().all()
