"""The pipeline: holes that leak nothing, known pixels bit for bit, any size, samples that depend on nothing else."""

import numpy as np
import pytest
import torch
from small_autoencoders import ADOPTED
from small_autoencoders import build as build_adopted

from latentinpaint.models import IdentityAutoencoder, LamaAutoencoder, MaskControl
from latentinpaint.pipeline import InpaintPipeline, composite, mask_out, pad_to_stride
from latentinpaint.refiners import REFINERS, FFCRefiner, FlowRefiner
from latentinpaint.runtime.randomness import numbered_generator

VARIANTS = [(name, control) for name in REFINERS for control in (True, False)]
RUBBISH = {
    "zeros": 0.0,
    "ones": 1.0,
    "noise": None,
    "huge": 1e30,
    "nan": float("nan"),
    "inf": float("inf"),
    "-inf": -float("inf"),
}
SIZES = [(1, 1), (1, 9), (8, 8), (9, 7), (16, 24), (17, 211), (31, 2)]


@pytest.fixture(scope="module")
def pipelines(build_pipeline):
    return {variant: build_pipeline(*variant) for variant in VARIANTS}


@pytest.fixture(params=VARIANTS, ids=lambda v: f"{v[0]}{'+control' if v[1] else ''}")
def pipeline(request, pipelines):
    return pipelines[request.param]


def picture(height=20, width=28, rows=1, seed=0):
    return torch.rand(rows, 3, height, width, generator=torch.Generator().manual_seed(seed))


def brush(height=20, width=28, rows=1, seed=0):
    """A hole that touches a border and has single pixels."""
    mask = (torch.rand(rows, 1, height, width, generator=torch.Generator().manual_seed(seed)) > 0.97).float()
    mask[..., height // 4 : height // 4 + 7, width // 3 :] = 1
    return mask


def seeded(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def inside(x, mask):
    return x[mask.expand_as(x) > 0]


def outside(x, mask):
    return x[mask.expand_as(x) == 0]


# What is in the hole, and what is not ---------------------------------------------------------------------


@pytest.mark.parametrize("rubbish", RUBBISH)
def test_the_hole_leaks_nothing(pipeline, rubbish):
    image, mask = picture(), brush()
    value = RUBBISH[rubbish]
    content = picture(seed=9) if value is None else torch.full_like(image, value)
    damaged = torch.where(mask > 0, content, image)
    assert not torch.equal(damaged, image)
    first, second = (pipeline(x, mask, seeded(1)) for x in (image, damaged))
    assert torch.equal(first, second)
    assert first.isfinite().all()
    # Training is fed by the same condition.
    height, width = 16, 24
    cropped = [x[..., :height, :width] for x in (image, damaged, mask)]
    one, other = (pipeline.condition(x, cropped[2]) for x in cropped[:2])
    for name in ("latent", "hole", "area"):
        assert torch.equal(getattr(one, name), getattr(other, name))


def test_known_pixels_are_the_inputs(pipeline):
    image, mask = picture(), brush()
    result = pipeline(image, mask, seeded(1))
    assert torch.equal(outside(result, mask), outside(image, mask))
    assert (inside(result, mask) != inside(image, mask)).float().mean() > 0.99
    assert result.min() >= 0 and result.max() <= 1


def test_known_pixels_matter(pipeline):
    mask = brush()
    one, other = (pipeline(picture(seed=seed), mask, seeded(1)) for seed in (0, 1))
    assert (inside(one, mask) - inside(other, mask)).abs().max() > 1e-2


def test_the_mask_control_is_used(pipelines):
    for refiner in REFINERS:
        with_control = pipelines[refiner, True]
        without = InpaintPipeline(with_control.autoencoder, with_control.refiner)
        image, mask = picture(16, 24), brush(16, 24)
        one, other = (p.condition(image, mask).latent for p in (with_control, without))
        assert (one - other).abs().max() > 1e-2
        expected = with_control.autoencoder.encode(mask_out(image, mask), with_control.control(mask))
        assert torch.equal(one, expected)


HOLES = {
    "everywhere": lambda m: m.fill_(1),
    "nowhere": lambda m: m.fill_(0),
    "one pixel": lambda m: m[..., 3, 5].fill_(1),
    "border": lambda m: [m[..., 0].fill_(1), m[..., -1].fill_(1), m[..., 0, :].fill_(1), m[..., -1, :].fill_(1)],
    "all but one pixel": lambda m: m.fill_(1)[..., 7, 7].fill_(0),
}


@pytest.mark.parametrize("name", HOLES)
def test_any_hole(pipeline, name):
    image, mask = picture(), torch.zeros(1, 1, 20, 28)
    HOLES[name](mask)
    result = pipeline(image, mask, seeded(1))
    assert result.isfinite().all() and result.min() >= 0 and result.max() <= 1
    assert torch.equal(outside(result, mask), outside(image, mask))
    assert torch.equal(result, image) == (name == "nowhere")


def test_composite_and_hide():
    image, fill = picture(4, 4), torch.full((1, 3, 4, 4), float("nan"))
    mask = torch.zeros(1, 1, 4, 4)
    assert torch.equal(composite(image, fill, mask), image)
    mask[..., 1, 2] = 1
    fill[..., 1, 2] = 0.25
    result = composite(image, fill, mask)
    assert result[..., 1, 2].unique().item() == 0.25
    assert torch.equal(outside(result, mask), outside(image, mask))
    image[..., 1, 2] = float("nan")
    hidden = mask_out(image, mask)
    assert (hidden[..., 1, 2] == 0).all() and torch.equal(outside(hidden, mask), outside(image, mask))


# Sizes and the latent grid --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_any_size(pipeline, size):
    image, mask = picture(*size), torch.zeros(1, 1, *size)
    mask[..., size[0] // 2, size[1] // 2 :] = 1
    result = pipeline(image, mask, seeded(1))
    assert result.shape == image.shape and result.isfinite().all()
    assert torch.equal(outside(result, mask), outside(image, mask))
    assert (inside(result, mask) != inside(image, mask)).float().mean() > 0.9


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", REFINERS)
def test_any_size_in_pixel_space(name, size):
    torch.manual_seed(0)
    options = {
        "ffc": dict(blocks=1),
        "flow": dict(width=16, multipliers=(1, 2), blocks=1, steps=2),
        "noise": dict(blocks=1, width=16),
    }[name]
    pipeline = InpaintPipeline(IdentityAutoencoder(), REFINERS[name](3, **options)).eval()
    image, mask = picture(*size), torch.zeros(1, 1, *size)
    mask[..., size[0] // 2, :] = 1
    result = pipeline(image, mask, seeded(1))
    assert result.shape == image.shape and result.isfinite().all()
    assert torch.equal(outside(result, mask), outside(image, mask))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_padding_is_numpys_reflection(pipelines, size):
    """To multiples of 8 and at least 16; numpy reflects as often as needed, and repeats a single row."""
    image = picture(*size)
    rows, columns = (max(16, 8 * int(np.ceil(side / 8))) - side for side in size)
    expected = np.pad(image.numpy(), [(0, 0), (0, 0), (0, rows), (0, columns)], mode="reflect")
    np.testing.assert_array_equal(pad_to_stride(image, 8).numpy(), expected)


def test_the_grid_of_the_hole(pipelines):
    """Any hole pixel makes a hole cell; the area is the fraction of its pixels."""
    mask = torch.zeros(1, 1, 16, 24)
    mask[..., 7, 8] = 1  # one pixel of cell (0, 1)
    mask[..., 8:, 16:] = 1  # all of cell (1, 2)
    mask[..., 12:, 0:4] = 1  # a quarter of cell (1, 0)
    given = pipelines["ffc", True].condition(picture(16, 24), mask)
    assert given.hole[0, 0].tolist() == [[0, 1, 0], [1, 0, 1]]
    assert given.area[0, 0].tolist() == [[0, 1 / 64, 0], [0.25, 0, 1]]
    assert given.latent.shape == (1, 32, 2, 3)


def test_masks_are_cut_at_a_half(pipelines):
    image = picture(16, 24)
    grey = torch.linspace(0, 1, 16 * 24).view(1, 1, 16, 24)
    hard = (grey > 0.5).float()
    pipeline = pipelines["ffc", True]
    assert torch.equal(pipeline(image, grey), pipeline(image, hard))


# Many samples ---------------------------------------------------------------------------------------------


def test_samples(pipeline):
    images, masks = picture(rows=3), brush(rows=3)
    results = pipeline.sample(images, masks, num_samples=4, seeds=7)
    assert results.shape == (3, 4, 3, 20, 28)
    for row in range(3):
        for k in range(4):
            known = outside(results[row, k], masks[row])
            assert torch.equal(known, outside(images[row], masks[row]))
    spread = inside(results[0].std(dim=0), masks[0]).max()
    assert spread > 1e-2 if pipeline.refiner.stochastic else spread == 0


def test_the_expected_error_is_that_of_the_cells_around_a_pixel(build_pipeline):
    """Between the middles of cells it is interpolated; here their errors are a plane, which stays one."""
    pipeline = build_pipeline("ffc", True)
    assert pipeline.sample_with_error(picture(), brush())[1] is None
    stride = pipeline.autoencoder.stride
    rows = torch.arange(5.0).view(5, 1)
    plane = (1 + rows + 3 * torch.arange(4.0)).expand(2, 1, 5, 4)
    refine = pipeline.refiner.refine
    pipeline.refiner.refine_with_error = lambda *arguments: (refine(*arguments), plane)
    height, width = 5 * stride - 3, 4 * stride - 1
    images, masks = picture(height, width, rows=2), brush(height, width, rows=2)
    samples, errors = pipeline.sample_with_error(images, masks, num_samples=2, batch_size=2)
    assert torch.equal(samples, pipeline.sample(images, masks, num_samples=2, batch_size=2))
    assert errors.shape == (2, 2, 1, height, width)
    y = (torch.arange(height) + 0.5) / stride - 0.5
    x = (torch.arange(width) + 0.5) / stride - 0.5
    expected = 1 + y.clamp(0, 4)[:, None] + 3 * x.clamp(0, 3)
    torch.testing.assert_close(errors, expected.expand_as(errors))


def test_samples_do_not_depend_on_the_batch_size(pipeline):
    images, masks = picture(rows=3), brush(rows=3)
    options = dict(num_samples=3, seeds=[5, 6, 7])
    whole = pipeline.sample(images, masks, **options, batch_size=8)
    for size in (1, 3):
        torch.testing.assert_close(
            pipeline.sample(images, masks, **options, batch_size=size), whole, atol=1e-5, rtol=0
        )


def test_samples_do_not_depend_on_other_pictures(pipeline):
    images, masks = picture(rows=3), brush(rows=3)
    whole = pipeline.sample(images, masks, num_samples=3, seeds=[5, 6, 7])
    for row, seed in enumerate((5, 6, 7)):
        alone = pipeline.sample(images[row, None], masks[row, None], num_samples=2, seeds=seed)
        torch.testing.assert_close(alone[0], whole[row, :2], atol=1e-5, rtol=0)
    backwards = pipeline.sample(images.flip(0), masks.flip(0), num_samples=3, seeds=[7, 6, 5])
    torch.testing.assert_close(backwards.flip(0), whole, atol=1e-5, rtol=0)


def test_sample_is_the_call_with_its_generator(pipeline):
    image, mask = picture(), brush()
    samples = pipeline.sample(image, mask, num_samples=2, seeds=11)
    for k in range(2):
        alone = pipeline(image, mask, [numbered_generator(11, k)])
        torch.testing.assert_close(samples[:, k], alone, atol=1e-5, rtol=0)


def test_seeds(pipeline):
    image, mask = picture(), brush()
    first, same, other = (pipeline.sample(image, mask, seeds=seed) for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert torch.equal(first, other) != pipeline.refiner.stochastic
    for seed in (-5, 2**70):
        assert pipeline.sample(image, mask, seeds=seed).isfinite().all()


def test_steps_reach_the_solver(pipelines):
    image, mask = picture(), brush()
    for (name, _), pipeline in pipelines.items():
        one, other = (pipeline.sample(image, mask, steps=steps) for steps in (1, 4))
        assert torch.equal(one, other) == (name != "flow")


def test_no_samples(pipelines):
    with pytest.raises(ValueError, match="num_samples"):
        pipelines["flow", True].sample(picture(), brush(), num_samples=0)


# Training through it --------------------------------------------------------------------------------------


def test_the_refiner_fits_the_autoencoder():
    for refiner in (FFCRefiner(8, blocks=1), FlowRefiner(8, width=16, multipliers=(1,), blocks=1)):
        with pytest.raises(ValueError, match="8 channels.*32"):
            InpaintPipeline(LamaAutoencoder(4), refiner)


def test_the_loss_is_the_refiners(pipeline):
    image, mask = picture(16, 24, rows=2), brush(16, 24, rows=2)
    losses = pipeline.loss(image, mask, seeded(1, 2))
    clean = pipeline.autoencoder.encode(image)
    expected = pipeline.refiner.loss(clean, pipeline.condition(image, mask), seeded(1, 2))
    assert {k: v.item() for k, v in losses.items()} == {k: v.item() for k, v in expected.items()}


@pytest.mark.parametrize("size", [(17, 24), (5, 30)])
def test_the_loss_is_that_of_the_padded_picture(pipeline, size):
    image, mask = picture(*size, rows=2), brush(*size, rows=2)
    stride = pipeline.autoencoder.stride
    losses = pipeline.loss(image, mask, seeded(1, 2))
    expected = pipeline.loss(pad_to_stride(image, stride), pad_to_stride(mask, stride), seeded(1, 2))
    assert losses["loss"].item() == expected["loss"].item()


@pytest.mark.parametrize("refiner", REFINERS)
def test_the_loss_trains_the_refiner_and_the_control_and_nothing_else(build_pipeline, refiner):
    pipeline = build_pipeline(refiner).train()
    frozen = {key: value.clone() for key, value in pipeline.autoencoder.state_dict().items()}
    pipeline.loss(picture(16, 24, rows=2), brush(16, 24, rows=2), seeded(1, 2))["loss"].backward()
    assert all(weight.grad is None for weight in pipeline.autoencoder.parameters())
    assert all(torch.equal(value, frozen[key]) for key, value in pipeline.autoencoder.state_dict().items())
    assert all(weight.grad.abs().max() > 0 for weight in pipeline.control.taps.parameters())
    assert any(weight.grad.abs().max() > 0 for weight in pipeline.refiner.parameters())
    assert not pipeline.autoencoder.training and pipeline.refiner.training and pipeline.control.training


# Adopted autoencoders -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ADOPTED)
def test_an_adopted_autoencoder_leaks_nothing_and_keeps_known_pixels(name):
    """With a mask control that is not zero, at sizes that are no multiples of the stride."""
    autoencoder = build_adopted(name)
    autoencoder.measure_latents([torch.rand(2, 3, 32, 32)])
    control = MaskControl(autoencoder)
    for tap in control.taps:
        torch.nn.init.normal_(tap.weight, std=0.1)
    pipeline = InpaintPipeline(autoencoder, FFCRefiner(autoencoder.latent_channels, blocks=0), control).eval()
    for size in [(20, 28), (1, 9), (17, 35)]:
        image, mask = picture(*size), torch.zeros(1, 1, *size)
        mask[..., size[0] // 2 :, size[1] // 2 :] = 1
        damaged = torch.where(mask > 0, torch.full_like(image, float("nan")), image)
        result = pipeline(image, mask)
        assert torch.equal(pipeline(damaged, mask), result)
        assert result.isfinite().all() and result.shape == image.shape
        assert torch.equal(outside(result, mask), outside(image, mask))
        assert not torch.equal(inside(result, mask), inside(image, mask))
