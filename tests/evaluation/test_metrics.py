import math
import pickle
import shutil
from pathlib import Path

import lpips
import numpy as np
import pytest
import torch
import torchvision
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from latentinpaint.errors import InputError
from latentinpaint.evaluation import metrics as m

WEIGHTS = Path(__file__).resolve().parents[3] / "shared/data/weights/squeezenet1_1_imagenet.pth"
needs_weights = pytest.mark.skipif(not WEIGHTS.is_file(), reason=f"SqueezeNet weights are not at {WEIGHTS}")


def pictures(batch=3, height=40, width=52, seed=0):
    """Smooth truth and a noisy copy of it, both (batch,3,height,width) in [0,1]."""
    g = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch, 3, 6, 6, generator=g)
    target = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    noise = torch.rand(target.shape, generator=g) - 0.5
    return (target + 0.3 * noise).clamp(0, 1), target


def left_hole(images, columns=26):
    mask = torch.zeros(images.shape[0], 1, *images.shape[2:])
    mask[..., :columns] = 1
    return mask


def hwc(image):
    return image.permute(1, 2, 0).double().numpy()


@pytest.fixture(scope="module")
def squeeze():
    if not WEIGHTS.is_file():
        pytest.skip(f"SqueezeNet weights are not at {WEIGHTS}")
    return m.load_lpips("squeeze", WEIGHTS)


@pytest.fixture(params=[*m.METRICS, "lpips_squeeze"])
def metric(request):
    """Every metric; LPIPS where its weights are at hand."""
    return m.METRICS.get(request.param) or request.getfixturevalue("squeeze")


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
    for region in ("", "_hole"):
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
        value, full = structural_similarity(
            hwc(x[index]),
            hwc(y[index]),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1,
            channel_axis=2,
            full=True,
        )
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
    _, full = structural_similarity(
        hwc(x[0]),
        hwc(y[0]),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1,
        channel_axis=2,
        full=True,
    )
    assert m.SSIM()(x, y).over(mask).item() == pytest.approx(full[12:20, 30:33].mean(), abs=5e-6)


# ---- what holds for every metric


def perfect(metric):
    return {"psnr": math.inf, "ssim": 1.0}.get(metric.name, 0.0)


def test_equal_pictures_are_perfect(metric):
    _, y = pictures()
    results = m.evaluate_pair(y, y, left_hole(y), [metric])
    for values in results.values():
        torch.testing.assert_close(values, torch.full((3,), perfect(metric)))


def test_worse_pictures_score_worse(metric):
    x, y = pictures()
    half = metric((x + y) / 2, y).over_picture()
    whole = metric(x, y).over_picture()
    assert ((half > whole) if metric.higher_is_better else (half < whole)).all()


def test_an_error_outside_the_hole_is_not_seen_inside(metric):
    if metric.name.startswith("lpips"):
        pytest.skip("LPIPS looks at a wide neighbourhood: no pixel is out of its sight")
    x, y = pictures()
    x = torch.where(left_hole(y, 38).bool(), y, x)  # the error begins 12 columns right of the hole
    results = m.evaluate_pair(x, y, left_hole(y), [metric])
    torch.testing.assert_close(results[f"{metric.name}_hole"], torch.full((3,), perfect(metric)))
    assert not torch.isclose(results[metric.name], torch.tensor(perfect(metric)), rtol=1e-3).any()


def test_an_error_inside_weighs_more_inside(metric):
    x, y = pictures()
    x = torch.where(left_hole(y).bool(), x, y)
    results = m.evaluate_pair(x, y, left_hole(y), [metric])
    hole, picture = results[f"{metric.name}_hole"], results[metric.name]
    assert ((hole < picture) if metric.higher_is_better else (hole > picture)).all()
    outside = metric(x, y).over(1 - left_hole(y))
    assert ((outside > hole) if metric.higher_is_better else (outside < hole)).all()


def test_l1_in_and_out_of_the_hole_add_up():
    x, y = pictures()
    hole = left_hole(y, 13)  # a quarter of the columns
    l1 = m.L1()(x, y)
    torch.testing.assert_close(0.25 * l1.over(hole) + 0.75 * l1.over(1 - hole), l1.over_picture())


def test_a_hole_everywhere_is_the_mean_of_the_map(metric):
    x, y = pictures()
    pixel_map = metric(x, y)
    everywhere = pixel_map.over(torch.ones_like(y[:, :1]))
    if metric.name in ("l1", "psnr"):
        torch.testing.assert_close(everywhere, pixel_map.over_picture())
    else:
        torch.testing.assert_close(everywhere, pixel_map.values.mean(dim=(1, 2, 3)))


def test_an_empty_hole_is_nan_and_disturbs_nobody(metric):
    x, y = pictures()
    mask = left_hole(y)
    full = m.evaluate_pair(x, y, mask, [metric])
    mask[1] = 0
    results = m.evaluate_pair(x, y, mask, [metric])
    assert results[f"{metric.name}_hole"].isnan().tolist() == [False, True, False]
    torch.testing.assert_close(results[f"{metric.name}_hole"][[0, 2]], full[f"{metric.name}_hole"][[0, 2]])
    torch.testing.assert_close(results[metric.name], full[metric.name])


def test_a_batch_is_its_pictures_one_by_one(metric):
    x, y = pictures()
    mask = (torch.rand(3, 1, 40, 52, generator=torch.Generator().manual_seed(1)) > 0.7).float()
    together = m.evaluate_pair(x, y, mask, [metric])
    alone = [m.evaluate_pair(x[i : i + 1], y[i : i + 1], mask[i : i + 1], [metric]) for i in range(3)]
    assert list(together) == [metric.name, f"{metric.name}_hole"]
    for name, values in together.items():
        assert values.shape == (3,) and values.dtype == torch.float32
        torch.testing.assert_close(values, torch.cat([one[name] for one in alone]), rtol=1e-5, atol=1e-6)


def test_a_mask_may_be_of_bools(metric):
    x, y = pictures()
    pixel_map = metric(x, y)
    assert torch.equal(pixel_map.over(left_hole(y).bool()), pixel_map.over(left_hole(y)))


def test_half_precision_is_judged_in_single(metric):
    x, y = pictures()
    half = metric(x.half(), y.half()).over_picture()
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, metric(x.half().float(), y.half().float()).over_picture())


def test_pictures_that_cannot_be_compared(metric):
    x, y = pictures()
    with pytest.raises(InputError, match="one shape"):
        metric(x[:1], y)
    with pytest.raises(InputError, match="floating point"):
        metric(x, (y * 255).to(torch.uint8))
    with pytest.raises(InputError, match="mask has shape"):
        m.evaluate_pair(x, y, left_hole(y)[:1], [metric])
    with pytest.raises(InputError, match="mask has shape"):
        metric(x, y).over(left_hole(y)[:, 0])
    smallest = metric.smallest_side
    metric(x[..., :smallest, :smallest], y[..., :smallest, :smallest])
    if smallest > 1:
        with pytest.raises(InputError, match=f"at least {smallest} pixels"):
            metric(x[..., : smallest - 1], y[..., : smallest - 1])


def test_the_default_metrics_are_the_registry():
    x, y = pictures(1)
    names = list(m.evaluate_pair(x, y, left_hole(y)))
    assert names == ["l1", "l1_hole", "psnr", "psnr_hole", "ssim", "ssim_hole"]
    assert all(key == metric.name for key, metric in m.METRICS.items())


# ---- LPIPS


def test_lpips_gives_the_documented_value(squeeze):
    torch.manual_seed(123)
    x, y = torch.rand(10, 3, 100, 100), torch.rand(10, 3, 100, 100)
    assert squeeze(x, y).over_picture().mean().item() == pytest.approx(0.1008, abs=5e-5)


@needs_weights
@pytest.mark.filterwarnings("ignore")
def test_lpips_agrees_with_lpips_and_torchmetrics_themselves(tmp_path, monkeypatch, squeeze):
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

    checkpoints = tmp_path / "hub/checkpoints"
    checkpoints.mkdir(parents=True)
    shutil.copy(WEIGHTS, checkpoints / "squeezenet1_1-b8a52dc0.pth")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    cached = m.load_lpips("squeeze")  # found in the cache, under torchvision's name

    x, y = pictures(2, 47, 64)
    ours = squeeze(x, y)
    torch.testing.assert_close(cached(x, y).over_picture(), ours.over_picture(), rtol=0, atol=0)
    number = lpips.LPIPS(net="squeeze", verbose=False)(x, y, normalize=True)
    torch.testing.assert_close(ours.over_picture(), number.flatten(), rtol=1e-5, atol=1e-6)
    spatial = lpips.LPIPS(net="squeeze", verbose=False, spatial=True)(x, y, normalize=True)
    torch.testing.assert_close(ours.values, spatial, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(ours.over(left_hole(y)), spatial[..., :26].mean(dim=(1, 2, 3)))
    reference = LearnedPerceptualImagePatchSimilarity(net_type="squeeze", normalize=True)
    torch.testing.assert_close(ours.over_picture().mean(), reference(x, y), rtol=1e-4, atol=1e-6)


NETWORKS = {"squeeze": "squeezenet1_1", "alex": "alexnet", "vgg": "vgg16"}


def backbone_file(network, folder):
    """A file with random weights in torchvision's form (features alone, in float16), and the module."""
    model = getattr(torchvision.models, NETWORKS[network])(
        weights=None, **{"vgg": {"init_weights": False}}.get(network, {})
    )
    features = model.features.half()
    path = folder / f"{network}.pth"
    torch.save({f"features.{k}": v for k, v in features.state_dict().items()}, path)
    return path, features.float()


@pytest.mark.parametrize("network", m.LPIPS_BACKBONES)
def test_every_backbone_is_copied_layer_by_layer(network, tmp_path):
    path, features = backbone_file(network, tmp_path)
    generator = torch.get_rng_state()
    metric = m.load_lpips(network, path)
    assert torch.equal(torch.get_rng_state(), generator)
    copied = dict(metric.network.net.named_parameters())
    assert all(p.dtype == torch.float32 and not p.requires_grad for p in copied.values())
    x = torch.rand(1, 3, metric.smallest_side, metric.smallest_side)
    last = max(int(name.split(".")[1]) for name in dict(metric.network.net.named_modules()) if "." in name)
    with torch.no_grad():
        torch.testing.assert_close(metric.network.net(x)[-1], features[: last + 1](x))
    assert metric.name == f"lpips_{network}"
    assert metric(x, x).over_picture().item() == 0
    with pytest.raises(RuntimeError):  # the smallest side is the smallest: one pixel less and the net fails
        metric.pixel_map(x[..., :-1, :-1], x[..., :-1, :-1])


@pytest.mark.parametrize("network", m.LPIPS_BACKBONES)
def test_missing_weights_are_named_and_never_fetched(network, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *a, **k: pytest.fail("a download"))
    names = {"squeeze": "squeezenet1_1-b8a52dc0", "alex": "alexnet-owt-7be5be79", "vgg": "vgg16-397923af"}
    expected = tmp_path / "hub/checkpoints" / f"{names[network]}.pth"
    for weights in (None, tmp_path / "absent.pth"):
        with pytest.raises(InputError) as caught:
            m.load_lpips(network, weights)
        assert str(expected) in str(caught.value) and "https://download.pytorch.org" in str(caught.value)
    assert not list(tmp_path.rglob("*.pth"))


def _write_code(path):
    path.write_bytes(pickle.dumps(print, protocol=2))


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"not weights at all"),
        lambda path: torch.save([1, 2], path),
        lambda path: torch.save({"features.0.weight": torch.zeros(3)}, path),
        lambda path: torch.save({"features.0.weight": "text"}, path),
        _write_code,
    ],
    ids=["empty", "text", "list", "shape", "string", "pickled code"],
)
def test_a_wrong_file_is_refused(write, tmp_path):
    path = tmp_path / "wrong.pth"
    write(path)
    with pytest.raises(InputError, match=str(path)):
        m.load_lpips("squeeze", path)


def test_an_unknown_network_is_refused():
    with pytest.raises(InputError, match="squeeze, alex, vgg"):
        m.load_lpips("resnet")


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
    assert found["psnr"] == pytest.approx((20 + 13.9794) / 2, rel=1e-4)
    assert found["infinite"] == 1
    assert m.squared_errors(made, truth)["mse"] == pytest.approx((0.005 + 0.02 + 0.0625) / 3, rel=1e-5)
    assert m.squared_errors(truth, truth) == {"mse": 0.0, "psnr": None, "infinite": 3}
