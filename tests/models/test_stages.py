"""Stages one after the other, control between them, and which random weights each layer gets."""

import pytest
import torch
from torch import nn

from latentinpaint.models.stages import Stages, downsample_block, run_stages, stem, upsample_block


class Times(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return self.factor * x


def test_control_is_added_after_every_stage():
    x = torch.ones(1, 1, 2, 2)
    stages = Stages([Times(2.0), Times(3.0)])
    assert torch.equal(stages(x), 6 * x)
    assert torch.equal(stages(x, [x, 10 * x]), 3 * (2 * x + x) + 10 * x)
    assert torch.equal(run_stages(list(stages), x, [x, 10 * x]), stages(x, [x, 10 * x]))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_map_for_every_stage(count):
    x = torch.ones(1, 1, 2, 2)
    with pytest.raises(ValueError, match=f"control has {count} maps, the encoder 2 stages"):
        Stages([Times(2.0), Times(3.0)])(x, [x] * count)


@pytest.mark.parametrize("residual_blocks", [0, 2])
@pytest.mark.parametrize(
    ("build", "size"),
    [
        (lambda blocks: stem(3, 5, blocks), (8, 12)),
        (lambda blocks: downsample_block(3, 5, blocks, relu=True), (4, 6)),
        (lambda blocks: upsample_block(3, 5, blocks), (16, 24)),
    ],
    ids=["stem", "downsample", "upsample"],
)
def test_shapes(build, size, residual_blocks):
    assert build(residual_blocks)(torch.rand(2, 3, 8, 12)).shape == (2, 5, *size)


@pytest.mark.parametrize("relu", [True, False])
def test_a_last_stage_without_relu_can_be_negative(relu):
    torch.manual_seed(0)
    output = downsample_block(3, 5, 0, relu)(torch.randn(2, 3, 8, 8))
    assert (output.min() >= 0) == relu


def test_the_convolution_of_an_upsampling_gets_the_first_random_numbers():
    """A seed means the same weights in every version, with residual blocks or without."""
    torch.manual_seed(0)
    alone = upsample_block(4, 3, 0)[0]
    torch.manual_seed(0)
    *_, convolution, norm, relu = upsample_block(4, 3, 1)
    assert torch.equal(convolution.weight, alone.weight)
