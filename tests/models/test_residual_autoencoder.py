"""The residual autoencoder: the start from patches against NumPy's singular value decomposition."""

import numpy as np
import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.models import ResidualAutoencoder
from latentinpaint.models.fast.fuse import fuse

SMALL = dict(
    encoder_widths=[12, 48, 64], encoder_blocks=[0, 0, 0], decoder_widths=[64, 48, 12], decoder_blocks=[0, 0, 0]
)


def smooth_pictures(count=6, side=64):
    """Pictures whose patches are far from random: sums of waves."""
    generator = torch.Generator().manual_seed(0)
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    pictures = torch.zeros(count, 3, side, side)
    for _ in range(8):
        frequency = torch.rand(count, 3, 2, 1, 1, generator=generator)
        pictures += torch.sin(frequency[:, :, 0] * rows + frequency[:, :, 1] * columns)
    return pictures / 16 + 0.5


def patches_of(pictures):
    """(N, 192): rows are patches of 8x8 in whatever order of values."""
    return torch.nn.functional.unfold(pictures, 8, stride=8).transpose(1, 2).reshape(-1, 192).double().numpy()


@pytest.mark.parametrize("latent_channels", [4, 12, 64])
def test_the_start_is_the_best_linear_code(latent_channels):
    """Its squared error is that of the singular value decomposition, below which no linear code of the size gets."""
    torch.manual_seed(0)
    autoencoder = ResidualAutoencoder(latent_channels, **SMALL)
    pictures = smooth_pictures()
    autoencoder.start_from_patches(pictures.split(4))
    error = (autoencoder.decode_unclamped(autoencoder.encode_features(pictures)) - pictures).square().mean()
    patches = patches_of(pictures)
    values = np.linalg.svd(patches - patches.mean(0), compute_uv=False)
    expected = np.square(values[latent_channels:]).sum() / patches.size
    assert float(error) == pytest.approx(expected, rel=1e-2, abs=1e-9)


def test_residual_blocks_hardly_move_the_start():
    torch.manual_seed(0)
    autoencoder = ResidualAutoencoder()
    pictures = smooth_pictures()
    autoencoder.start_from_patches([pictures])
    error = (autoencoder.decode_features(autoencoder.encode_features(pictures)) - pictures).square().mean()
    assert error < 1e-4


def test_all_channels_of_the_start_have_the_same_variance_and_distances_stay():
    torch.manual_seed(0)
    autoencoder = ResidualAutoencoder(64, **SMALL)
    pictures = smooth_pictures()
    autoencoder.start_from_patches([pictures])
    features = autoencoder.encode_features(pictures)
    spread = features.std(dim=(0, 2, 3))
    assert spread.max() < 1.1 * spread.min()
    between_features = (features[0] - features[1]).square().sum()
    between_pictures = (pictures[0] - pictures[1]).square().sum()
    assert float(between_features / between_pictures) == pytest.approx((4 * 0.5) ** 2, rel=1e-2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(encoder_widths=[8, 48, 64]), "encoder_widths"),
        (dict(decoder_widths=[64, 40, 12]), "decoder_widths"),
        (dict(encoder_widths=[12, 48, 32]), "encoder_widths"),
    ],
)
def test_a_start_needs_room(arguments, message):
    with pytest.raises(InputError, match=message):
        ResidualAutoencoder(64, **(SMALL | arguments)).start_from_patches([smooth_pictures(1)])


def test_a_start_needs_pictures():
    with pytest.raises(InputError, match="batch"):
        ResidualAutoencoder(64, **SMALL).start_from_patches([])


@pytest.mark.parametrize(
    "arguments",
    [
        dict(latent_channels=0),
        dict(encoder_widths=[4, 5]),
        dict(decoder_blocks=[1, 1, -1]),
        dict(decoder_widths=[4, 0, 4]),
    ],
)
def test_wrong_arguments(arguments):
    with pytest.raises(InputError):
        ResidualAutoencoder(**arguments)


def test_the_default_has_its_documented_size_and_no_normalisation():
    autoencoder = ResidualAutoencoder()
    assert sum(parameter.numel() for parameter in autoencoder.parameters()) == 3_310_428
    assert not any("norm" in type(module).__name__.lower() for module in autoencoder.modules())


def test_pixels_are_limited_only_at_the_end():
    torch.manual_seed(0)
    autoencoder = ResidualAutoencoder(64, **SMALL)
    autoencoder.start_from_patches([smooth_pictures()])
    features = 4 * autoencoder.encode_features(smooth_pictures())
    unclamped = autoencoder.decode_unclamped(features)
    assert unclamped.min() < 0 and unclamped.max() > 1
    assert torch.equal(autoencoder.decode_features(features), unclamped.clamp(0, 1))


def test_fusing_keeps_the_function():
    torch.manual_seed(0)
    autoencoder = ResidualAutoencoder(6, [4, 5, 6], decoder_widths=[6, 5, 4]).eval()
    image = torch.rand(2, 3, 32, 48)
    fused = fuse(autoencoder)
    torch.testing.assert_close(fused.encode(image), autoencoder.encode(image))
    torch.testing.assert_close(fused.decode(fused.encode(image)), autoencoder.decode(autoencoder.encode(image)))
