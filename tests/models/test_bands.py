"""Bands of rows: exact where the halo is all that rows depend on, blended where it is not."""

import pytest
import torch
import torch.nn.functional as F
from small_autoencoders import ADOPTED, build

from latentinpaint.models import bands
from latentinpaint.models.bands import run_in_bands

# Root of the mean squared difference between bands and the whole picture, of noise, in standard deviations. The TAESD
# family's are exact to rounding; the others normalise whole maps or attend to them.
EXACT = {"TaesdAutoencoder": 1e-5, "AutoencoderTiny": 1e-5}
BLENDED = 0.1


@pytest.fixture
def small_bands(monkeypatch):
    """Bands as low as their halo allows."""
    monkeypatch.setattr(bands, "BAND_PIXELS", 1)


def blurred(x, y):
    """Rows that depend on two rows above and below; y has twice the rows of x."""
    return F.conv2d(x + F.avg_pool2d(y, (2, 1)), torch.ones(1, 1, 5, 1) / 5, padding=(2, 0))


@pytest.mark.parametrize("rows", [3, 8, 9, 31])
def test_exact_within_the_halo(rows, small_bands):
    x, y = torch.rand(2, 1, rows, 4), torch.rand(2, 1, 2 * rows, 4)
    for halo in (2, 4):
        computed = run_in_bands(blurred, [x, y], rows, 1, halo)
        torch.testing.assert_close(computed, blurred(x, y), atol=1e-6, rtol=0)
    if rows > 4:
        assert not torch.allclose(run_in_bands(blurred, [x, y], rows, 1, 1), blurred(x, y), atol=1e-3)


def test_enlarged_and_reduced_rows(small_bands):
    """The output may have more rows than the maps, or fewer."""
    x = torch.rand(1, 2, 12, 3)
    for function, cells in ((lambda m: m.repeat_interleave(4, dim=2), 12), (lambda m: F.avg_pool2d(m, (3, 1)), 4)):
        assert torch.equal(run_in_bands(function, [x], cells, 1, 1), function(x))


def test_memory_decides_the_bands(monkeypatch):
    heights = []

    def note(x):
        heights.append(x.shape[2])
        return x

    monkeypatch.setattr(bands, "BAND_PIXELS", 8 * 8 * 5 * 4)  # four rows of five cells of 8 x 8
    run_in_bands(note, [torch.rand(2, 1, 10, 5)], 10, 8, 1)
    assert heights == [5, 6, 3]
    heights.clear()
    run_in_bands(note, [torch.rand(2, 1, 10, 5, requires_grad=True)], 10, 8, 1)
    assert heights == [10]


def test_blending_leaves_no_step(small_bands):
    """Bands that differ by a constant: the ramp between them is straight, its ends are the bands' own."""
    numbers = iter(range(10))

    def numbered(x):
        return torch.full_like(x, next(numbers))

    result = run_in_bands(numbered, [torch.zeros(1, 1, 24, 1)], 24, 1, 4, blended=True).flatten()
    # Bands of 8 rows read rows 0-11, 4-19 and 12-23.
    rows = torch.arange(24) + 0.5
    expected = ((rows - 6) / 4).clamp(0, 1) + ((rows - 14) / 4).clamp(0, 1)
    torch.testing.assert_close(result, expected)


@pytest.mark.parametrize("name", ADOPTED)
def test_bands_are_the_whole_picture(name, small_bands, monkeypatch):
    autoencoder = build(name).freeze()
    image = torch.rand(1, 3, 640, 16)
    shapes = zip(autoencoder.stage_channels, autoencoder.stage_strides, strict=True)
    control = [0.1 * torch.randn(1, channels, 640 // stride, 16 // stride) for channels, stride in shapes]
    latent = autoencoder.encode_features(image, control)
    decoded = autoencoder.decode_unclamped(latent)
    monkeypatch.setattr(bands, "BAND_PIXELS", 10**9)
    whole = autoencoder.encode_features(image, control)
    for banded, expected in ((latent, whole), (decoded, autoencoder.decode_unclamped(latent))):
        error = (banded - expected).square().mean().sqrt() / expected.std()
        assert error < EXACT.get(name, BLENDED)
        assert name in EXACT or error > 0  # it was computed in bands
