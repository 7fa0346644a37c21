"""What is measured of pictures on the GPU is what is measured of them on the processor."""

import pytest
import torch
import torchvision
from skimage import data

from latentinpaint.metrics import L1, MSSSIM, PSNR, SSIM, PictureMetric, evaluate_pair, load_lpips
from latentinpaint.metrics.calibration import sample_statistics

pytestmark = pytest.mark.gpu

SIDE = 192  # MS-SSIM takes no smaller ones than 161


@pytest.fixture(scope="module")
def pair():
    """Two crops (2, 3, 192, 192), the same with noise, and a hole."""
    picture = torch.from_numpy(data.astronaut()).permute(2, 0, 1).float() / 255
    truth = torch.stack([picture[:, :SIDE, :SIDE], picture[:, -SIDE:, -SIDE:]])
    noise = torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(2, 1, SIDE, SIDE)
    mask[:, :, 60:110, 70:150] = 1
    return (truth + 0.1 * noise).clamp(0, 1), truth, mask


@pytest.mark.parametrize("metric", [L1(), PSNR(), SSIM(), MSSSIM()], ids=lambda metric: metric.name)
def test_a_metric(metric, pair, device):
    assert_equal(metric, metric, pair, device)


def test_lpips(pair, device, tmp_path):
    """With random weights, which differ between the layers as trained ones do."""
    torch.save(torchvision.models.squeezenet1_1().state_dict(), tmp_path / "squeeze.pth")
    here, there = (load_lpips("squeeze", tmp_path / "squeeze.pth") for _ in range(2))
    assert_equal(here, there.to(device), pair, device)


def assert_equal(here, there, pair, device):
    """Values of pictures, holes and bands to four digits: means of float32 over thousands of pixels."""
    expected = evaluate_pair(*pair, [here])
    found = evaluate_pair(*(part.to(device) for part in pair), [there])
    assert found.keys() == expected.keys() and expected
    for key, values in expected.items():
        torch.testing.assert_close(found[key].cpu(), values, rtol=1e-4, atol=1e-5)


def test_a_mean_over_pictures(pair, device):
    means = []
    for where in ("cpu", device):
        metric = PictureMetric(SSIM()).to(where)
        metric.update(*(part.to(where) for part in pair))
        means.append(metric.compute())
    assert means[1].item() == pytest.approx(means[0].item(), rel=1e-4)


def test_statistics_of_samples(pair, device):
    prediction, truth, mask = pair
    samples = torch.stack([prediction[0], truth[0], prediction[0].flip(-1)])

    def measure(where):
        parts = (samples.to(where), truth[:1].to(where), mask[:1].to(where))
        return sample_statistics(*parts, None, torch.Generator().manual_seed(1))

    expected, found = measure("cpu"), measure(device)
    assert found.ranks == expected.ranks
    assert found.standard_deviation == pytest.approx(expected.standard_deviation, rel=1e-9)
    assert found.error_squared == pytest.approx(expected.error_squared, rel=1e-9)
    torch.testing.assert_close(found.map.cpu(), expected.map, atol=1e-6, rtol=0)
