"""The pyramid in closed form: sizes, scaling, what becomes of the hole."""

import cv2
import numpy as np
import pytest
import torch

from latentinpaint.inference.pyramid import PyramidLevel, erode, pyramid_sizes, resize, scale_down


@pytest.mark.parametrize(
    "size, smallest, expected",
    [
        ((256, 300), 256, [(256, 300)]),
        ((100, 900), 256, [(100, 900)]),
        ((512, 768), 256, [(256, 384), (512, 768)]),
        ((1024, 1024), 256, [(256, 256), (512, 512), (1024, 1024)]),
        ((600, 400), 256, [(384, 256), (600, 400)]),
        ((576, 576), 256, [(256, 256), (384, 384), (576, 576)]),  # 2.25 times: two steps of 1.5
    ],
)
def test_sizes(size, smallest, expected):
    assert pyramid_sizes(*size, smallest) == expected


def test_steps_are_even_and_not_above_two():
    for side in range(257, 3000, 97):
        sides = [height for height, _ in pyramid_sizes(side, 2 * side, 256)]
        steps = np.array(sides[1:]) / np.array(sides[:-1])
        assert sides[0] == 256 and sides[-1] == side
        assert steps.max() < 2.01 and np.ptp(steps) < 0.01


def test_scaling_down_by_two_is_a_triangle():
    """Four pixels with the weights 1, 3, 3, 1 of 8, those inside the picture alone: by numpy."""
    x = torch.rand(1, 2, 12, 16, dtype=torch.float64)
    expected = np.einsum("ih,bchw,jw->bcij", _halving(12), x.numpy(), _halving(16))
    np.testing.assert_allclose(scale_down(x, (6, 8)).numpy(), expected, atol=1e-7)


def _halving(size: int) -> np.ndarray:
    weights = np.zeros((size // 2, size))
    for row in range(size // 2):
        for offset, weight in zip(range(-1, 3), (1, 3, 3, 1), strict=True):
            if 0 <= 2 * row + offset < size:
                weights[row, 2 * row + offset] = weight
    return weights / weights.sum(axis=1, keepdims=True)


def test_nothing_of_a_hole_reaches_a_smaller_scale():
    image = torch.full((1, 3, 68, 83), 0.7)
    hole = torch.zeros(1, 1, 68, 83)
    hole[..., 20:50, 30:70] = 1
    scale = PyramidLevel.of(image * (1 - hole), hole, (30, 37))
    known = scale.mask == 0
    torch.testing.assert_close(
        scale.image[known.expand_as(scale.image)], torch.tensor(0.7).expand(3 * int(known.sum())), atol=1e-6, rtol=0
    )
    assert set(scale.mask.unique().tolist()) == {0, 1}
    # A new pixel is 68 / 30 wide and looks so far to either side of its middle.
    rows = [row for row in range(30) if 20 < (row + 1.5) * 68 / 30 and (row - 0.5) * 68 / 30 < 50]
    assert scale.mask[0, 0].amax(dim=1).nonzero().flatten().tolist() == rows


def test_erosion():
    mask = torch.zeros(2, 1, 9, 9)
    mask[0, :, 2:7, 0:7] = 1  # five rows at the left edge: beyond the picture nothing is known
    mask[1, :, 4, 4] = 1
    found = erode(mask, 2)
    expected = torch.zeros(9, 9)
    expected[4, 0:5] = 1
    assert torch.equal(found[0, 0], expected)
    assert torch.equal(found[1], mask[1])  # nothing would be left of it
    assert torch.equal(erode(mask, 0), mask)


def test_scaling_up_is_by_cubic_splines_within_the_range():
    """Those of OpenCV have the same parameter, -0.75."""
    picture = torch.rand(1, 3, 12, 16, generator=torch.Generator().manual_seed(0))
    expected = cv2.resize(picture[0].permute(1, 2, 0).numpy(), (37, 25), interpolation=cv2.INTER_CUBIC)
    assert expected.max() > 1
    found = resize(picture, (25, 37))
    np.testing.assert_allclose(found[0].permute(1, 2, 0).numpy(), expected.clip(0, 1), atol=1e-4)
    assert resize(picture, (12, 16)) is picture
