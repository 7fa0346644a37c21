import numpy as np
import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.evaluation.baselines import BASELINES, OpenCVInpaint, Telea

LEVEL = 1 / 255


@pytest.fixture(params=list(BASELINES))
def fill(request):
    if request.param == "patchmatch":
        pytest.importorskip("patchmatch", reason="pypatchmatch is not installed")
    return BASELINES[request.param]


def pictures(batch=2, height=24, width=32):
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(0))


def box(images, rows=slice(8, 15), columns=slice(10, 20)):
    mask = torch.zeros_like(images[:, :1])
    mask[..., rows, columns] = 1
    return mask


# rows, columns: one pixel, a corner pixel, each border, a whole band, all but one pixel's row
HOLES = {
    "inside": (slice(8, 15), slice(10, 20)),
    "one pixel": (slice(5, 6), slice(7, 8)),
    "corner": (slice(0, 1), slice(0, 1)),
    "top left": (slice(0, 6), slice(0, 9)),
    "bottom right": (slice(18, None), slice(25, None)),
    "band": (slice(None), slice(10, 16)),
    "all but one row": (slice(1, None), slice(None)),
}


@pytest.fixture(params=list(HOLES))
def hole(request):
    return HOLES[request.param]


def test_known_pixels_come_back_bit_for_bit(fill, hole):
    image = pictures()
    before, mask = image.clone(), box(image, *hole)
    filled = fill(image, mask)
    known = (mask == 0).expand_as(image)
    assert torch.equal(filled[known], image[known])
    assert torch.equal(image, before)
    assert filled.shape == image.shape and filled.dtype == image.dtype
    assert filled.min() >= 0 and filled.max() <= 1


@pytest.mark.parametrize("content", [0.0, 1.0, float("nan"), float("inf"), -7.0])
def test_nothing_leaks_from_the_hole(fill, hole, content):
    image = pictures()
    mask = box(image, *hole)
    other = torch.where(mask.bool(), content, image)
    assert torch.equal(fill(image, mask), fill(other, mask))


def tolerance(fill, depth):
    """One level; OpenCV's Telea adds rounding of its own at every step of its march into the hole."""
    return LEVEL * (2.01 + depth / 2 if fill.name == "telea" else 1)


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_a_constant_picture_stays_constant(fill, hole, level):
    colours = torch.tensor([level, 0.6, 0.8]).view(1, 3, 1, 1)
    image = colours.expand(1, 3, 24, 32).clone()
    mask = box(image, *hole)
    if fill.name == "patchmatch" and mask.mean() > 0.9:
        pytest.skip("where less than a patch is known, its package leaves black")
    depth = min(mask[0, 0].any(dim=0).sum().item(), mask[0, 0].any(dim=1).sum().item())
    torch.testing.assert_close(fill(image, mask), image, rtol=0, atol=tolerance(fill, depth))


def test_the_mean_is_numpys_of_the_known_pixels(hole):
    image = pictures()
    mask = box(image, *hole)
    mask[1] = 0
    mask[1, 0, 3:9, 4:5] = 1  # every picture has its own hole and its own mean
    filled = BASELINES["mean"](image, mask)
    for picture, m, result in zip(image.double().numpy(), mask[:, 0].numpy(), filled.numpy(), strict=True):
        expected = picture[:, m == 0].mean(axis=1)
        inside = result[:, m == 1]
        np.testing.assert_allclose(inside, np.broadcast_to(expected[:, None], inside.shape), atol=1e-6)


@pytest.mark.parametrize("name", ["telea", "ns"])
@pytest.mark.parametrize("along", ["x", "y"])
def test_a_linear_gradient_across_a_thin_hole_is_restored(name, along):
    ramp = torch.linspace(0.1, 0.9, 32).expand(1, 3, 32, 32).clone()
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 15:17] = 1
    if along == "y":
        ramp, mask = ramp.mT.contiguous(), mask.mT.contiguous()
    filled = BASELINES[name](ramp, mask)
    hole = mask.bool().expand_as(ramp)
    step = 0.8 / 31
    assert (filled - ramp)[hole].abs().max() < step + LEVEL
    mean = BASELINES["mean"](ramp, mask)
    assert filled[hole].std() > 0 and mean[hole].std() < 1e-6


def test_a_mask_may_be_of_bools(fill):
    image = pictures()
    assert torch.equal(fill(image, box(image).bool()), fill(image, box(image)))


def test_without_a_hole_the_picture_comes_back(fill):
    image = pictures()
    assert torch.equal(fill(image, torch.zeros_like(image[:, :1])), image)


def test_without_a_known_pixel_it_becomes_grey(fill):
    image = pictures()
    mask = torch.ones_like(image[:, :1])
    mask[1] = box(image)[1]  # beside an ordinary picture in the batch
    filled = fill(image, mask)
    assert torch.equal(filled[0], torch.full_like(filled[0], 0.5))
    assert torch.equal(filled[1:], fill(image[1:], mask[1:]))


def test_one_known_pixel_colours_all(fill):
    image = torch.full((1, 3, 9, 11), 0.2)
    image[..., 4, 5] = 0.8
    mask = torch.ones(1, 1, 9, 11)
    mask[..., 4, 5] = 0
    torch.testing.assert_close(fill(image, mask), torch.full_like(image, 0.8), rtol=0, atol=tolerance(fill, 5))


def test_a_batch_is_its_pictures_one_by_one(fill):
    image = pictures(3)
    mask = (torch.rand(3, 1, 24, 32, generator=torch.Generator().manual_seed(1)) > 0.6).float()
    alone = torch.cat([fill(image[i : i + 1], mask[i : i + 1]) for i in range(3)])
    assert torch.equal(fill(image, mask), alone)


def test_colours_keep_their_channel(fill):
    image = torch.zeros(1, 3, 16, 16)
    image[:, 0], image[:, 2] = 1, 0.4
    filled = fill(image, box(image, slice(5, 9), slice(5, 9)))
    torch.testing.assert_close(filled, image, rtol=0, atol=tolerance(fill, 4))


def test_the_radius_is_used():
    image = pictures(1)
    assert isinstance(BASELINES["telea"], OpenCVInpaint) and BASELINES["telea"].radius == 3
    assert not torch.equal(Telea(radius=1)(image, box(image)), Telea(radius=9)(image, box(image)))


def test_names_for_people():
    assert {key: method.label for key, method in BASELINES.items()} == {
        "mean": "mean colour",
        "telea": "OpenCV Telea",
        "ns": "OpenCV Navier–Stokes",
        "biharmonic": "biharmonic",
        "patchmatch": "PatchMatch",
    }
    assert all(key == method.name for key, method in BASELINES.items())


def test_pictures_that_cannot_be_filled(fill):
    image = pictures()
    with pytest.raises(InputError, match="mask has shape"):
        fill(image, box(image)[:1])
    with pytest.raises(InputError, match="floating point"):
        fill(image[:, :1], box(image))
    with pytest.raises(InputError, match="floating point"):
        fill((image * 255).to(torch.uint8), box(image))
