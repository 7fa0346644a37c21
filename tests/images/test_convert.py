"""Masks and pictures as callers have them, against their plain meaning."""

import numpy as np
import pytest
import torch
from PIL import Image

from latentinpaint.errors import InputError
from latentinpaint.images.convert import as_mask, like_input, to_picture

HOLE = np.array([[0, 1, 0], [1, 1, 0]], bool)
MASKS = {
    "bool": HOLE,
    "zero and one": HOLE.astype(np.int64),
    "zero and 255": HOLE.astype(np.uint8) * 255,
    "around half of 255": np.where(HOLE, 128, 127).astype(np.uint8),
    "around half": np.where(HOLE, 0.51, 0.49),
    "a channel behind": HOLE[..., None].astype(np.uint8),
    "a channel in front": HOLE[None].astype(np.float32),
    "tensor": torch.from_numpy(HOLE.astype(np.float32)),
    "half precision": torch.from_numpy(HOLE).to(torch.bfloat16)[None, None],
    "Pillow": Image.fromarray(HOLE.astype(np.uint8) * 255),
}


@pytest.mark.parametrize("name", MASKS)
def test_masks(name):
    hole = as_mask(MASKS[name])
    assert hole.dtype == bool and hole.flags.c_contiguous and np.array_equal(hole, HOLE)


@pytest.mark.parametrize("shape", [(2, 3), (1, 2, 3), (1, 1, 2, 3)])
def test_masks_with_a_batch(shape):
    batch = as_mask(torch.from_numpy(HOLE).reshape(shape), batched=True)
    assert batch.shape == (1, 1, 2, 3) and np.array_equal(batch[0, 0], HOLE)
    stacked = as_mask(np.stack([HOLE, ~HOLE]), batched=True)
    assert stacked.shape == (2, 1, 2, 3) and np.array_equal(stacked[:, 0], np.stack([HOLE, ~HOLE]))


@pytest.mark.parametrize(
    ("mask", "batched"),
    [(np.zeros((2, 3, 3)), False), (np.zeros(6), False), (np.zeros((2, 2, 2, 3)), True), ("mask.png", False)],
)
def test_what_is_no_mask(mask, batched):
    with pytest.raises(InputError, match="a mask"):
        as_mask(mask, batched)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3), (4, 5, 4)])
def test_arrays_come_back_as_they_were(shape):
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    again = like_input(to_picture(array), array)
    assert again.dtype == np.uint8 and np.array_equal(again, array)
    image = Image.fromarray(array.squeeze())
    assert np.array_equal(np.asarray(like_input(to_picture(image), image)), array.squeeze())


@pytest.mark.parametrize("image", [np.zeros((4, 5)), np.zeros((4, 5, 2), np.uint8), "photo.png"])
def test_what_is_no_picture(image):
    with pytest.raises(InputError, match="picture|array"):
        to_picture(image)
