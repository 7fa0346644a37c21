"""Transfer functions: against SciPy's filters with periodic borders, and by their own definitions."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from latentinpaint.interpolants import transfers
from latentinpaint.interpolants.operators import Fourier

SIZES = [(16, 16), (15, 20), (12, 17)]
ALL = {
    "gaussian_blur": (1.5,),
    "low_pass": (1.0,),
    "high_pass": (1.0,),
    "box_blur": (5,),
    "motion_blur": (4.0, 0.3),
    "power_law": (1.5,),
    "lorentzian": (2.0,),
}


def picture(height, width):
    return torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ALL)
def test_shape_and_precision(name, size):
    found = getattr(transfers, name)(*size, *ALL[name])
    assert found.shape == (1, 1, size[0], size[1] // 2 + 1)
    assert found.dtype in (torch.float64, torch.complex128)


@pytest.mark.parametrize("size", SIZES)
def test_box_blur_is_scipys(size):
    image = picture(*size)
    expected = ndimage.uniform_filter(image[0, 0].numpy(), 5, mode="wrap")
    found = Fourier(transfers.box_blur(*size, 5))(image)[0, 0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_gaussian_blur_is_scipys(size):
    expected = ndimage.fourier_gaussian(np.fft.fft2(picture(*size)[0, 0].numpy()), 1.5)
    found = Fourier(transfers.gaussian_blur(*size, 1.5))(picture(*size))[0, 0].numpy()
    np.testing.assert_allclose(found, np.fft.ifft2(expected).real, atol=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_from_kernel_is_a_convolution(size):
    kernel = torch.rand(3, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = ndimage.convolve(picture(*size)[0, 0].numpy(), kernel.numpy(), mode="wrap")
    found = Fourier(transfers.from_kernel(kernel, *size))(picture(*size))[0, 0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_motion_blur_of_whole_pixels():
    """Five points half a pixel apart: two of them lie between pixels and are shared by their neighbours."""
    image = picture(8, 9)
    found = Fourier(transfers.motion_blur(8, 9, 2.0, 0.0, centred=False))(image)
    at = [image.roll(shift, dims=-1) for shift in range(3)]
    halves = [(at[0] + at[1]) / 2, (at[1] + at[2]) / 2]
    torch.testing.assert_close(found, (sum(at) + sum(halves)) / 5, atol=1e-12, rtol=0)


def test_motion_blur_upwards():
    """The angle is anticlockwise: straight up, towards smaller rows."""
    dot = torch.zeros(1, 1, 8, 9, dtype=torch.float64)
    dot[..., 5, 4] = 1
    smeared = Fourier(transfers.motion_blur(8, 9, 2.0, math.pi / 2, centred=False))(dot)[0, 0]
    assert smeared[3:6, 4].sum().item() == pytest.approx(1) and smeared[3, 4] > 0.2


@pytest.mark.parametrize("name", ["gaussian_blur", "box_blur", "motion_blur", "low_pass", "lorentzian"])
def test_constants_pass(name):
    found = getattr(transfers, name)(10, 11, *ALL[name])
    assert found[0, 0, 0, 0].real.item() == pytest.approx(1, abs=1e-12)


def test_high_pass_is_the_rest():
    image = picture(10, 11)
    low, high = (Fourier(getattr(transfers, name)(10, 11, 1.2))(image) for name in ("low_pass", "high_pass"))
    torch.testing.assert_close(low + high, image, atol=1e-12, rtol=0)
    assert high.mean().abs() < 1e-15


def test_a_low_pass_keeps_slow_waves_alone():
    columns = torch.arange(16, dtype=torch.float64)
    slow, fast = torch.cos(2 * math.pi * 2 * columns / 16), torch.cos(2 * math.pi * 6 * columns / 16)
    image = (slow + fast).expand(1, 1, 12, 16)
    found = Fourier(transfers.low_pass(12, 16, 1.0))(image)
    torch.testing.assert_close(found, slow.expand(1, 1, 12, 16), atol=1e-12, rtol=0)


def test_centred_motion_is_symmetric():
    values = transfers.motion_blur(10, 11, 3.3, 0.7)
    assert values.imag.abs().max() < 1e-12 < transfers.motion_blur(10, 11, 3.3, 0.7, centred=False).imag.abs().max()


def test_coloured_noise_has_its_power():
    """Power against frequency on a log-log line has the slope -gamma."""
    noise = torch.randn(200, 1, 32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    power = torch.fft.rfft2(Fourier(transfers.power_law(32, 32, 1.7))(noise)).abs().square().mean(dim=(0, 1))
    size = transfers.radius(32, 32)[0, 0]
    slope = np.polyfit(size[size > 0].log().numpy(), power[size > 0].log().numpy(), 1)[0]
    assert slope == pytest.approx(-1.7, abs=0.03)
    assert math.isfinite(power[0, 0].item())


@pytest.mark.parametrize(
    "make",
    [
        lambda: transfers.gaussian_blur(8, 8, -1.0),
        lambda: transfers.box_blur(8, 8, 4),
        lambda: transfers.motion_blur(8, 8, 0.0, 0.0),
        lambda: transfers.lorentzian(8, 8, -1.0),
        lambda: transfers.from_kernel(torch.ones(2, 3), 8, 8),
        lambda: transfers.from_kernel(torch.ones(9, 3), 8, 8),
    ],
)
def test_impossible_arguments(make):
    with pytest.raises(ValueError):
        make()


@pytest.mark.parametrize("width", [6, 7])
def test_noise_of_unit_power_has_unit_variance(width):
    """The variance of a convolution's response to white noise is the squared norm of its kernel."""
    transfer = transfers.unit_power(transfers.power_law(5, width, 1.5), width)
    kernel = torch.fft.irfft2(transfer, s=(5, width))
    assert kernel.square().sum().item() == pytest.approx(1, abs=1e-12)
    ratio = transfer / transfers.power_law(5, width, 1.5)
    assert ratio.min().item() == pytest.approx(ratio.max().item(), rel=1e-12)
    values = torch.rand(2, 1, 5, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    power = torch.fft.rfft2(values).abs().square()
    expected = torch.fft.fft2(values).abs().square().mean(dim=(-2, -1), keepdim=True)
    torch.testing.assert_close(transfers.mean_over_frequencies(power, width), expected)
