"""Mask control: nothing at step 0, the gradients of a zero convolution, maps that fit the stages."""

import pytest
import torch

from latentinpaint.models import AUTOENCODERS, IdentityAutoencoder, LamaAutoencoder, MaskControl, zero_conv

WITH_STAGES = [
    ("LamaAutoencoder", dict(base_channels=4)),
    ("LamaAutoencoder", dict(base_channels=2, latent_channels=5, residual_blocks=1)),
    ("LamaAutoencoder", dict(base_channels=3, final_relu=False)),
]


def build(name="LamaAutoencoder", arguments=WITH_STAGES[0][1]):
    torch.manual_seed(0)
    autoencoder = AUTOENCODERS[name](**arguments)
    autoencoder.measure_latents([torch.rand(3, 3, 32, 32)])
    return autoencoder.freeze(), MaskControl(autoencoder)


def pictures_and_masks(count=2, height=32, width=40):
    return torch.rand(count, 3, height, width), (torch.rand(count, 1, height, width) > 0.6).float()


def bits(x):
    return x.detach().contiguous().view(torch.int32)


def test_every_autoencoder_with_stages_is_tested():
    with_stages = {name for name, cls in AUTOENCODERS.items() if cls().stage_channels}
    assert with_stages == {name for name, _ in WITH_STAGES}


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize(("name", "arguments"), WITH_STAGES, ids=str)
def test_step_zero_changes_no_bit(name, arguments, training):
    autoencoder, control = build(name, arguments)
    control.train(training)
    for _ in range(3):
        image, mask = pictures_and_masks()
        features = control(mask)
        assert torch.equal(bits(autoencoder.encode(image, features)), bits(autoencoder.encode(image)))


@pytest.mark.parametrize(("name", "arguments"), WITH_STAGES, ids=str)
def test_maps_fit_the_stages(name, arguments):
    autoencoder, control = build(name, arguments)
    shapes = [tuple(m.shape) for m in control(torch.ones(2, 1, 32, 40))]
    assert shapes == [
        (2, c, 32 // s, 40 // s) for c, s in zip(autoencoder.stage_channels, autoencoder.stage_strides, strict=True)
    ]


def test_gradients_reach_the_mask_encoder_from_the_second_step():
    autoencoder, control = build()
    # An untrained encoder has channels that hardly vary; standardised, one step would throw them far away.
    autoencoder.latent_std.fill_(1.0)
    image, mask = pictures_and_masks()
    frozen = autoencoder.encode(image)
    target = torch.randn_like(frozen)
    optimizer = torch.optim.SGD(control.parameters(), lr=0.05)
    encoder, taps = list(control.levels.parameters()), list(control.taps.parameters())

    for step in (1, 2):
        optimizer.zero_grad()
        (autoencoder.encode(image, control(mask)) - target).square().mean().backward()
        assert all(weight.grad.abs().max() > 0 for weight in taps)
        if step == 1:
            assert all(weight.grad.abs().max() == 0 for weight in encoder)
        else:
            # BatchNorm's gradient for a convolution before it is tiny but there.
            assert all(weight.grad.abs().max() > 0 for weight in encoder)
        assert all(weight.grad is None for weight in autoencoder.parameters())
        optimizer.step()

    after = autoencoder.encode(image, control(mask))
    assert (after - frozen).abs().max() > 1e-4
    assert (after - target).square().mean() < (frozen - target).square().mean()


def test_the_mask_decides_once_trained():
    autoencoder, control = build()
    for tap in control.taps:
        torch.nn.init.normal_(tap.weight)
    control.eval()
    image, mask = pictures_and_masks()
    one, other = (autoencoder.encode(image, control(m)) for m in (mask, 1 - mask))
    assert (one - other).abs().max() > 1e-3


@pytest.mark.parametrize("stage_channels", [4, 8, 64])
@pytest.mark.parametrize("width", [None, 3])
def test_layers_are_the_theses(stage_channels, width):
    """1x1 to 8 channels, then 3x3 of stride 2 to 16, 32, 64, whatever the autoencoder has; taps 1x1; no bias."""
    autoencoder = LamaAutoencoder(stage_channels, latent_channels=5)
    control = MaskControl(autoencoder) if width is None else MaskControl(autoencoder, width)
    widths = [8, 16, 32, 64] if width is None else [3, 6, 12, 24]
    convolutions = [level[0] for level in control.levels]
    assert [c.kernel_size[0] for c in convolutions] == [1, 3, 3, 3]
    assert [c.stride[0] for c in convolutions] == [1, 2, 2, 2]
    assert [c.in_channels for c in convolutions] == [1, *widths[:3]]
    assert [c.out_channels for c in convolutions] == widths
    assert all(tap.kernel_size == (1, 1) and tap.bias is None for tap in control.taps)
    stages = [stage_channels, 2 * stage_channels, 4 * stage_channels, 5]
    assert [(t.in_channels, t.out_channels) for t in control.taps] == list(zip(widths, stages, strict=True))
    assert control.arguments == {"width": widths[0]}


def test_a_width_starts_at_one():
    with pytest.raises(ValueError, match="width"):
        MaskControl(LamaAutoencoder(4), 0)


def test_zero_conv():
    convolution = zero_conv(3, 5)
    assert convolution.weight.shape == (5, 3, 1, 1)
    assert convolution.weight.requires_grad and convolution.bias is None
    assert torch.equal(convolution(torch.randn(2, 3, 4, 4)), torch.zeros(2, 5, 4, 4))


def test_an_autoencoder_without_stages_has_nothing_to_control():
    with pytest.raises(ValueError, match="IdentityAutoencoder"):
        MaskControl(IdentityAutoencoder())


def test_a_wrong_number_of_maps():
    autoencoder, control = build()
    image, mask = pictures_and_masks()
    with pytest.raises(ValueError, match="stages"):
        autoencoder.encode(image, control(mask)[:-1])
    assert LamaAutoencoder(4).stage_channels == autoencoder.stage_channels
