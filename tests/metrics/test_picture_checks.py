"""Pictures and masks that metrics cannot compare: one sentence each; what lies a rounding outside [0, 1] can be."""

import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.metrics.picture_checks import TOLERANCE, check_mask, check_pair, check_pictures

PICTURES = torch.full((2, 3, 4, 5), 0.5)
MASK = torch.zeros(2, 1, 4, 5)


@pytest.mark.parametrize(
    ("pictures", "sentence"),
    [
        (PICTURES.numpy(), r"are a tensor \(B, 3, H, W\) in \[0, 1\], not ndarray"),
        (PICTURES[0], r"have the shape \(B, 3, H, W\), not \(3, 4, 5\)"),
        (PICTURES[:0], r"have the shape .*, not \(0, 3, 4, 5\)"),
        ((PICTURES * 255).to(torch.uint8), r"are floating point in \[0, 1\], not torch.uint8: divide 8 bits by 255"),
        (PICTURES * 255, "have values in .*, not from 127.5 to 127.5"),
        (PICTURES * torch.nan, "have values in .*, not from nan to nan"),
        (PICTURES - 0.52, "have values in .*, not from -0.02 to -0.02"),
    ],
)
def test_what_is_no_picture(pictures, sentence):
    with pytest.raises(InputError, match=f"^the samples {sentence}"):
        check_pictures(pictures, "the samples")


def test_a_rounding_beyond_the_ends_is_a_picture():
    check_pictures(torch.tensor([-TOLERANCE / 2, 1 + TOLERANCE / 2]).reshape(1, 1, 1, 2))


def test_pictures_are_compared_with_as_many_of_their_size():
    check_pair(PICTURES, PICTURES)
    with pytest.raises(InputError, match=r"have one shape .* \(1, 3, 4, 5\) and \(2, 3, 4, 5\)"):
        check_pair(PICTURES[:1], PICTURES)
    with pytest.raises(InputError, match="^the true pictures have values"):
        check_pair(PICTURES, PICTURES + 1)


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (MASK.numpy(), "a mask is a tensor .* not ndarray"),
        (MASK[:1], r"has shape \(1, 1, 4, 5\), but pictures of shape \(2, 3, 4, 5\)"),
        (MASK.expand(2, 3, 4, 5), "same batch, height and width"),
        (MASK + 2, r"mask.*\[0, 1\]"),
    ],
)
def test_what_is_no_mask(mask, sentence):
    with pytest.raises(InputError, match=sentence):
        check_mask(PICTURES, mask)


def test_masks_of_bools_and_of_shares():
    check_mask(PICTURES, MASK.bool())
    check_mask(PICTURES, MASK + 0.5)
