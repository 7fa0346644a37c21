"""The latent difference on autoencoders whose answer is known, and the grid's pixels."""

import numpy as np
import pytest
import torch
from PIL import Image

from latentinpaint.models import IdentityAutoencoder, LamaAutoencoder, MaskControl
from latentinpaint.visualization import draw_latent_difference, latent_difference, picture_grid, to_pil
from latentinpaint.visualization.grid import GAP, LABEL_HEIGHT


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


# --- the grid ---------------------------------------------------------------------------------------------


def test_to_pil_rounds_and_clips():
    levels = torch.tensor([-0.2, 0.0, 0.4 / 255, 0.6 / 255, 254.4 / 255, 254.6 / 255, 1.3])
    image = to_pil(levels.expand(3, 1, -1))
    assert np.asarray(image)[0, :, 1].tolist() == [0, 0, 0, 1, 254, 255, 255]
    assert image.size == (7, 1) and image.mode == "RGB"


def test_every_picture_is_at_its_place():
    height, width = 20, 30
    rows = [[torch.rand(3, height, width) for _ in range(3)] for _ in range(2)]
    grid = picture_grid(rows, ("one", "two", "three"))
    assert grid.size == (3 * width + 2 * GAP, LABEL_HEIGHT + 2 * height + GAP)
    for row in range(2):
        for column in range(3):
            left, top = column * (width + GAP), LABEL_HEIGHT + row * (height + GAP)
            cut = np.asarray(grid.crop((left, top, left + width, top + height)))
            expected = (rows[row][column] * 255).round().permute(1, 2, 0).numpy()
            assert np.array_equal(cut, expected)
    pixels = np.asarray(grid)
    assert (pixels[LABEL_HEIGHT:, width : width + GAP] == 255).all()
    for column in range(3):  # a dark label over every column
        assert pixels[:LABEL_HEIGHT, column * (width + GAP) : column * (width + GAP) + width].min() < 100
    assert isinstance(grid, Image.Image)


@pytest.mark.parametrize(("rows", "labels"), [([], ("a",)), ([[torch.rand(3, 4, 4)]], ("a", "b"))])
def test_grids_refused(rows, labels):
    with pytest.raises(ValueError, match="grid"):
        picture_grid(rows, labels)


@pytest.mark.parametrize("count", [3, 8, 11])
def test_rows_of_flows_stand_in_blocks(count):
    """Picture n of a column is where its row and block say, every pixel a square."""
    from latentinpaint.visualization.flows import draw_rows

    shades = torch.linspace(-1, 1, 2 * count).view(2, count, 1, 1, 1).expand(-1, -1, 1, 32, 32)
    sheet = np.asarray(draw_rows({"one": shades[0], "two": shades[1]}))
    assert sheet.shape[1] == 2 * -(-count // 8) * 68 - 4 and sheet.shape[0] == 22 + min(count, 8) * 68 - 4
    for which in range(2):
        for number in range(count):
            block, row = divmod(number, 8)
            left, top = (2 * block + which) * 68, 22 + row * 68
            tile = sheet[top : top + 64, left : left + 64]
            expected = round(float((shades[which, number, 0, 0, 0] + 1) * 127.5))
            assert np.abs(tile.astype(int) - expected).max() <= 1


def test_sheets_of_flows_have_no_gaps():
    from latentinpaint.visualization.flows import draw_sheet

    rows = torch.randn(5, 1, 4, 6).clamp(-1, 1)
    sheet = np.asarray(draw_sheet(rows, across=3))
    assert sheet.shape == (8, 18)
    for number in range(5):
        down, right = divmod(number, 3)
        tile = sheet[4 * down : 4 * down + 4, 6 * right : 6 * right + 6]
        assert np.abs(tile - ((rows[number, 0] + 1) * 127.5).numpy()).max() <= 0.51
    assert (sheet[4:, 12:] == 0).all()
    assert draw_sheet(torch.zeros(4, 3, 8, 8)).size == (16, 16)
