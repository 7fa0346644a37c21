import math

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d, distance_transform_edt
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from spoilt import left_hole, pictures
from torch.overrides import TorchFunctionMode

from latentinpaint.errors import InputError
from latentinpaint.metrics import pixels as m
from latentinpaint.metrics.accumulators import PictureMetric
from latentinpaint.metrics.perceptual import load_lpips

LOCAL = [name for name, metric in m.METRICS.items() if metric.local]


def hwc(image):
    return image.permute(1, 2, 0).double().numpy()


def skimages_ssim(x, y):
    """The number and the map (H, W, C) of scikit-image."""
    options = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1, channel_axis=2)
    return structural_similarity(hwc(x), hwc(y), full=True, **options)


def suited(metric, batch=3):
    """Pictures that the metric can see, 12 wider than high."""
    height = max(40, metric.smallest_side)
    return pictures(batch, height, height + 12)


def made(request):
    if request.param in m.METRICS:
        return m.METRICS[request.param]
    path = request.getfixturevalue("shared_data") / "weights" / "squeezenet1_1_imagenet.pth"
    if not path.is_file():
        pytest.skip(f"SqueezeNet's weights are not at {path}")
    return load_lpips("squeeze", path)


@pytest.fixture(params=[*m.METRICS, "lpips_squeeze"])
def metric(request):
    """Every metric; LPIPS where its weights are at hand."""
    return made(request)


@pytest.fixture(params=[*LOCAL, "lpips_squeeze"])
def local(request):
    """Every metric that has a value inside a region."""
    return made(request)


class Looks(TorchFunctionMode):
    """How often the smallest value of a tensor is asked for, which reads it from end to end."""

    count = 0

    def __torch_function__(self, function, types, arguments=(), options=None):
        self.count += function in (torch.Tensor.aminmax, torch.Tensor.min)
        return function(*arguments, **(options or {}))


def test_the_values_of_pictures_and_mask_are_checked_once():
    x, y = pictures()
    with Looks() as looks:
        m.evaluate_pair(x, y, left_hole(y), [m.L1(), m.PSNR()])
        assert looks.count == 3
        PictureMetric(m.PSNR(), "band").update(x, y, left_hole(y))
        assert looks.count == 6


def test_pictures_too_small_for_every_metric_are_checked_too():
    x, y = pictures(1, 8, 8)
    with pytest.raises(InputError, match="the pictures to compare have values in"):
        m.evaluate_pair(x + 2, y, left_hole(y, 3), [m.SSIM()])


# ---- values against other people's numbers


def test_l1_is_numpys():
    x, y = pictures()
    expected = np.abs(x.numpy().astype(np.float64) - y.numpy()).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(m.L1()(x, y).over_picture().numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("error", [0.1, 0.5])
def test_constant_error_in_closed_form(error):
    x, y = torch.full((1, 3, 16, 16), error), torch.zeros(1, 3, 16, 16)
    results = m.evaluate_pair(x, y, left_hole(x, 3))
    c1 = 0.01**2
    for region in ("", "_hole", "_band"):
        assert results[f"l1{region}"].item() == pytest.approx(error, rel=1e-6)
        assert results[f"psnr{region}"].item() == pytest.approx(-20 * math.log10(error), rel=1e-6)
        # without variance only the luminance term is left
        assert results[f"ssim{region}"].item() == pytest.approx(c1 / (error**2 + c1), rel=1e-3)


def test_psnr_is_skimages():
    x, y = pictures()
    expected = [peak_signal_noise_ratio(hwc(b), hwc(a), data_range=1) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(m.PSNR()(x, y).over_picture().numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("size", [(11, 11), (11, 30), (40, 52)])
def test_ssim_is_skimages(size):
    x, y = pictures(2, *size)
    ours = m.SSIM()(x, y)
    for index in range(2):
        value, full = skimages_ssim(x[index], y[index])
        assert ours.over_picture()[index].item() == pytest.approx(value, abs=2e-6)
        inner = (slice(5, -5), slice(5, -5))
        theirs = full.mean(axis=2)[inner]
        np.testing.assert_allclose(ours.values[index, 0].numpy()[inner], theirs, atol=5e-5)


def test_ssim_of_dark_equal_pictures_is_exactly_one():
    black = torch.zeros(1, 3, 16, 16)
    assert m.SSIM()(black, black).over_picture().item() == 1


def test_psnr_of_the_hole_is_that_of_its_crop():
    x, y = pictures()
    for name in ("l1", "psnr"):
        metric = m.METRICS[name]
        crop = metric(x[..., :26], y[..., :26]).over_picture()
        torch.testing.assert_close(metric(x, y).over(left_hole(x)), crop)


def test_ssim_of_the_hole_is_the_mean_of_the_map_over_its_pixels():
    x, y = pictures(1)
    mask = torch.zeros(1, 1, 40, 52)
    mask[0, 0, 12:20, 30:33] = 1  # far enough from the border for skimage's map to be the same
    _, full = skimages_ssim(x[0], y[0])
    assert m.SSIM()(x, y).over(mask).item() == pytest.approx(full[12:20, 30:33].mean(), abs=5e-6)


# ---- the band


def seam(mask, depth):
    """The pixels of a hole (H,W) at most so far from its border, and those outside, by SciPy."""
    hole = mask.numpy() > 0.5
    return np.where(hole, distance_transform_edt(hole), distance_transform_edt(~hole)) <= depth


@pytest.mark.parametrize(("height", "width", "depth"), [(40, 52, 1), (96, 130, 3)])
def test_the_band_is_the_mean_over_the_seams_pixels(height, width, depth):
    x, y = pictures(2, height, width)
    mask = torch.zeros(2, 1, height, width)
    mask[0, 0, 10:25, 8:30] = 1
    mask[1, 0, 20:, 30:] = 1
    found = m.evaluate_pair(x, y, mask)
    ssim = m.SSIM()(x, y).values[:, 0].numpy()
    for index in range(2):
        inside = seam(mask[index, 0], depth)
        error = np.abs(hwc(x[index]) - hwc(y[index]))[inside]
        assert found["l1_band"][index].item() == pytest.approx(error.mean(), rel=1e-5)
        assert found["psnr_band"][index].item() == pytest.approx(-10 * np.log10((error**2).mean()), rel=1e-5)
        assert found["ssim_band"][index].item() == pytest.approx(ssim[index][inside].mean(), rel=1e-5)


@pytest.mark.parametrize("name", ["l1", "psnr"])
def test_an_error_away_from_the_seam_is_not_seen_in_the_band(name):
    x, y = pictures()
    near = torch.zeros_like(y)
    near[..., 25:27] = 1  # one column on either side of the border
    results = m.evaluate_pair(torch.where(near.bool(), y, x), y, left_hole(y), [m.METRICS[name]])
    assert results[f"{name}_band"].tolist() == [perfect(m.METRICS[name])] * 3
    assert not torch.isclose(results[f"{name}_hole"], results[f"{name}_band"]).any()


def test_a_hole_everywhere_has_no_band(local):
    x, y = pictures(1)
    results = m.evaluate_pair(x, y, torch.ones(1, 1, 40, 52), [local])
    assert results[f"{local.name}_band"].isnan() and results[f"{local.name}_hole"].isfinite()


# ---- MS-SSIM


def windowed(values):
    """Means under an 11x11 Gaussian window of deviation 1.5, wherever it fits into (C,H,W)."""
    t = np.arange(-5, 6)
    window = np.exp(-(t**2) / (2 * 1.5**2))
    for axis in (1, 2):
        values = correlate1d(values, window / window.sum(), axis=axis)
    return values[:, 5:-5, 5:-5]


def halved(values):
    channels, height, width = values.shape
    even = values[:, : height // 2 * 2, : width // 2 * 2]
    return even.reshape(channels, height // 2, 2, width // 2, 2).mean(axis=(2, 4))


def ms_ssim_written_out(x, y):
    """MS-SSIM of (C,H,W) of 2003, the channels' mean at every scale, in NumPy; the last scale as torchmetrics'."""
    product = 1.0
    for power in (0.0448, 0.2856, 0.3001, 0.2363, 0.1333):
        if power == 0.1333:
            x, y = (np.pad(values, ((0, 0), (5, 5), (5, 5)), mode="reflect") for values in (x, y))
        mean_x, mean_y = windowed(x), windowed(y)
        variance_x, variance_y = windowed(x * x) - mean_x**2, windowed(y * y) - mean_y**2
        structure = (2 * (windowed(x * y) - mean_x * mean_y) + 0.03**2) / (variance_x + variance_y + 0.03**2)
        luminance = (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
        term = (luminance * structure if power == 0.1333 else structure).mean()
        product *= max(0.0, term) ** power
        x, y = halved(x), halved(y)
    return product


@pytest.mark.parametrize("size", [(176, 176), (183, 230), (256, 256)])
@pytest.mark.parametrize("spoilt", ["noise", "corner", "middle"])
def test_ms_ssim_written_out_again(size, spoilt):
    x, y = pictures(2, *size)
    if spoilt != "noise":
        third = size[0] // 3
        where = slice(0, third) if spoilt == "corner" else slice(third, 2 * third)
        x = y.clone()
        x[..., where, where] = 0.5
    expected = [ms_ssim_written_out(a.double().numpy(), b.double().numpy()) for a, b in zip(x, y, strict=True)]
    assert m.MSSSIM()(x, y).over_picture().tolist() == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("error", [0.02, 0.3])
def test_ms_ssim_of_a_constant_error_in_closed_form(error):
    """Without variance only the luminance term is left, at the last scale."""
    x = torch.full((1, 3, 176, 176), error)
    expected = (0.01**2 / (error**2 + 0.01**2)) ** 0.1333
    assert m.MSSSIM()(x, torch.zeros_like(x)).over_picture().item() == pytest.approx(expected, rel=1e-3)


def test_ms_ssim_of_a_picture_and_its_negative_is_nothing():
    x = torch.rand(1, 3, 180, 180)
    assert m.MSSSIM()(x, 1 - x).over_picture().item() == 0


def test_ms_ssim_has_no_value_in_a_region():
    x, y = pictures(1, 180, 180)
    assert list(m.evaluate_pair(x, y, left_hole(y), [m.MSSSIM()])) == ["ms_ssim"]


def test_the_smallest_picture_still_has_room_for_the_window_at_the_fifth_scale():
    smallest = m.MSSSIM.smallest_side
    assert smallest // 16 == 11 and (smallest - 1) // 16 == 10


# ---- pictures too small


def test_a_picture_too_small_has_no_value(metric):
    if metric.smallest_side == 1:
        pytest.skip("no picture is too small")
    side = metric.smallest_side
    x, y = pictures(2, side - 1, side + 4)
    for mask in (left_hole(y, side // 2), left_hole(y, side // 2).bool()):
        results = m.evaluate_pair(x, y, mask, [metric, m.L1()])
        found = [values for name, values in results.items() if name.startswith(metric.name)]
        assert len(found) == (3 if metric.local else 1)
        for values in found:
            assert values.shape == (2,) and values.isnan().all()
        assert results["l1_hole"].isfinite().all()
    with pytest.raises(InputError, match=f"at least {side} pixels"):
        metric(x, y)


# ---- what holds for every metric


def perfect(metric):
    return {"psnr": 60.0, "ssim": 1.0, "ms_ssim": 1.0}.get(metric.name, 0.0)


def test_equal_pictures_are_perfect(metric):
    _, y = suited(metric)
    results = m.evaluate_pair(y, y, left_hole(y), [metric])
    for values in results.values():
        torch.testing.assert_close(values, torch.full((3,), perfect(metric)))


def test_worse_pictures_score_worse(metric):
    x, y = suited(metric)
    half = metric((x + y) / 2, y).over_picture()
    whole = metric(x, y).over_picture()
    assert ((half > whole) if metric.higher_is_better else (half < whole)).all()


def test_an_error_outside_the_hole_is_not_seen_inside(local):
    if local.name.startswith("lpips"):
        pytest.skip("LPIPS looks at a wide neighbourhood: no pixel is out of its sight")
    x, y = pictures()
    x = torch.where(left_hole(y, 38).bool(), y, x)  # the error begins 12 columns right of the hole
    results = m.evaluate_pair(x, y, left_hole(y), [local])
    torch.testing.assert_close(results[f"{local.name}_hole"], torch.full((3,), perfect(local)))
    assert not torch.isclose(results[local.name], torch.tensor(perfect(local)), rtol=1e-3).any()


def test_an_error_inside_weighs_more_inside(local):
    x, y = pictures()
    x = torch.where(left_hole(y).bool(), x, y)
    results = m.evaluate_pair(x, y, left_hole(y), [local])
    hole, picture = results[f"{local.name}_hole"], results[local.name]
    assert ((hole < picture) if local.higher_is_better else (hole > picture)).all()
    outside = local(x, y).over(1 - left_hole(y))
    assert ((outside > hole) if local.higher_is_better else (outside < hole)).all()


def test_l1_in_and_out_of_the_hole_add_up():
    x, y = pictures()
    hole = left_hole(y, 13)  # a quarter of the columns
    l1 = m.L1()(x, y)
    torch.testing.assert_close(0.25 * l1.over(hole) + 0.75 * l1.over(1 - hole), l1.over_picture())


def test_a_hole_everywhere_is_the_mean_of_the_map(local):
    x, y = pictures()
    pixel_map = local(x, y)
    everywhere = pixel_map.over(torch.ones_like(y[:, :1]))
    if local.name in ("l1", "psnr"):
        torch.testing.assert_close(everywhere, pixel_map.over_picture())
    else:
        torch.testing.assert_close(everywhere, pixel_map.values.mean(dim=(1, 2, 3)))


def test_an_empty_hole_is_nan_and_disturbs_nobody(local):
    x, y = pictures()
    mask = left_hole(y)
    full = m.evaluate_pair(x, y, mask, [local])
    mask[1] = 0
    results = m.evaluate_pair(x, y, mask, [local])
    for region in ("hole", "band"):
        name = f"{local.name}_{region}"
        assert results[name].isnan().tolist() == [False, True, False]
        torch.testing.assert_close(results[name][[0, 2]], full[name][[0, 2]])
    torch.testing.assert_close(results[local.name], full[local.name])


def test_a_batch_is_its_pictures_one_by_one(metric):
    x, y = suited(metric)
    mask = (torch.rand(y[:, :1].shape, generator=torch.Generator().manual_seed(1)) > 0.7).float()
    together = m.evaluate_pair(x, y, mask, [metric])
    alone = [m.evaluate_pair(x[i : i + 1], y[i : i + 1], mask[i : i + 1], [metric]) for i in range(3)]
    regions = ["", "_hole", "_band"] if metric.local else [""]
    assert list(together) == [metric.name + region for region in regions]
    for name, values in together.items():
        assert values.shape == (3,) and values.dtype == torch.float32
        torch.testing.assert_close(values, torch.cat([one[name] for one in alone]), rtol=1e-5, atol=1e-6)


def test_a_mask_may_be_of_bools(local):
    x, y = pictures()
    one, other = (m.evaluate_pair(x, y, mask, [local]) for mask in (left_hole(y), left_hole(y).bool()))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_half_precision_is_measured_in_single(metric):
    x, y = suited(metric)
    half = metric(x.half(), y.half()).over_picture()
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, metric(x.half().float(), y.half().float()).over_picture())


def test_pictures_that_cannot_be_compared(metric):
    x, y = suited(metric)
    with pytest.raises(InputError, match="one shape"):
        metric(x[:1], y)
    with pytest.raises(InputError, match="floating point"):
        metric(x, (y * 255).to(torch.uint8))
    with pytest.raises(InputError, match="mask has shape"):
        m.evaluate_pair(x, y, left_hole(y)[:1], [metric])
    if metric.local:
        with pytest.raises(InputError, match="mask has shape"):
            metric(x, y).over(left_hole(y)[:, 0])
    smallest = metric.smallest_side
    metric(x[..., :smallest, :smallest], y[..., :smallest, :smallest])


def test_the_default_metrics_are_the_registry():
    x, y = pictures(1)
    names = list(m.evaluate_pair(x, y, left_hole(y)))
    parts = [f"{name}{region}" for name in ("l1", "psnr", "ssim") for region in ("", "_hole", "_band")]
    assert names == [*parts, "ms_ssim"]
    assert all(key == metric.name for key, metric in m.METRICS.items())


def test_squared_errors_of_many():
    """By hand: one picture is off by 0.1 in its hole, one by 0.2, one exact."""
    truth = torch.full((3, 1, 4, 4), 0.5)
    holes = torch.zeros(3, 1, 4, 4)
    holes[:, :, :2] = 1
    made = truth.clone()
    made[0, 0, :2] += 0.1
    made[1, 0, 0] += 0.2 * 2**0.5
    made[2, 0, 3] = 0  # outside
    found = m.squared_errors(made, truth, holes)
    assert found["mse"] == pytest.approx((0.01 + 0.04) / 3, rel=1e-5)
    assert found["psnr"] == pytest.approx((20 + 13.9794 + 60) / 3, rel=1e-4)
    assert (found["capped"], found["left_out"]) == (1, 0)
    assert m.squared_errors(made, truth)["mse"] == pytest.approx((0.005 + 0.02 + 0.0625) / 3, rel=1e-5)
    assert m.squared_errors(truth, truth) == {"mse": 0.0, "psnr": 60.0, "capped": 3, "left_out": 0}
    nothing = {"mse": None, "psnr": None, "capped": 0, "left_out": 3}
    assert m.squared_errors(made, truth, torch.zeros_like(holes)) == nothing


@pytest.mark.parametrize("error", [0.0, 1e-6, 1e-4, 9e-4, 1.1e-3, 0.1])
def test_a_psnr_has_a_cap(error):
    """60 dB is a root mean squared error of 0.001."""
    truth = torch.full((1, 3, 4, 4), 0.5, dtype=torch.float64)
    found = m.PSNR()(truth + error, truth).over_picture().item()
    expected = 60.0 if error < 1e-3 else -20 * math.log10(error)
    assert found == pytest.approx(expected, rel=1e-9) and (found >= m.PSNR().cap) == (error < 1e-3)
