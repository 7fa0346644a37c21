"""The uncertainty map against numpy, and its drawing's pixels."""

import numpy as np
import pytest
import torch
from PIL import Image

from latentinpaint.errors import InputError
from latentinpaint.metrics.calibration import sample_statistics
from latentinpaint.visualization import draw_uncertainty, uncertainty_map


@pytest.fixture
def case():
    generator = torch.Generator().manual_seed(3)
    hole = torch.zeros(20, 30)
    hole[5:15, 8:22] = 1
    return torch.rand(4, 3, 20, 30, generator=generator), hole


@pytest.mark.parametrize("dtype", [torch.float32, torch.bool, torch.uint8])
def test_the_map_is_numpys_standard_deviation(case, dtype):
    samples, hole = case
    found = uncertainty_map(samples, hole.to(dtype))
    expected = samples.double().numpy().std(axis=0, ddof=1).mean(axis=0) * hole.numpy()
    assert found.shape == (20, 30) and found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


def test_by_hand():
    """Two samples 0.2 apart in one of three channels: 0.2 / sqrt(2) / 3; black and white: 1 / sqrt(2)."""
    samples = torch.zeros(2, 3, 1, 2)
    samples[1, 0, 0, 0] = 0.2
    samples[1, :, 0, 1] = 1.0
    expected = [[0.2 / 2**0.5 / 3, 1 / 2**0.5]]
    np.testing.assert_allclose(uncertainty_map(samples, torch.ones(1, 2)).numpy(), expected, rtol=1e-6)


def test_it_is_the_map_that_is_judged(case):
    samples, hole = case
    judged = sample_statistics(samples, samples[:1], hole[None, None], None, torch.Generator())
    assert torch.equal(judged.map[0, 0], uncertainty_map(samples, hole))


def test_what_cannot_be_mapped(case):
    samples, hole = case
    with pytest.raises(InputError, match="two samples"):
        uncertainty_map(samples[:1], hole)
    with pytest.raises(InputError, match="hole is"):
        uncertainty_map(samples, hole[1:])


def test_the_drawing_is_bright_where_samples_differ():
    """Left half of the hole certain, right half not: there, and there alone, lies magma's last colour."""
    hole = np.zeros((200, 300), bool)
    hole[50:150, 60:240] = True
    spread = np.zeros((200, 300), np.float32)
    spread[50:150, 150:240] = 0.3
    drawing = draw_uncertainty(spread, hole, Image.new("RGB", (300, 200), "white"))
    assert drawing.mode == "RGB" and drawing.height == 200 and 300 < drawing.width < 420
    pixels = np.asarray(drawing).astype(int)[:, : drawing.width - 110]  # without the scale
    rows, columns = np.nonzero((abs(pixels - (252, 253, 191)) < 3).all(axis=-1))
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert abs(width / height - 90 / 100) < 0.05 and len(rows) > 0.9 * width * height
    left = pixels[rows.min() + 5 : rows.max() - 5, columns.min() - width + 5 : columns.min() - 5]
    assert (abs(left - (0, 0, 4)) < 3).all()  # magma's first
    faded = pixels[rows.min() - 5, columns.min()]
    assert (abs(faded - 0.35 * 255) < 3).all()
