"""Binary features: what torch's own layers compute on whole maps."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from latentinpaint.models import LamaAutoencoder, MaskControl
from latentinpaint.models.fast.binary_features import BinaryFeatures, convolve


def random_mask(share, dtype=torch.float64):
    return (torch.rand(2, 1, 12, 16, generator=torch.Generator().manual_seed(0)) < share).to(dtype)


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2), (5, 2)])
def test_a_convolution_of_binary_features(kernel, stride):
    mask = random_mask(0.4)
    vector = torch.randn(4, dtype=torch.float64)
    whole = vector.view(1, -1, 1, 1) * mask
    convolution = nn.Conv2d(4, 3, kernel, stride, kernel // 2, bias=False).double()
    expected = F.conv2d(whole, convolution.weight, None, stride, kernel // 2)
    torch.testing.assert_close(convolve(convolution, BinaryFeatures(mask, vector)), expected, atol=1e-12, rtol=0)
    assert torch.equal(convolve(convolution, whole), convolution(whole))


def layer_by_layer(control, mask):
    """The mask encoder as its layers say, every feature map computed."""
    features, controls = mask, []
    for level, tap in zip(control.levels, control.taps, strict=True):
        features = nn.Sequential(*level)(features)
        controls.append(tap(features))
    return controls


@pytest.mark.parametrize("arguments", [dict(base_channels=4), dict(base_channels=3, final_relu=False)], ids=str)
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_vector_stands_for_the_first_stage(arguments, share):
    """Outputs and gradients are those of torch's own layers on the whole maps."""
    torch.manual_seed(0)
    control = MaskControl(LamaAutoencoder(**arguments))
    for tap in control.taps:
        nn.init.normal_(tap.weight)
    control = control.double()
    twin = deepcopy(control)
    for _ in range(2):
        mask = (torch.rand(2, 1, 32, 40, dtype=torch.float64) < share).double()
        found, expected = control(mask), layer_by_layer(twin, mask)
        weights = [torch.randn_like(each) for each in expected]
        for made in (found, expected):
            sum((w * each).sum() for w, each in zip(weights, made, strict=True)).backward()
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, atol=1e-9, rtol=1e-7)
    for one, other in zip(control.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-7, rtol=1e-6)
