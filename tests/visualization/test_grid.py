"""The grid's pixels."""

import numpy as np
import pytest
import torch
from PIL import Image

from latentinpaint.visualization import picture_grid, to_pil
from latentinpaint.visualization.grid import GAP, LABEL_HEIGHT


def test_to_pil_rounds_and_clips():
    levels = torch.tensor([-0.2, 0.0, 0.4 / 255, 0.6 / 255, 254.4 / 255, 254.6 / 255, 1.3])
    image = to_pil(levels.expand(3, 1, -1))
    assert np.asarray(image)[0, :, 1].tolist() == [0, 0, 0, 1, 254, 255, 255]
    assert image.size == (7, 1) and image.mode == "RGB"


def test_every_picture_is_at_its_place():
    height, width = 20, 30
    rows = [[torch.rand(3, height, width) for _ in range(3)] for _ in range(2)]
    grid = picture_grid(rows, ("one", "two", "three"))
    assert grid.size == (3 * width + 2 * GAP, LABEL_HEIGHT + 2 * height + GAP)
    for row in range(2):
        for column in range(3):
            left, top = column * (width + GAP), LABEL_HEIGHT + row * (height + GAP)
            cut = np.asarray(grid.crop((left, top, left + width, top + height)))
            expected = (rows[row][column] * 255).round().permute(1, 2, 0).numpy()
            assert np.array_equal(cut, expected)
    pixels = np.asarray(grid)
    assert (pixels[LABEL_HEIGHT:, width : width + GAP] == 255).all()
    for column in range(3):  # a dark label over every column
        assert pixels[:LABEL_HEIGHT, column * (width + GAP) : column * (width + GAP) + width].min() < 100
    assert isinstance(grid, Image.Image)


@pytest.mark.parametrize(("rows", "labels"), [([], ("a",)), ([[torch.rand(3, 4, 4)]], ("a", "b"))])
def test_grids_refused(rows, labels):
    with pytest.raises(ValueError, match="grid"):
        picture_grid(rows, labels)
