"""LPIPS against `lpips` and torchmetrics themselves, and the files it is built from."""

import pickle
import shutil

import lpips
import pytest
import torch
import torchvision
from spoilt import left_hole, pictures

from latentinpaint.errors import InputError
from latentinpaint.metrics.perceptual import LPIPS_BACKBONES, load_lpips
from latentinpaint.metrics.pixels import evaluate_pair


@pytest.fixture(scope="module")
def weights(shared_data):
    path = shared_data / "weights" / "squeezenet1_1_imagenet.pth"
    if not path.is_file():
        pytest.skip(f"SqueezeNet's weights are not at {path}")
    return path


@pytest.fixture(scope="module")
def squeeze(weights):
    return load_lpips("squeeze", weights)


# ---- values


def test_lpips_gives_the_documented_value(squeeze):
    torch.manual_seed(123)
    x, y = torch.rand(10, 3, 100, 100), torch.rand(10, 3, 100, 100)
    assert squeeze(x, y).over_picture().mean().item() == pytest.approx(0.1008, abs=5e-5)


@pytest.mark.filterwarnings("ignore")
def test_lpips_agrees_with_lpips_and_torchmetrics_themselves(tmp_path, monkeypatch, squeeze, weights):
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

    checkpoints = tmp_path / "hub/checkpoints"
    checkpoints.mkdir(parents=True)
    shutil.copy(weights, checkpoints / "squeezenet1_1-b8a52dc0.pth")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    cached = load_lpips("squeeze")  # found in the cache, under torchvision's name

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


@pytest.mark.filterwarnings("ignore")
def test_lpips_of_the_regions_is_the_mean_of_lpips_own_map(squeeze, tmp_path, monkeypatch, weights):
    """The band of a straight border in 47 rows is one column on either side."""
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    shutil.copy(weights, tmp_path / "hub/checkpoints/squeezenet1_1-b8a52dc0.pth")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    x, y = pictures(2, 47, 64)
    found = evaluate_pair(x, y, left_hole(y), [squeeze])
    spatial = lpips.LPIPS(net="squeeze", verbose=False, spatial=True)(x, y, normalize=True).detach()
    assert list(found) == ["lpips_squeeze", "lpips_squeeze_hole", "lpips_squeeze_band"]
    torch.testing.assert_close(found["lpips_squeeze_hole"], spatial[..., :26].mean(dim=(1, 2, 3)))
    torch.testing.assert_close(found["lpips_squeeze_band"], spatial[..., 25:27].mean(dim=(1, 2, 3)))


# ---- files of weights


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


@pytest.mark.parametrize("network", LPIPS_BACKBONES)
def test_every_backbone_is_copied_layer_by_layer(network, tmp_path):
    path, features = backbone_file(network, tmp_path)
    generator = torch.get_rng_state()
    metric = load_lpips(network, path)
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


@pytest.mark.parametrize("network", LPIPS_BACKBONES)
def test_missing_weights_are_named_and_never_fetched(network, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *a, **k: pytest.fail("a download"))
    names = {"squeeze": "squeezenet1_1-b8a52dc0", "alex": "alexnet-owt-7be5be79", "vgg": "vgg16-397923af"}
    expected = tmp_path / "hub/checkpoints" / f"{names[network]}.pth"
    for weights in (None, tmp_path / "absent.pth"):
        with pytest.raises(InputError) as caught:
            load_lpips(network, weights)
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
        lambda path: torch.save({0: torch.zeros(3)}, path),
        _write_code,
    ],
    ids=["empty", "text", "list", "shape", "string", "numbered", "pickled code"],
)
def test_a_wrong_file_is_refused(write, tmp_path):
    path = tmp_path / "wrong.pth"
    write(path)
    with pytest.raises(InputError, match=str(path)):
        load_lpips("squeeze", path)


def test_an_unknown_network_is_refused():
    with pytest.raises(InputError, match="squeeze, alex, vgg"):
        load_lpips("resnet")


def test_a_truth_that_is_kept_is_not_taken_for_another(squeeze):
    """Its features are computed once for all fills; written to, or another tensor, it is another truth."""
    x, y = pictures(2, 47, 64)
    first = squeeze(x, y).over_picture()
    assert torch.equal(squeeze(x, y).over_picture(), first)
    other = y.flip(-1).contiguous()
    expected = squeeze(x, other.clone()).over_picture()
    y.copy_(other)
    assert torch.equal(squeeze(x, y).over_picture(), expected) and not torch.equal(expected, first)
    with torch.inference_mode():
        assert torch.equal(squeeze(x, y.clone()).over_picture(), expected)
