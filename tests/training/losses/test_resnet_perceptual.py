"""The dilated ResNet-50: which cells it has, both layouts of weights, and what happens when there are none."""

import pytest
import torch
import torch.nn.functional as F
from torchvision.models import resnet50

from latentinpaint.errors import InputError
from latentinpaint.training.losses.resnet_perceptual import DilatedResNet50, PerceptualLoss, perceptual_loss


@pytest.fixture(scope="module")
def state():
    """Random weights of torchvision's ResNet-50, with statistics that keep the features of order one."""
    torch.manual_seed(0)
    network = resnet50()
    with torch.no_grad():
        network.train()(torch.randn(4, 3, 64, 64))
    return network.state_dict()


@pytest.fixture(scope="module")
def segmentation_state(state):
    """The same body behind the segmentation network's stem."""
    torch.manual_seed(1)
    deep = {name: value for name, value in state.items() if not name.startswith(("conv1.", "bn1.", "fc."))}
    for number, (narrow, wide) in enumerate(((3, 64), (64, 64), (64, 128)), start=1):
        deep[f"conv{number}.weight"] = torch.randn(wide, narrow, 3, 3) * (2 / (9 * narrow)) ** 0.5
        deep[f"bn{number}.weight"], deep[f"bn{number}.bias"] = torch.rand(wide) + 0.5, torch.randn(wide) * 0.1
        deep[f"bn{number}.running_mean"], deep[f"bn{number}.running_var"] = torch.randn(wide), torch.rand(wide) + 0.5
    deep["layer1.0.conv1.weight"] = torch.randn(64, 128, 1, 1) / 128**0.5
    deep["layer1.0.downsample.0.weight"] = torch.randn(256, 128, 1, 1) / 128**0.5
    return deep


def test_shapes_of_a_stride_of_eight(state):
    features = DilatedResNet50(state)(torch.rand(1, 3, 64, 96))
    assert [tuple(f.shape[1:]) for f in features] == [(256, 16, 24), (512, 8, 12), (1024, 8, 12), (2048, 8, 12)]


def test_undilated_stages_equal_torchvisions(state):
    """The first two stages are not dilated: there torchvision's own network has the expected output."""
    network = resnet50()
    network.load_state_dict(state)
    network.eval()
    image = torch.rand(2, 3, 64, 64)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        x = (image - mean.view(3, 1, 1)) / std.view(3, 1, 1)
        x = network.maxpool(F.relu(network.bn1(network.conv1(x))))
        first = network.layer1(x)
        second = network.layer2(first)
        found = DilatedResNet50(state)(image)
    assert torch.allclose(found[0], first, atol=1e-5)
    assert torch.allclose(found[1], second, atol=1e-5)


def test_dilated_stages_hold_the_strided_ones(state):
    """À trous: every second cell of the dilated third stage is a cell of the strided one."""
    network = resnet50()
    network.load_state_dict(state)
    network.eval()
    image = torch.rand(1, 3, 128, 128)
    with torch.no_grad():
        second = DilatedResNet50(state)(image)[1]
        strided = network.layer3(second)
        dilated = DilatedResNet50(state).network.layer3(second)
    assert strided.abs().max() > 0.1
    assert torch.allclose(dilated[..., ::2, ::2], strided, atol=1e-4)


def test_the_segmentation_networks_stem(segmentation_state):
    """Three convolutions, each with BatchNorm and ReLU, written out."""
    image = torch.rand(1, 3, 32, 32)
    s, mean, std = segmentation_state, torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (image - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    for number, stride in ((1, 2), (2, 1), (3, 1)):
        x = F.conv2d(x, s[f"conv{number}.weight"], stride=stride, padding=1)
        norm = [s[f"bn{number}.{name}"] for name in ("running_mean", "running_var", "weight", "bias")]
        x = F.relu(F.batch_norm(x, *norm))
    x = F.max_pool2d(x, 3, 2, 1)
    network = DilatedResNet50(segmentation_state)
    with torch.no_grad():
        assert torch.allclose(network(image)[0], network.network.layer1(x), atol=1e-4)


def test_the_loss_is_the_sum_of_squares_and_moves_the_prediction_alone():
    class Stages(torch.nn.Module):
        def forward(self, x):
            return [1 * x, 2 * x]

    prediction, target = (
        torch.full((1, 3, 4, 4), 0.5, requires_grad=True),
        torch.zeros(1, 3, 4, 4, requires_grad=True),
    )
    loss = PerceptualLoss(Stages())(prediction, target)
    assert loss.item() == pytest.approx(0.25 + 1.0)
    loss.backward()
    assert prediction.grad is not None
    assert target.grad is None


def test_it_is_frozen_whatever_is_called(state):
    network = DilatedResNet50(state).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network(torch.rand(2, 3, 32, 32, requires_grad=True))[-1].sum().backward()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_file_and_none(state, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert perceptual_loss() is None
    path = tmp_path / "resnet.pth"
    torch.save(state, path)
    image = torch.rand(1, 3, 32, 32)
    assert perceptual_loss(str(path))(image, image).item() == 0
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    path.rename(tmp_path / "hub" / "checkpoints" / "resnet50-11ad3fa6.pth")
    assert perceptual_loss() is not None
    with pytest.raises(InputError, match="no file .*resnet.pth"):
        perceptual_loss(str(path))


def test_other_weights_are_refused(state, tmp_path):
    wrong = {name: value for name, value in state.items() if name != "layer4.2.conv3.weight"}
    with pytest.raises(InputError, match=r"layer4\.2\.conv3\.weight"):
        DilatedResNet50(wrong)
    with pytest.raises(InputError, match=r"layer3\.7\.conv1\.weight is among"):
        DilatedResNet50({**state, "layer3.7.conv1.weight": torch.zeros(1)})
    with pytest.raises(InputError, match="shapes"):
        DilatedResNet50({**state, "layer1.0.conv1.weight": torch.zeros(1, 1, 1, 1)})
