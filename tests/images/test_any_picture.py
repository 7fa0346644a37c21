"""Masks and pictures as callers have them, against their plain meaning."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from latentinpaint.errors import InputError
from latentinpaint.images.any_picture import as_mask, as_upright_mask, check_unit_colours, like_input, to_picture
from latentinpaint.images.picture_filling import fill_picture
from latentinpaint.images.sample_range import SampleRange

HOLE = np.array([[0, 1, 0], [1, 1, 0]], bool)
NOTHING = np.zeros((4, 5), bool)  # of a picture is a hole
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
    "tensor of 0 to 255": torch.from_numpy(np.where(HOLE, 200, 90)).float(),
    "uint16": np.where(HOLE, 40000, 30000).astype(np.uint16),
    "Pillow": Image.fromarray(HOLE.astype(np.uint8) * 255),
    "Pillow 1": Image.fromarray(HOLE),
    "Pillow 0 and 1": Image.fromarray(HOLE.astype(np.uint8)),
    "Pillow I;16": Image.fromarray(np.where(HOLE, 40000, 30000).astype(np.uint16)),
    "Pillow I;16 of 0 and 1": Image.fromarray(HOLE.astype(np.uint16)),
    "Pillow I": Image.fromarray(HOLE.astype(np.int32) * 255),
    "Pillow F": Image.fromarray(np.where(HOLE, 0.7, 0.3).astype(np.float32)),
    "Pillow F of 0 to 255": Image.fromarray(np.where(HOLE, 200, 90).astype(np.float32)),
    "Pillow RGB": Image.fromarray(HOLE.astype(np.uint8) * 255).convert("RGB"),
    "Pillow P": Image.fromarray(HOLE.astype(np.uint8) * 255).convert("P"),
    "Pillow RGBA": Image.fromarray(np.repeat(HOLE[..., None].astype(np.uint8) * 255, 4, 2)),
}


@pytest.mark.parametrize("name", MASKS)
def test_masks(name):
    hole = as_mask(MASKS[name])
    assert hole.dtype == bool and hole.flags.c_contiguous and np.array_equal(hole, HOLE)


OPEN_MASKS = {
    "labels": HOLE.astype(np.int64) * 2,
    "labels as a tensor": torch.from_numpy(HOLE.astype(np.uint8) * 2),
    "labels by Pillow": Image.fromarray(HOLE.astype(np.uint8) * 2),
    "NaN": np.where(HOLE, np.nan, 0),
    "NaN by Pillow": Image.fromarray(np.where(HOLE, np.nan, 0).astype(np.float32)),
    "negative": torch.tensor([[-1.0, 1.0]]),
}


@pytest.mark.parametrize("name", OPEN_MASKS)
def test_masks_that_leave_the_hole_open(name):
    with pytest.raises(InputError, match="the mask has"):
        as_mask(OPEN_MASKS[name])


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_deep_arrays_come_back_as_they_were(dtype):
    for shape in ((4, 5), (4, 5, 1)):
        array = (np.random.default_rng(0).random(shape) * 4095).astype(dtype)
        again = like_input(to_picture(array), array, NOTHING)
        assert again.dtype == dtype and np.array_equal(again, array)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3), (4, 5, 4)])
def test_floats_come_back_as_they_were_but_for_the_hole(shape, dtype):
    array = np.random.default_rng(0).random(shape).astype(dtype)
    hole = NOTHING.copy()
    hole[1:3, 2:4] = True
    array[1, 2] = np.nan
    array[2, 3] = -7
    before = array.copy()
    check_unit_colours(array, hole)
    picture = to_picture(array)
    fill = np.random.default_rng(1).random((4, 5, 3))
    if picture.mode == "F":
        picture = picture.with_range(SampleRange(0, 1))
    again = like_input(fill_picture(picture, fill, hole, fill[..., 0]), array, hole)
    assert again.dtype == dtype and again.shape == shape
    np.testing.assert_array_equal(again[~hole], array[~hole])
    np.testing.assert_array_equal(array, before)
    expected = fill @ [0.299, 0.587, 0.114]
    if len(shape) == 3 and shape[2] >= 3:
        expected = np.dstack([fill, fill[..., 0]])[..., : shape[2]]
    np.testing.assert_allclose(again[hole], expected.reshape(shape)[hole], atol=6e-4 if dtype == np.float16 else 1e-5)


@pytest.mark.parametrize("value", [-0.5, 1.5, 255, np.nan, np.inf])
def test_colours_of_floats_are_between_0_and_1_where_they_are_seen(value):
    array = np.full((4, 5, 3), 0.5)
    array[2, 3, 1] = value
    with pytest.raises(InputError, match=r"values in \[0, 1\]"):
        check_unit_colours(array, NOTHING)
    unseen = NOTHING.copy()
    unseen[2, 3] = True
    check_unit_colours(array, unseen)
    assert to_picture(array).mode == "RGB;16"


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
    again = like_input(to_picture(array), array, NOTHING)
    assert again.dtype == np.uint8 and np.array_equal(again, array)
    image = Image.fromarray(array.squeeze())
    assert np.array_equal(np.asarray(like_input(to_picture(image), image, NOTHING)), array.squeeze())


@pytest.mark.parametrize(
    "image", [np.zeros((4, 5), np.int64), np.zeros((4, 5, 2), np.uint8), np.zeros((4, 5, 2)), "photo.png"]
)
def test_what_is_no_picture(image):
    with pytest.raises(InputError, match="picture|array"):
        to_picture(image)


# Frames of a photo with an EXIF orientation ----------------------------------------------------------------


def turned_photo(height, width, orientation):
    """A Pillow photo whose stored samples number its pixels."""
    image = Image.fromarray(np.arange(height * width, dtype=np.uint8).reshape(height, width))
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "a maker"
    image.info["exif"] = exif.tobytes()
    return image


def corner(height, width):
    hole = np.zeros((height, width), bool)
    hole[0, : width - 2] = True
    return hole


STORED = {
    "array": lambda hole: hole,
    "array of 255": lambda hole: hole.astype(np.uint8) * 255,
    "tensor": lambda hole: torch.from_numpy(hole)[None],
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(6, 9), (8, 8)])
@pytest.mark.parametrize("kind", STORED)
def test_an_array_is_a_mask_of_the_stored_samples(kind, size, orientation):
    """Pillow turns a copy of the mask itself: the expected answer."""
    photo, hole = turned_photo(*size, orientation), corner(*size)
    carrier = turned_photo(*size, orientation)
    carrier.paste(Image.fromarray(hole.astype(np.uint8)))
    expected = np.asarray(ImageOps.exif_transpose(carrier)) > 0
    upright, frame = as_upright_mask(STORED[kind](hole), photo)
    assert np.array_equal(upright, expected) and frame == orientation
    again = like_input(to_picture(photo), photo, NOTHING, frame)
    assert np.array_equal(np.asarray(again), np.asarray(photo))
    assert again.getexif().get(0x0112) == orientation and again.getexif()[0x010F] == "a maker"


@pytest.mark.parametrize("orientation", range(5, 9))
@pytest.mark.parametrize("as_given", [lambda hole: hole, lambda hole: Image.fromarray(hole)])
def test_the_size_tells_the_frame(as_given, orientation):
    photo = turned_photo(6, 9, orientation)
    shown, frame = as_upright_mask(as_given(corner(9, 6)), photo)
    assert frame == 1 and np.array_equal(shown, corner(9, 6))
    stored, frame = as_upright_mask(as_given(corner(6, 9)), photo)
    assert frame == orientation and stored.shape == (9, 6)


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("own", [None, *range(1, 9)])
def test_a_pillow_mask_is_upright_by_its_own_exif(own, orientation):
    """Square, so that no size tells."""
    mask = Image.fromarray(corner(8, 8).astype(np.uint8) * 255)
    if own:
        exif = Image.Exif()
        exif[0x0112] = own
        mask.info["exif"] = exif.tobytes()
    hole, frame = as_upright_mask(mask, turned_photo(8, 8, orientation))
    assert frame == 1 and np.array_equal(hole, np.asarray(ImageOps.exif_transpose(mask)) > 0)


def test_a_tiff_is_upright_once_it_is_loaded(tmp_path):
    """Pillow turns the samples of a TIFF, so `numpy.asarray` has them upright."""
    photo = turned_photo(8, 8, 6)
    photo.save(tmp_path / "photo.tif", exif=photo.info["exif"])
    hole, frame = as_upright_mask(corner(8, 8), Image.open(tmp_path / "photo.tif"))
    assert frame == 1 and np.array_equal(hole, corner(8, 8))


def test_arrays_have_one_frame():
    hole, frame = as_upright_mask(corner(6, 9), np.zeros((6, 9), np.uint8))
    assert frame == 1 and np.array_equal(hole, corner(6, 9))
