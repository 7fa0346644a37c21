"""Fusing: the same function as the module it was made from, in float64 to rounding, over every configuration."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from latentinpaint.models import FFC, FFCResnetBlock, IdentityAutoencoder, LamaAutoencoder, MaskControl, TimeUNet
from latentinpaint.models.fast.fuse import PASSES, fuse
from latentinpaint.models.fast.modules import CastTo
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.refiners import Condition, FFCRefiner, FlowRefiner, NoiseRefiner

AUTOENCODERS = {
    "lama": dict(base_channels=4, mask_channel=True),
    "no floor": dict(base_channels=4, final_relu=False),
    "residual": dict(base_channels=3, latent_channels=8, residual_blocks=1),
}
REFINERS = {
    **{f"ratio {ratio}": dict(blocks=2, ratio=ratio) for ratio in (0.0, 0.25, 0.75, 1.0)},
    "width": dict(blocks=2, width=12, delta=True),
    "no blocks": dict(blocks=0),
}
SIZES = [(16, 24), (40, 56), (72, 104)]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def randomised(module, seed=0):
    """As if trained: statistics and affine parts far from those of initialisation, no weight at zero."""
    source = generator(seed)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.3, generator=source)
            part.running_var.uniform_(0.3, 1.5, generator=source)
            part.weight.data.uniform_(0.5, 1.0, generator=source)
            part.bias.data.normal_(0, 0.3, generator=source)
    for weight in module.parameters():
        if weight.numel() and not weight.any():
            weight.data.normal_(0, 0.1, generator=source)
    return module


def pipeline_of(autoencoder="lama", refiner=None, control=False, flow=False):
    torch.manual_seed(0)
    encoder = LamaAutoencoder(**AUTOENCODERS[autoencoder])
    encoder.latent_mean.uniform_(-0.3, 0.3)
    encoder.latent_std.uniform_(0.5, 1.5)
    channels = encoder.latent_channels
    made = (
        FlowRefiner(channels, width=16, multipliers=(1, 2), blocks=1, steps=2, dropout=0.1)
        if flow
        else FFCRefiner(channels, **(refiner or dict(blocks=2)))
    )
    return randomised(InpaintPipeline(encoder, made, MaskControl(encoder, 3) if control else None)).eval()


def pictures(size=(40, 56), batch=2, dtype=torch.float64):
    image = torch.rand(batch, 3, *size, generator=generator(1), dtype=dtype)
    mask = (F.interpolate(torch.rand(batch, 1, 5, 7, generator=generator(2)), size) > 0.6).to(dtype)
    return image, mask


def filled(pipeline, image, mask):
    return pipeline(image, mask, generator(3))


def norms(module):
    return [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(("autoencoder", "control"), list(product(AUTOENCODERS, (False, True))), ids=str)
def test_a_fused_pipeline_is_the_same_function(autoencoder, control, size):
    pipeline = pipeline_of(autoencoder, control=control).double()
    fused = fuse(pipeline)
    image, mask = pictures(size)
    expected = filled(pipeline, image, mask)
    assert expected[mask.expand_as(image) > 0].std() > 0.02
    torch.testing.assert_close(filled(fused, image, mask), expected, atol=1e-10, rtol=0)
    assert norms(pipeline) and not norms(fused)
    single = pipeline.float(), image.float(), mask.float()
    torch.testing.assert_close(filled(fuse(single[0]), *single[1:]), filled(*single), atol=2e-5, rtol=0)


@pytest.mark.parametrize("refiner", REFINERS)
def test_every_refiner(refiner):
    pipeline = pipeline_of(refiner=REFINERS[refiner]).double()
    image, mask = pictures()
    torch.testing.assert_close(filled(fuse(pipeline), image, mask), filled(pipeline, image, mask), atol=1e-10, rtol=0)


def test_styled_blocks():
    refiner = randomised(NoiseRefiner(4, blocks=2, width=12, noise=6)).eval()
    condition = Condition(*(torch.rand(2, channels, 5, 6, generator=generator(1)) for channels in (4, 1, 1)))
    fused = fuse(refiner, torch.bfloat16)
    assert not norms(fused)
    expected = refiner.refine(condition, generator(3))
    difference = (fused.refine(condition, generator(3)) - expected).abs().mean()
    assert 0 < difference < 0.1 * (refiner.refine(condition, generator(4)) - expected).abs().mean()
    double = Condition(*(part.double() for part in (condition.latent, condition.hole, condition.area)))
    exact = refiner.double().refine(double, generator(3))
    torch.testing.assert_close(fuse(refiner).refine(double, generator(3)), exact, atol=1e-10, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_flow_keeps_its_network(dtype):
    pipeline = pipeline_of(control=True, flow=True)
    image, mask = pictures(dtype=torch.float32)
    if dtype == torch.float64:
        pipeline, image, mask = pipeline.double(), image.double(), mask.double()
        fused = fuse(pipeline)
        assert fused.refiner.network.state_dict().keys() == pipeline.refiner.network.state_dict().keys()
        torch.testing.assert_close(filled(fused, image, mask), filled(pipeline, image, mask), atol=1e-10, rtol=0)
        return
    fused = fuse(pipeline, dtype)
    assert isinstance(fused.refiner.network, CastTo)
    difference = (filled(fused, image, mask) - filled(pipeline, image, mask)).abs()
    assert 0 < difference.mean() < 0.01


@pytest.mark.parametrize("name", PASSES)
def test_every_pass_alone_and_left_out(name):
    """The same function after all passes up to each one, and where only that one is missing."""
    pipeline = pipeline_of(control=True).double()
    image, mask = pictures((24, 40))
    expected = filled(pipeline, image, mask)
    upto = list(PASSES)[: list(PASSES).index(name) + 1]
    without = [other for other in PASSES if other != name or name == "norms"]
    for passes in (upto, without):
        torch.testing.assert_close(filled(fuse(pipeline, passes=passes), image, mask), expected, atol=1e-10, rtol=0)


def test_pixels_are_left_alone():
    pipeline = randomised(InpaintPipeline(IdentityAutoencoder(), FFCRefiner(3, 1, 0.75))).eval().double()
    image, mask = pictures((11, 13))
    torch.testing.assert_close(filled(fuse(pipeline), image, mask), filled(pipeline, image, mask), atol=1e-10, rtol=0)


@pytest.mark.parametrize("size", [(2, 2), (2, 3), (3, 2), (5, 7), (8, 2)], ids=str)
@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
def test_small_and_odd_grids(size, ratio):
    block = randomised(FFCResnetBlock(8, ratio)).double().eval()
    x = torch.randn(2, 8, *size, generator=generator(), dtype=torch.float64)
    torch.testing.assert_close(fuse(block)(x), block(x), atol=1e-10, rtol=0)


def test_the_original_is_untouched():
    pipeline = pipeline_of(control=True)
    pipeline.control.train()
    before = {name: value.clone() for name, value in pipeline.state_dict().items()}
    fused = fuse(pipeline)
    with torch.no_grad():
        for weight in fused.parameters():
            weight.zero_()
    after = pipeline.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
    assert pipeline.control.training and not fused.control.training
    assert all(weight.requires_grad for weight in pipeline.refiner.parameters())
    assert not any(weight.requires_grad for weight in fused.parameters())


def test_gradients_flow_through_to_what_came_in():
    """Those of the module itself, by automatic differentiation of the module itself."""
    pipeline = pipeline_of(control=True).double()
    fused = fuse(pipeline)
    image, mask = pictures((24, 40))
    gradients = []
    for made in (pipeline, fused):
        inputs = image.clone().requires_grad_()
        control = [tap.requires_grad_() for tap in (t.detach() for t in pipeline.control(mask))]
        encoded = made.autoencoder.encode(inputs, control, mask)
        refined = made.refiner.blocks(encoded)
        (made.autoencoder.decode(refined) * image).sum().backward()
        gradients.append([inputs.grad, *(tap.grad for tap in control)])
    for expected, found in zip(*gradients, strict=True):
        assert expected.abs().max() > 1e-6
        torch.testing.assert_close(found, expected, atol=1e-14, rtol=1e-8)
    assert all(weight.grad is None for weight in fused.parameters())


def test_bfloat16_is_close_and_returns_float32():
    pipeline = pipeline_of(control=True)
    image, mask = pictures(dtype=torch.float32)
    fused = fuse(pipeline, torch.bfloat16)
    difference = (filled(fused, image, mask) - filled(pipeline, image, mask)).abs()
    assert 1e-5 < difference[mask.expand_as(image) > 0].mean() < 5e-3
    condition = fused.condition(image, mask)
    assert condition.latent.dtype == fused.autoencoder.decode(condition.latent).dtype == torch.float32
    assert {weight.dtype for weight in fused.parameters() if weight.ndim == 4} == {torch.bfloat16}
    assert fused.autoencoder.latent_mean.dtype == torch.float32


def test_a_bfloat16_copy_works_under_autocast():
    pipeline = pipeline_of(control=True)
    image, mask = pictures(dtype=torch.float32)
    fused = fuse(pipeline, torch.bfloat16)
    expected = filled(fused, image, mask)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(filled(fused, image, mask), expected)
        mixed = filled(fuse(pipeline), image, mask)
    assert (mixed - expected).abs().mean() < 5e-3


def test_convolutions_of_other_kinds_stay():
    others = nn.Sequential(
        nn.Conv2d(4, 4, 3, groups=2),
        nn.BatchNorm2d(4),
        nn.Conv2d(4, 4, 3, dilation=2),
        nn.ReLU(),
        nn.Conv2d(4, 2, (1, 3)),
    )
    others = randomised(others).double().eval()
    x = torch.randn(1, 4, 12, 12, dtype=torch.float64)
    torch.testing.assert_close(fuse(others)(x), others(x), atol=1e-12, rtol=0)


def test_a_single_layer_and_a_network_without_norms():
    layer = randomised(FFC(8, 0.5)).double().eval()
    x = torch.randn(1, 8, 6, 5, generator=generator(), dtype=torch.float64)
    torch.testing.assert_close(fuse(layer)(x), layer(x), atol=1e-11, rtol=0)
    network = randomised(TimeUNet(8, 8, 16, (1, 2), 1)).eval()
    torch.testing.assert_close(fuse(network)(x.float(), torch.ones(1)), network(x.float(), torch.ones(1)))
