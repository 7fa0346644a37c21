"""Feature refinement: descent, seeds, memory, and what must not change."""

import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.inference import feature_refinement
from latentinpaint.inference.feature_refinement import (
    BASE,
    Refinement,
    bytes_needed,
    sample_refined,
)
from latentinpaint.inference.optimised_latent import LATENTS
from latentinpaint.inference.pyramid import PyramidLevel, erode, pyramid_sizes, scale_down
from latentinpaint.models import IdentityAutoencoder
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.refiners import REFINERS, FFCRefiner
from latentinpaint.runtime.device import GIB

HEIGHT, WIDTH = 68, 83
QUICK = Refinement(iterations=3, smallest_side=24)


@pytest.fixture(scope="module")
def pipelines(build_pipeline):
    return {name: build_pipeline(name) for name in REFINERS}


def allowed():
    """Every refiner with every latent that can be optimised there."""
    pairs = [("ffc", key) for key in LATENTS]
    for refiner in ("flow", "noise"):
        pairs += [(refiner, key) for key, choice in LATENTS.items() if choice.for_samples]
    return pairs


def picture(count=1, seed=0):
    return torch.rand(count, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(seed))


def hole(count=1):
    mask = torch.zeros(count, 1, HEIGHT, WIDTH)
    mask[..., 20:50, 30:70] = 1
    return mask


# Refining -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("refiner, latent", allowed())
def test_the_fill_comes_nearer_to_the_scale_below(pipelines, refiner, latent):
    """Scaled down, the refined fill is nearer to the small scale's fill than the plain one is, and more so later."""
    pipeline, image, mask = pipelines[refiner], picture(), hole()
    small = PyramidLevel.of(image * (1 - mask), mask, pyramid_sizes(HEIGHT, WIDTH, 48)[0])
    below = pipeline.sample(small.image, small.mask)[:, 0]

    def gap(iterations):
        how = Refinement(iterations, learning_rate=0.05, smallest_side=48, latent=latent)
        fill = sample_refined(pipeline, image, mask, refinement=how)[:, 0]
        inside = erode(small.mask, 2)
        return ((scale_down(fill, below.shape[-2:]) - below).abs() * inside).sum() / inside.sum()

    plain = pipeline.sample(image, mask)[:, 0]
    inside = erode(small.mask, 2)
    start = ((scale_down(plain, below.shape[-2:]) - below).abs() * inside).sum() / inside.sum()
    assert gap(16) < gap(4) < start
    assert gap(16) < 0.9 * start


@pytest.mark.parametrize("refiner, latent", allowed())
def test_known_pixels_stay_and_the_hole_is_not_seen(pipelines, refiner, latent):
    image, mask = picture(), hole()
    how = Refinement(3, smallest_side=24, latent=latent)
    output = sample_refined(pipelines[refiner], image, mask, refinement=how)[:, 0]
    assert output.shape == image.shape and output.min() >= 0 and output.max() <= 1
    outside = (mask == 0).expand_as(image)
    assert torch.equal(output[outside], image[outside])
    other = torch.where(mask > 0, torch.full_like(image, torch.nan), image)
    assert torch.equal(sample_refined(pipelines[refiner], other, mask, refinement=how)[:, 0], output)


def test_small_pictures_are_filled_as_without(pipelines):
    for pipeline in pipelines.values():
        plain = pipeline.sample(picture(), hole(), num_samples=2, seeds=3)
        refined = sample_refined(pipeline, picture(), hole(), 2, 3, refinement=Refinement(smallest_side=HEIGHT))
        torch.testing.assert_close(refined, plain, atol=1e-5, rtol=0)


def test_samples_depend_on_seed_and_number_alone(pipelines):
    images, masks = picture(2), hole(2)
    for name, pipeline in pipelines.items():
        both = sample_refined(pipeline, images, masks, 2, [5, 6], refinement=QUICK)
        again = sample_refined(pipeline, images[1:], masks[1:], 1, 6, refinement=QUICK)
        assert both.shape == (2, 2, 3, HEIGHT, WIDTH)
        assert torch.equal(again[0, 0], both[1, 0])
        assert torch.equal(both[1, 0], both[1, 1]) == (name == "ffc")
        assert torch.equal(
            sample_refined(pipeline, images[1:], masks[1:], 1, 7, refinement=QUICK)[0, 0], both[1, 0]
        ) == (name == "ffc")


def test_the_model_stays_as_it_was(pipelines):
    for pipeline in pipelines.values():
        before = {name: value.clone() for name, value in pipeline.state_dict().items()}
        learning = {name: p.requires_grad for name, p in pipeline.named_parameters()}
        with torch.no_grad():
            sample_refined(pipeline, picture(), hole(), refinement=QUICK)
        assert all(torch.equal(value, before[name]) for name, value in pipeline.state_dict().items())
        assert {name: p.requires_grad for name, p in pipeline.named_parameters()} == learning
        assert any(learning.values()) and all(p.grad is None for p in pipeline.parameters())


def test_no_iteration_no_change(pipelines):
    """A step of almost no length leaves the model's own output at full size."""
    pipeline = pipelines["ffc"]
    how = Refinement(1, learning_rate=1e-12, smallest_side=24)
    torch.testing.assert_close(
        sample_refined(pipeline, picture(), hole(), refinement=how),
        pipeline.sample(picture(), hole()),
        atol=1e-6,
        rtol=0,
    )


# Memory ---------------------------------------------------------------------------------------------------


def test_the_need_grows_with_the_pixels(pipelines):
    for latent in LATENTS:
        small, large = (bytes_needed(pipelines["ffc"], latent, side, 2 * side) for side in (128, 512))
        assert large - BASE == pytest.approx(16 * (small - BASE), rel=1e-6)
    # At the least, the decoder's three maps of four channels at full size: before BatchNorm, after the ReLU, padded.
    assert bytes_needed(pipelines["ffc"], "refined", 512, 512) > BASE + 3 * 4 * 4 * 512 * 512


@pytest.mark.parametrize(("refiner", "latent"), allowed())
def test_known_pixels_hold_the_picture_in_place(refiner, latent, pipelines, monkeypatch):
    """What is decoded, before the known pixels are put back, comes nearer to them."""
    decoded = []
    right = feature_refinement.composite
    monkeypatch.setattr(feature_refinement, "composite", lambda *parts: decoded.append(parts) or right(*parts))
    image, mask = picture(), hole()
    for iterations in (1, 12):
        how = Refinement(iterations, learning_rate=0.05, smallest_side=48, latent=latent)
        sample_refined(pipelines[refiner], image, mask, refinement=how)
    # Of each run: the smallest scale, the full one, and the whole.
    first, last = (
        (parts[1] - image).abs()[(mask < 0.5).expand_as(image)].mean() for parts in (decoded[1], decoded[4])
    )
    assert last < 0.97 * first


def test_too_little_memory_outputs_at_full_size(pipelines):
    pipeline, image, mask = pipelines["ffc"], picture(), hole()
    need = [bytes_needed(pipeline, "conditioned", *size) for size in pyramid_sizes(HEIGHT, WIDTH, 24)]
    assert len(need) == 3
    warnings, progress = [], []
    callbacks = {"progress": progress.append, "warn": warnings.append}
    how = Refinement(2, smallest_side=24, memory=(need[1] + need[2]) / 2 / GIB, **callbacks)
    output = sample_refined(pipeline, image, mask, refinement=how)[0]
    assert output.shape == image.shape and torch.equal(output[:, :, mask[0, 0] == 0], image[:, :, mask[0, 0] == 0])
    assert len(warnings) == 1 and "49x40" in warnings[0] and "83x68" in warnings[0]
    assert len(progress) == 1 and "49x40" in progress[0]
    progress.clear()
    warnings.clear()
    sample_refined(pipeline, image, mask, refinement=Refinement(2, smallest_side=24, memory=1, **callbacks))
    assert len(progress) == 2 and "49x40" in progress[0] and "83x68" in progress[1] and not warnings


# Mistakes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (dict(iterations=0), "number of iterations starts at 1, not at 0"),
        (dict(iterations=1.5), "number of iterations is a whole number, not 1.5"),
        (dict(smallest_side=15), "smallest side starts at 16"),
        (dict(smallest_side="64"), "smallest side is a whole number, not '64'"),
        (dict(erosion=-1), "erosion starts at 0"),
        (dict(erosion=0.5), "erosion is a whole number"),
        (dict(learning_rate=0), "learning rate is above 0"),
        (dict(learning_rate=float("nan")), "learning rate is above 0"),
        (dict(learning_rate=float("inf")), "learning rate is above 0"),
        (dict(latent="noise"), "no latent 'noise': choose one of refined, conditioned"),
        (dict(memory=0), "memory for refining is above 0 GiB"),
        (dict(memory=float("nan")), "memory for refining is above 0 GiB"),
    ],
    ids=str,
)
def test_values_out_of_range(values, message):
    with pytest.raises(InputError, match=message):
        Refinement(**values)


def test_values_on_the_bounds():
    least = {"iterations": 1, "smallest_side": 16, "erosion": 0, "learning_rate": 1e-9, "memory": 1e-9}
    refinement = Refinement(**least)
    assert {name: getattr(refinement, name) for name in least} == least


def test_what_cannot_be_refined(pipelines):
    pixels = InpaintPipeline(IdentityAutoencoder(), FFCRefiner(3, blocks=1, ratio=0.0))
    with pytest.raises(InputError, match="pixels"):
        sample_refined(pixels, picture(), hole())
    with pytest.raises(InputError, match="draws"):
        sample_refined(pipelines["flow"], picture(), hole(), refinement=Refinement(latent="conditioned"))


def test_too_few_seeds(pipelines):
    with pytest.raises(ValueError, match="1 seeds for 2 pictures"):
        sample_refined(pipelines["ffc"], picture(2), hole(2), seeds=[5], refinement=QUICK)
