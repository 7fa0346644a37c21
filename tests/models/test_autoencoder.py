"""Autoencoders: shapes, statistics computed by other means, a freeze that holds, published sizes."""

import pytest
import torch
from small_autoencoders import ADOPTED, EXAMPLES, build
from torch import nn

from latentinpaint.models import AUTOENCODERS, IdentityAutoencoder, LamaAutoencoder
from latentinpaint.weights import load_autoencoder, save_autoencoder

VARIANTS = [
    dict(base_channels=3),
    dict(base_channels=4, latent_channels=5),
    dict(base_channels=2, residual_blocks=1),
    dict(base_channels=4, final_relu=False),
    dict(base_channels=2, latent_channels=6, residual_blocks=2, final_relu=False),
]


def pictures(count=2, height=32, width=48, seed=0):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed))


def shake_norms(module):
    """Give every BatchNorm statistics and an affine part that are not those of its initialisation."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean, std=0.3)
            nn.init.uniform_(part.running_var, 0.5, 2.0)
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, std=0.3)
    return module


# Every entry of the registry -----------------------------------------------------------------------------


def test_every_autoencoder_has_an_example():
    assert {kind for kind, _ in EXAMPLES.values()} == set(AUTOENCODERS)


@pytest.mark.parametrize("name", EXAMPLES)
def test_shapes(name):
    autoencoder = build(name).eval()
    image = pictures()
    z = autoencoder.encode(image)
    assert z.shape == (2, autoencoder.latent_channels, 32 // autoencoder.stride, 48 // autoencoder.stride)
    out = autoencoder.decode(z)
    assert out.shape == image.shape
    assert out.min() >= 0 and out.max() <= 1


@pytest.mark.parametrize("name", EXAMPLES)
def test_arguments_build_an_equal_one(name):
    autoencoder = build(name)
    twin = type(autoencoder)(**autoencoder.arguments)
    twin.load_state_dict(autoencoder.state_dict())
    assert twin.arguments == autoencoder.arguments
    assert torch.equal(twin.eval().encode(pictures()), autoencoder.eval().encode(pictures()))


@pytest.mark.parametrize("name", EXAMPLES)
def test_measured_latents_are_standard(name):
    autoencoder = shake_norms(build(name)).train()
    images = pictures(7)
    autoencoder.measure_latents(images.split([3, 3, 1]))
    assert autoencoder.training
    autoencoder.eval()
    z = autoencoder.encode(images).transpose(0, 1).flatten(1)
    features = autoencoder.encode_features(images).transpose(0, 1).flatten(1)
    alive = features.std(dim=1) > 1e-4
    assert alive.any()
    torch.testing.assert_close(autoencoder.latent_mean, features.mean(dim=1), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(z.mean(dim=1), torch.zeros(len(z)), atol=1e-4, rtol=0)
    expected = torch.ones(len(z))[alive]
    torch.testing.assert_close(z.std(dim=1, correction=0)[alive], expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", EXAMPLES)
def test_decode_undoes_the_standardisation(name):
    autoencoder = build(name).eval()
    autoencoder.measure_latents([pictures()])
    other = pictures(seed=1)
    expected = autoencoder.decode_features(autoencoder.encode_features(other))
    torch.testing.assert_close(autoencoder.decode(autoencoder.encode(other)), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", EXAMPLES)
def test_latent_statistics_need_pictures(name):
    with pytest.raises(ValueError, match="batch"):
        build(name).measure_latents([])


@pytest.mark.parametrize("name", EXAMPLES)
def test_freeze_holds_whatever_train_is_called_on(name):
    autoencoder = build(name)
    autoencoder.measure_latents([pictures()])
    assert autoencoder.freeze() is autoencoder
    parent = nn.Sequential(autoencoder, nn.Linear(2, 2))
    before = {key: value.clone() for key, value in autoencoder.state_dict().items()}
    for holder in (parent, autoencoder):
        holder.train()
        autoencoder.decode(autoencoder.encode(pictures(seed=3)))
        assert not any(module.training for module in autoencoder.modules())
        for key, value in autoencoder.state_dict().items():
            assert torch.equal(value, before[key]), key
    assert parent[1].training
    assert not any(weight.requires_grad for weight in autoencoder.parameters())


def test_the_freeze_test_can_fail():
    """Without `freeze` the running statistics do move: the buffers above are ones that would notice."""
    autoencoder = build("LamaAutoencoder").requires_grad_(False).train()
    before = autoencoder.encoder[0][1].running_mean.clone()
    autoencoder.encode(pictures())
    assert not torch.equal(autoencoder.encoder[0][1].running_mean, before)


@pytest.mark.parametrize("name", EXAMPLES)
def test_fingerprint_is_of_every_number(name, tmp_path):
    autoencoder = build(name)
    original = autoencoder.fingerprint()
    save_autoencoder(autoencoder, tmp_path / "a.safetensors")
    assert load_autoencoder(tmp_path / "a.safetensors").fingerprint() == original
    numbers = [entry for entry in autoencoder.state_dict().items() if entry[1].is_floating_point()]
    # Of those with many tensors one in eight: each costs a checksum of all.
    step = 8 if name in ADOPTED else 1
    for key, value in numbers[::step]:
        kept = value.flatten()[-1].clone()
        value.view(-1)[-1] += 1e-3
        assert autoencoder.fingerprint() != original, key
        value.view(-1)[-1] = kept
    assert autoencoder.fingerprint() == original


def test_fingerprint_knows_the_arguments():
    torch.manual_seed(0)
    with_relu = LamaAutoencoder(base_channels=2)
    torch.manual_seed(0)
    without = LamaAutoencoder(base_channels=2, final_relu=False)
    assert all(torch.equal(a, b) for a, b in zip(with_relu.parameters(), without.parameters(), strict=True))
    assert with_relu.fingerprint() != without.fingerprint()


@pytest.mark.parametrize("name", ADOPTED)
def test_control_fits_the_points_it_is_added_at(name):
    """Each map alone changes the latent, and one too few or too many is refused."""
    autoencoder = build(name).freeze()
    image = pictures(height=64, width=32)
    plain = autoencoder.encode_features(image)
    shapes = list(zip(autoencoder.stage_channels, autoencoder.stage_strides, strict=True))
    nothing = [torch.zeros(2, channels, 64 // stride, 32 // stride) for channels, stride in shapes]
    assert torch.equal(autoencoder.encode_features(image, nothing), plain)
    for index in range(len(nothing)):
        control = [torch.randn_like(each) if i == index else each for i, each in enumerate(nothing)]
        assert not torch.allclose(autoencoder.encode_features(image, control), plain)
    for wrong in (nothing[1:], [*nothing, nothing[0]]):
        with pytest.raises(ValueError, match=f"{len(wrong)} maps"):
            autoencoder.encode_features(image, wrong)
    assert torch.equal(autoencoder.encode_features(image), plain)


# LaMa's ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", VARIANTS, ids=str)
def test_stages_have_the_declared_channels_and_strides(arguments):
    autoencoder = LamaAutoencoder(**arguments).eval()
    base = arguments["base_channels"]
    latent = arguments.get("latent_channels") or 8 * base
    assert autoencoder.stage_channels == (base, 2 * base, 4 * base, latent)
    assert autoencoder.stage_strides == (1, 2, 4, 8)
    assert (autoencoder.stride, autoencoder.latent_channels) == (8, latent)
    features = pictures()
    for stage, channels, stride in zip(
        autoencoder.stages, autoencoder.stage_channels, autoencoder.stage_strides, strict=True
    ):
        features = stage(features)
        assert features.shape == (2, channels, 32 // stride, 48 // stride)
    assert torch.equal(features, autoencoder.encode_features(pictures()))
    assert autoencoder.decode_features(features).shape == (2, 3, 32, 48)


@pytest.mark.parametrize("final_relu", [True, False])
def test_the_final_relu_is_the_floor_of_the_features(final_relu):
    features = LamaAutoencoder(4, final_relu=final_relu).eval().encode_features(pictures())
    assert (features.min() >= 0) == final_relu
    assert features.max() > 0


@pytest.mark.parametrize("arguments", VARIANTS, ids=str)
def test_control_is_added_after_each_stage(arguments):
    autoencoder = LamaAutoencoder(**arguments).eval()
    autoencoder.measure_latents([pictures()])
    image = pictures(seed=1)
    control = [
        torch.randn(2, channels, 32 // stride, 48 // stride)
        for channels, stride in zip(autoencoder.stage_channels, autoencoder.stage_strides, strict=True)
    ]
    first, second, third, fourth = autoencoder.stages
    features = first(image) + control[0]
    features = second(features) + control[1]
    features = third(features) + control[2]
    features = fourth(features) + control[3]
    assert torch.equal(autoencoder.encode_features(image, control), features)
    mean, std = autoencoder.latent_mean[:, None, None], autoencoder.latent_std[:, None, None]
    torch.testing.assert_close(autoencoder.encode(image, control), (features - mean) / std)
    for index in range(4):
        without = [torch.zeros_like(c) if i == index else c for i, c in enumerate(control)]
        assert not torch.equal(autoencoder.encode_features(image, without), features)


@pytest.mark.parametrize("maps", [0, 3, 5])
def test_control_has_one_map_a_stage(maps):
    autoencoder = LamaAutoencoder(2).eval()
    with pytest.raises(ValueError, match=f"{maps} maps.* 4 stages"):
        autoencoder.encode(pictures(), [torch.zeros(1)] * maps)


def test_dead_channels_stay_finite():
    autoencoder = LamaAutoencoder(4).eval()
    norm = autoencoder.encoder[-1][1]
    norm.weight.data[2], norm.bias.data[2] = 0.0, -1.0  # ReLU makes it 0 everywhere
    norm.weight.data[5], norm.bias.data[5] = 0.0, 0.7  # a constant
    autoencoder.measure_latents([pictures()])
    z = autoencoder.encode(pictures(seed=1))
    assert z.isfinite().all()
    torch.testing.assert_close(z[:, [2, 5]], torch.zeros_like(z[:, [2, 5]]), atol=1e-6, rtol=0)
    assert autoencoder.latent_std[[2, 5]].tolist() == [1.0, 1.0]


def test_size_is_lamas():
    """LaMa: encoder 1.56 M, decoder 1.56 M. By hand: convolutions, BatchNorms (2 a channel), biases."""
    autoencoder = LamaAutoencoder(64)
    convolutions = 49 * 3 * 64 + 9 * (64 * 128 + 128 * 256 + 256 * 512)
    encoder = convolutions + 2 * (64 + 128 + 256 + 512)
    decoder = convolutions + (1 + 2) * (256 + 128 + 64) + 3
    assert sum(p.numel() for p in autoencoder.encoder.parameters()) == encoder
    assert sum(p.numel() for p in autoencoder.decoder.parameters()) == decoder
    assert encoder == pytest.approx(1.56e6, rel=2e-3)
    assert decoder == pytest.approx(1.56e6, rel=2e-3)


@pytest.mark.parametrize(
    "arguments", [dict(base_channels=0), dict(latent_channels=0), dict(residual_blocks=-1)], ids=str
)
def test_impossible_arguments(arguments):
    with pytest.raises(ValueError):
        LamaAutoencoder(**arguments)


# The one that does nothing --------------------------------------------------------------------------------


def test_identity():
    autoencoder = IdentityAutoencoder()
    image = pictures()
    assert autoencoder.stride == 1 and autoencoder.latent_channels == 3
    assert torch.equal(autoencoder.encode_features(image), image)
    assert torch.equal(autoencoder.decode_features(image), image)
    torch.testing.assert_close(autoencoder.encode(image), 2 * image - 1)
    torch.testing.assert_close(autoencoder.decode(autoencoder.encode(image)), image)
    ends = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2).expand(1, 3, 1, 2)
    assert autoencoder.encode(ends).unique().tolist() == [-1.0, 1.0]
    assert IdentityAutoencoder(1).encode(image[:, :1]).shape == (2, 1, 32, 48)
