"""Masks from files."""

import math

import numpy as np
import pytest
import torch
from mask_draws import draws, seeded

from latentinpaint.data.mask_folder import FolderMasks
from latentinpaint.data.masks import (
    MaskGenerator,
)
from latentinpaint.errors import InputError


def write_grey(path, array):
    from PIL import Image

    Image.fromarray(np.asarray(array, np.uint8)).save(path)


def test_folder_masks_resize_by_nearest_neighbour(tmp_path):
    pattern = np.array([[1, 0, 0], [0, 1, 1]])
    write_grey(tmp_path / "a.png", np.where(pattern, 200, 100))  # cut at half grey
    masks = FolderMasks(tmp_path)
    assert isinstance(masks, MaskGenerator)
    doubled = masks(4, 6, generator=seeded())
    assert doubled.dtype == torch.float32
    assert np.array_equal(doubled[0].numpy(), np.kron(pattern, np.ones((2, 2))))
    assert np.array_equal(masks(2, 3)[0].numpy(), pattern)
    assert np.array_equal(FolderMasks(tmp_path, invert=True)(2, 3)[0].numpy(), 1 - pattern)

    write_grey(tmp_path / "a.png", 255 * np.kron(pattern, np.ones((5, 5))))
    assert np.array_equal(masks(2, 3)[0].numpy(), pattern)  # and down again
    assert masks(211, 317).shape == (1, 211, 317)


def test_folder_masks_draw_each_file_equally_often(tmp_path):
    for area in (1, 2, 3):
        write_grey(tmp_path / f"{area}.png", 255 * (np.arange(4).reshape(2, 2) < area))
    masks = FolderMasks(tmp_path)
    state = torch.get_rng_state()
    areas = [mask.sum() for mask in draws(masks, 450, 2, 2, seed=3)]
    assert torch.equal(torch.get_rng_state(), state)
    assert areas == [mask.sum() for mask in draws(masks, 450, 2, 2, seed=3)]
    assert np.allclose([areas.count(a) / 450 for a in (1, 2, 3)], 1 / 3, atol=4 * math.sqrt(2 / 9 / 450))


def test_folder_without_pictures(tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(InputError):
        FolderMasks(tmp_path)


def test_files_that_cannot_be_read_are_left_out(tmp_path):
    write_grey(tmp_path / "hole.png", np.array([[255, 0]], np.uint8))
    (tmp_path / "bad.png").write_text("no picture")
    masks = FolderMasks(tmp_path)
    with pytest.warns(UserWarning, match=r"left out: .*bad\.png"):
        drawn = draws(masks, 20, 1, 2)
    assert all(mask.tolist() == [[1, 0]] for mask in drawn)
    (tmp_path / "hole.png").write_text("no picture either")
    with pytest.warns(UserWarning), pytest.raises(InputError, match="hardly a file"):
        masks(1, 2)
