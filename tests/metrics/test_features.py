"""Feature networks against torchvision's own model, torch-fidelity's own command line, and real dogs."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torchvision.models import squeezenet1_1
from torchvision.transforms.functional import normalize

from latentinpaint.data.distributions import from_range, open_collection
from latentinpaint.errors import InputError
from latentinpaint.metrics.distances import frechet_distance, kernel_distance
from latentinpaint.metrics.features import Inception, ResNet20, SqueezeNet, features_of, load_resnet20

ALIVE = 12  # channels of each branch of Inception's last block that are not constant


@pytest.fixture(scope="module")
def squeeze_file(tmp_path_factory):
    """torchvision's model with random weights, and the file of its state dict."""
    torch.manual_seed(0)
    model = squeezenet1_1().eval()
    path = tmp_path_factory.mktemp("squeeze") / "squeezenet1_1-00000000.pth"
    torch.save(model.state_dict(), path)
    return model, path


@pytest.fixture(scope="module")
def inception_file(tmp_path_factory):
    """A state dict in torch-fidelity's form: random, but such that pictures differ in their features.

    Most of the last features are kept at zero: torch-fidelity takes the eigenvalues of their whole covariance.
    """
    path = tmp_path_factory.mktemp("inception") / "weights-inception-2015-12-05-00000000.pth"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        torch.save({}, path)
        network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], str(path))
    generator = torch.Generator().manual_seed(0)
    state = network.state_dict()
    for name, value in state.items():
        if name.endswith("conv.weight"):
            value.normal_(std=(2 / value[0].numel()) ** 0.5, generator=generator)
        elif name.endswith("bn.bias"):
            value.normal_(std=0.1, generator=generator)
    last = ("branch1x1", "branch3x3_2a", "branch3x3_2b", "branch3x3dbl_3a", "branch3x3dbl_3b", "branch_pool")
    for branch in last:
        state[f"Mixed_7c.{branch}.bn.bias"][ALIVE:] = -1000
        state[f"Mixed_7c.{branch}.bn.weight"][:ALIVE] = 20  # so that the kernel is not lost in its constant
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def inception(inception_file):
    return Inception(inception_file)


# ---- SqueezeNet


@pytest.mark.parametrize("size", [(17, 17), (64, 48)])
def test_squeezenet_is_torchvisions(squeeze_file, size):
    model, path = squeeze_file
    images = torch.rand(3, 3, *size)
    with torch.no_grad():
        seen = model.features(normalize(images, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    found = SqueezeNet(path)(images)
    assert found.shape == (3, SqueezeNet.dimension)
    torch.testing.assert_close(found, seen.flatten(2).mean(dim=2))


def test_the_smallest_picture_is_the_smallest(squeeze_file):
    network = SqueezeNet(squeeze_file[1])
    network.check(torch.rand(1, 3, 17, 40))
    with pytest.raises(InputError, match=r"FD\(squeeze\) needs pictures of at least 17 pixels"):
        network.check(torch.rand(1, 3, 40, 16))
    with pytest.raises(RuntimeError):
        network(torch.rand(1, 3, 16, 16))


# ---- Inception


def folder_of_pictures(folder, count, seed, brightest):
    """PNG files, and the same pictures as (count, 3, 32, 32) in [0, 1]."""
    folder.mkdir()
    pixels = np.random.default_rng(seed).integers(0, brightest, (count, 32, 32, 3), np.uint8)
    for number, picture in enumerate(pixels):
        Image.fromarray(picture).save(folder / f"{number:03}.png")
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


def test_fid_and_kid_are_torch_fidelitys_own(inception, inception_file, tmp_path):
    one = folder_of_pictures(tmp_path / "one", 8, 0, 256)
    other = folder_of_pictures(tmp_path / "other", 8, 1, 200)
    command = [sys.executable, "-m", "torch_fidelity.fidelity", "--cpu", "--fid", "--kid", "--json"]
    command += ["--input1", tmp_path / "one", "--input2", tmp_path / "other", "--no-cache", "--save-cpu-ram"]
    command += ["--feature-extractor-weights-path", inception_file, "--kid-subset-size", "4", "--rng-seed", "5"]
    output = subprocess.run([str(x) for x in command], capture_output=True, text=True, check=True, timeout=300).stdout
    theirs = json.loads(output[output.index("{") :])

    ours = features_of(inception, one), features_of(inception, other)
    assert ours[0].shape == (8, 2048) and (ours[0].std(dim=0) > 1e-3).sum() > 50
    assert frechet_distance(*ours) == pytest.approx(theirs["frechet_inception_distance"], rel=1e-4)
    kernel = kernel_distance(*ours, seed=5)
    assert kernel.mean == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-4)
    assert kernel.standard_deviation == pytest.approx(theirs["kernel_inception_distance_std"], rel=1e-4)


def test_inception_sees_eight_bits(inception):
    images = (255 * torch.rand(1, 3, 16, 16)).round() / 255
    images[..., 0, 0], images[..., 1, 1] = 0, 1
    near = images + (torch.rand_like(images) - 0.5) * 0.98 / 255
    beyond = torch.where((images == 0) | (images == 1), 3 * images - 1, images)
    found, *others = (inception(x) for x in (images, near, beyond))
    for other in others:
        assert torch.equal(found, other)
    assert not torch.equal(found, inception((images + 2 / 255).clamp(0, 1)))


# ---- ResNet-20


def test_other_weights_are_refused(tmp_path):
    (tmp_path / "no.safetensors").write_bytes(b"nothing")
    save_file({"conv1.weight": torch.zeros(16, 3, 3, 3)}, tmp_path / "few.safetensors")
    for name in ("no", "few", "absent"):
        with pytest.raises(InputError, match="ResNet-20"):
            load_resnet20(tmp_path / f"{name}.safetensors")


def test_real_dogs_are_dogs(shared_data):
    """The published weights have 91.4 % on CIFAR-10's test set, so most of its dogs are known as dogs."""
    network = load_resnet20(shared_data / "weights" / "cifar10_resnet20.safetensors")
    dogs = from_range(open_collection(str(shared_data / "cifar10_dogs" / "test.webp"), 32, 3).first())
    found = features_of(network, dogs)
    assert found.shape == (1000, 64)
    assert (network.linear(found).argmax(dim=1) == 5).float().mean() > 0.8
    torch.testing.assert_close(found[:3], features_of(network, dogs[:3]), atol=1e-4, rtol=1e-4)


def test_the_networks_size():
    assert sum(p.numel() for p in ResNet20().parameters()) == 269_722


# ---- all of them


@pytest.fixture(params=["inception", "squeeze", "resnet20"])
def build(request, inception_file, squeeze_file, tmp_path):
    """Builds a network from a file of weights."""
    if request.param == "inception":
        return lambda: Inception(inception_file)
    if request.param == "squeeze":
        return lambda: SqueezeNet(squeeze_file[1])
    save_file(ResNet20().state_dict(), tmp_path / "resnet20.safetensors")
    return lambda: load_resnet20(tmp_path / "resnet20.safetensors")


def test_a_built_network_is_frozen_and_leaves_the_callers_generator_alone(build):
    before = torch.get_rng_state()
    network = build()
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(module.training for module in network.modules() if module is not network)
    assert not features_of(network, torch.rand(1, 3, 32, 32)).requires_grad


def test_features_do_not_depend_on_the_batches(squeeze_file):
    network, images = SqueezeNet(squeeze_file[1]), torch.rand(5, 3, 32, 32)
    together = features_of(network, images)
    torch.testing.assert_close(features_of(network, images, batch_size=2), together, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(torch.cat([network(x[None]) for x in images]), together, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("network", "file_name", "address"),
    [
        (Inception, "weights-inception-2015-12-05-6726825d.pth", "https://github.com/toshas/torch-fidelity/"),
        (SqueezeNet, "squeezenet1_1-b8a52dc0.pth", "https://download.pytorch.org/models/"),
    ],
)
def test_missing_weights_are_named_and_never_fetched(network, file_name, address, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *_, **__: pytest.fail("a download"))
    for given in (None, tmp_path / "absent.pth"):
        with pytest.raises(InputError) as caught:
            network(given)
        sentence = str(caught.value)
        assert sentence.startswith(f"{network.distance} needs") and sentence.endswith(".") and "\n" not in sentence
        assert address in sentence and str(tmp_path / "hub/checkpoints" / file_name) in sentence
    assert not list(tmp_path.rglob("*.pth"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not weights at all",
        pickle.dumps(print, protocol=2),
        [1, 2],
        {},
        {"features.0.weight": torch.zeros(3)},
        {"features.0.weight": "text", "fc.bias": "text"},
        {0: torch.zeros(3)},
    ],
    ids=["empty", "text", "pickled code", "list", "empty dict", "shape", "strings", "numbered"],
)
@pytest.mark.parametrize("network", [Inception, SqueezeNet])
def test_a_wrong_file_is_refused(network, content, tmp_path):
    path = tmp_path / "wrong.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(InputError) as caught:
        network(path)
    assert str(path) in str(caught.value) and network.distance in str(caught.value)
    assert "\n" not in str(caught.value)
