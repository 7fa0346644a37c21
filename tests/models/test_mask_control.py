"""Mask control: nothing at step 0, the gradients of a zero convolution, maps that fit the stages."""

import pytest
import torch
from small_autoencoders import ADOPTED, EXAMPLES
from small_autoencoders import build as build_example

from latentinpaint.models import AUTOENCODERS, IdentityAutoencoder, LamaAutoencoder, MaskControl, zero_conv

WITH_STAGES = [
    ("LamaAutoencoder", dict(base_channels=4)),
    ("LamaAutoencoder", dict(base_channels=2, latent_channels=5, residual_blocks=1)),
    ("LamaAutoencoder", dict(base_channels=3, final_relu=False)),
    (
        "ResidualAutoencoder",
        dict(latent_channels=6, encoder_widths=[4, 5, 6], decoder_widths=[6, 5, 4], encoder_blocks=[0, 1, 1]),
    ),
]


WITH_STAGES += [EXAMPLES[name] for name in ADOPTED]


def build(name="LamaAutoencoder", arguments=WITH_STAGES[0][1]):
    if name == "DiffusersAutoencoder":
        autoencoder = build_example(arguments["architecture"])  # or skips the test
    else:
        torch.manual_seed(0)
        autoencoder = AUTOENCODERS[name](**arguments)
    autoencoder.measure_latents([torch.rand(3, 3, 32, 32)])
    return autoencoder.freeze(), MaskControl(autoencoder)


def pictures_and_masks(count=2, height=32, width=40):
    return torch.rand(count, 3, height, width), (torch.rand(count, 1, height, width) > 0.6).float()


def bits(x):
    return x.detach().contiguous().view(torch.int32)


def test_every_autoencoder_with_stages_is_tested():
    without = {"IdentityAutoencoder"}
    assert {name for name, _ in WITH_STAGES} == set(AUTOENCODERS) - without
    assert not IdentityAutoencoder().stage_channels


@pytest.mark.parametrize(("name", "arguments"), WITH_STAGES, ids=str)
def test_step_zero_changes_no_bit(name, arguments):
    autoencoder, control = build(name, arguments)
    image, mask = pictures_and_masks()
    assert torch.equal(bits(autoencoder.encode(image, control(mask))), bits(autoencoder.encode(image)))


def trained(control):
    """The control with weights that no zero hides."""
    for parameter in control.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return control


@pytest.mark.parametrize(("name", "arguments"), WITH_STAGES, ids=str)
def test_an_empty_mask_changes_no_bit_once_trained(name, arguments):
    autoencoder, control = build(name, arguments)
    image, mask = pictures_and_masks()
    trained(control)
    empty = autoencoder.encode(image, control(torch.zeros_like(mask)))
    assert torch.equal(bits(empty), bits(autoencoder.encode(image)))
    assert not torch.equal(autoencoder.encode(image, control(mask)), autoencoder.encode(image))


@pytest.mark.parametrize(("name", "arguments"), WITH_STAGES, ids=str)
def test_maps_are_zero_beyond_the_reach_and_not_within_it(name, arguments):
    """The farthest cell that any hole pixel moves, pixel by pixel, is `reach` away."""
    autoencoder, control = build(name, arguments)
    for parameter in trained(control).parameters():
        parameter.data.abs_()  # nothing cancels
    farthest = 0
    for column in range(64, 80):
        mask = torch.zeros(1, 1, 16, 144)
        mask[..., 8, column] = 1
        for stride, features in zip(autoencoder.stage_strides, control(mask), strict=True):
            for cell in features.abs().sum(dim=(0, 1, 2)).nonzero().flatten().tolist():
                before, after = stride * cell - column, column - (stride * (cell + 1) - 1)
                farthest = max(farthest, before, after)
    assert farthest == control.reach


# Pixels from a hole to the nearest latent cell that nothing of the mask control reaches: the reach of the maps, plus
# that of the encoder's convolutions behind them, 3x3 of strides 1, 2 and 4 or 4x4 of strides 2 and 4 and residual
# blocks.
@pytest.mark.parametrize(
    ("name", "arguments", "distance"),
    [(*WITH_STAGES[0], 7 + 7 + 8), (*WITH_STAGES[1], 7 + 7 + 2 * (1 + 2 + 4 + 8) + 8), (*WITH_STAGES[3], 100)],
    ids=["lama", "blocks", "residual"],
)
def test_latents_far_from_the_hole_are_the_frozen_encoder_s(name, arguments, distance):
    """Bit for bit, with a trained control; near the hole they are others."""
    autoencoder, control = build(name, arguments)
    trained(control)
    image = torch.rand(1, 3, 16, 512)
    mask = torch.zeros(1, 1, 16, 512)
    mask[..., 4:12, 240:260] = 1
    frozen = bits(autoencoder.encode(image))
    controlled = bits(autoencoder.encode(image, control(mask)))
    first, last = (240 - distance) // 8, (260 + distance) // 8
    for far in (slice(None, first), slice(last + 1, None)):
        assert torch.equal(controlled[..., far], frozen[..., far])
    assert not torch.equal(controlled, frozen)


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
