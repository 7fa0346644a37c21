"""What passes a model for a caller's picture: the values of tensors, what is unseen of them, and new margins."""

import numpy as np
import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.inference.fill_input import expanded_input, fill_input
from latentinpaint.inference.options import FillOptions

HEIGHT, WIDTH = 12, 16


def hole():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[3:7, 4:9] = True
    return mask


@pytest.mark.parametrize("value", [255.0, -1.0, float("nan"), float("inf")])
def test_values_of_tensors_are_checked_where_they_are_seen(value):
    image = torch.full((3, HEIGHT, WIDTH), 0.5)
    image[:, 4, 5] = value
    fill_input(image, hole(), FillOptions())
    image[:, 3, 3] = value  # beside the hole: seen, unless the mask is dilated
    with pytest.raises(InputError, match="values in"):
        fill_input(image, hole(), FillOptions())
    fill_input(image, hole(), FillOptions(dilate=1))
    with pytest.raises(InputError, match="values in"):
        fill_input(image, hole(), FillOptions(dilate=1, feather=1))  # blended, so seen


@pytest.mark.parametrize("as_tensor", [False, True])
def test_margins_are_part_of_the_hole(as_tensor):
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    if as_tensor:
        image = torch.full((3, HEIGHT, WIDTH), 0.5)
    found = expanded_input(image, (1, 2, 3, 4), hole(), FillOptions())
    expected = np.pad(hole(), ((2, 4), (1, 3)), constant_values=True)
    assert found.images.shape[-2:] == expected.shape
    np.testing.assert_array_equal(found.masks[0, 0].numpy(), expected)


@pytest.mark.parametrize("shape", [(5,), (HEIGHT, WIDTH), (2, HEIGHT, WIDTH), (1, 3, 0, 5)], ids=str)
@pytest.mark.parametrize("mask", [None, hole()], ids=["no mask", "mask"])
def test_a_tensor_of_another_shape_cannot_be_expanded(shape, mask):
    with pytest.raises(InputError, match=r"a tensor is \(3, H, W\) or \(B, 3, H, W\) of floats"):
        expanded_input(torch.zeros(shape), 4, mask, FillOptions())
