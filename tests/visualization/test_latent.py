"""The latent difference on autoencoders whose output is known."""

import numpy as np
import pytest
import torch

from latentinpaint.models import IdentityAutoencoder, LamaAutoencoder, MaskControl
from latentinpaint.visualization import draw_latent_difference, latent_difference


def box(height, width, top, left, side):
    mask = torch.zeros(1, 1, height, width)
    mask[..., top : top + side, left : left + side] = 1
    return mask


def test_identity_by_hand():
    image = torch.rand(2, 3, 12, 10)
    mask = box(12, 10, 2, 3, 4).expand(2, -1, -1, -1)
    autoencoder = IdentityAutoencoder().eval()
    deviations = torch.tensor([0.5, 0.25, 2.0])
    autoencoder.latent_std.copy_(deviations)
    result = latent_difference(autoencoder, image, mask)
    assert torch.equal(result.masked, image * (1 - mask))
    assert torch.equal(result.decoded, image - image * (1 - mask))
    assert torch.equal(result.zero, torch.zeros_like(image))
    lost = (image * mask).numpy()
    expected = (lost[:, 0] / 0.5 + lost[:, 1] / 0.25 + lost[:, 2] / 2.0) / 3
    np.testing.assert_allclose(result.damage[:, 0].numpy(), expected, rtol=1e-6)
    assert result.damage.shape == (2, 1, 12, 10)
    assert result.repaired_decoded is None and result.repaired_damage is None


@pytest.fixture
def autoencoder():
    torch.manual_seed(3)
    made = LamaAutoencoder(base_channels=4, final_relu=False)
    made.measure_latents([torch.rand(4, 3, 32, 32)])
    return made.freeze()


def test_damage_reaches_as_far_as_the_receptive_field(autoencoder):
    """A latent cell sees a 7x7 and three strided 3x3 convolutions: 3 + 1 + 2 + 4 = 10 pixels to either side."""
    size, side, start = 128, 8, 64
    image = torch.rand(1, 3, size, size)
    result = latent_difference(autoencoder, image, box(size, size, start, start, side))
    reach = 3 + 1 + 2 + 4
    centres = 8 * np.arange(size // 8)  # a strided convolution's cell sits at its first pixel
    near = (centres + reach >= start) & (centres - reach <= start + side - 1)
    damage = result.damage[0, 0].numpy()
    assert (damage[np.ix_(near, near)] > 0).all()
    damage = damage.copy()
    damage[np.ix_(near, near)] = 0
    assert (damage == 0).all()
    assert result.damage.shape == (1, 1, 16, 16)


def test_what_is_drawn_is_what_the_decoder_makes(autoencoder):
    image, mask = torch.rand(1, 3, 32, 40), box(32, 40, 8, 8, 12)
    result = latent_difference(autoencoder, image, mask)
    difference = autoencoder.encode_features(image) - autoencoder.encode_features(image * (1 - mask))
    assert torch.equal(result.decoded, autoencoder.decode_features(difference))
    assert torch.equal(result.zero, autoencoder.decode_features(torch.zeros(1, 32, 4, 5)))
    latents = autoencoder.encode(image) - autoencoder.encode(image * (1 - mask))  # standardised: the mean cancels
    torch.testing.assert_close(result.damage, latents.abs().mean(dim=1, keepdim=True), rtol=1e-4, atol=1e-5)


def test_without_a_hole_nothing_is_lost(autoencoder):
    result = latent_difference(autoencoder, torch.rand(1, 3, 32, 32), torch.zeros(1, 1, 32, 32))
    assert (result.damage == 0).all() and torch.equal(result.decoded, result.zero)


def test_a_control_of_zeros_changes_nothing(autoencoder):
    image, mask = torch.rand(1, 3, 32, 32), box(32, 32, 8, 8, 12)
    control = MaskControl(autoencoder).eval()
    result = latent_difference(autoencoder, image, mask, control)
    assert torch.equal(result.repaired_decoded, result.decoded)
    assert torch.equal(result.repaired_damage, result.damage)
    torch.nn.init.normal_(control.taps[-1].weight)
    changed = latent_difference(autoencoder, image, mask, control)
    assert not torch.equal(changed.repaired_damage, result.damage)
    assert torch.equal(changed.damage, result.damage)


def test_the_content_of_the_hole_reaches_the_masked_side_only_as_zeros(autoencoder):
    image, mask = torch.rand(1, 3, 32, 32), box(32, 32, 8, 8, 12)
    other = torch.where(mask > 0, torch.rand_like(image), image)
    one, two = (latent_difference(autoencoder, x, mask) for x in (image, other))
    assert torch.equal(one.masked, two.masked) and not torch.equal(one.damage, two.damage)


@pytest.mark.parametrize(("with_control", "panels"), [(False, 4), (True, 6)])
def test_sheet(with_control, panels, autoencoder):
    image, mask = torch.rand(2, 3, 32, 32), box(32, 32, 8, 8, 12).expand(2, -1, -1, -1)
    control = MaskControl(autoencoder).eval() if with_control else None
    result = latent_difference(autoencoder, image, mask, control)
    sheets = [draw_latent_difference(result, index) for index in (0, 1)]
    assert sheets[0].size == (340 * panels, 390) and sheets[0].mode == "RGB"
    assert not np.array_equal(np.asarray(sheets[0]), np.asarray(sheets[1]))


@pytest.mark.parametrize("fill", [0.0, 1.0], ids=["no-hole", "all-hole"])
def test_sheet_of_unusual_holes(fill, autoencoder):
    result = latent_difference(autoencoder, torch.rand(1, 3, 32, 32), torch.full((1, 1, 32, 32), fill))
    assert draw_latent_difference(result).width == 1360


def test_the_hole_is_hidden_as_the_pipeline_hides_it():
    """By the autoencoder's own value."""
    autoencoder = IdentityAutoencoder().eval()
    autoencoder.hole_value = 0.5
    image, mask = torch.rand(1, 3, 12, 10), box(12, 10, 2, 3, 4)
    result = latent_difference(autoencoder, image, mask)
    assert torch.equal(result.masked, torch.where(mask > 0, 0.5, image))
