"""Photographs in place of masks are found before a training."""

import numpy as np
import pytest
from PIL import Image
from skimage import data as samples

from latentinpaint.data.datamodule import InpaintingDataModule
from latentinpaint.errors import InputError
from latentinpaint.images.image_files import read_picture
from latentinpaint.training import mask_files
from latentinpaint.training.mask_files import refuse_photographs_as_masks


@pytest.fixture
def with_masks(tmp_path):
    """Data that are set up, with a folder of these pictures as masks."""

    def call(**pictures):
        for name, pixels in pictures.items():
            Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        data = InpaintingDataModule("samples", size=32, mask_dir=str(tmp_path))
        data.setup("fit")
        return data

    return call


HOLE = np.zeros((64, 64), np.uint8)
HOLE[10:30, 10:30] = 255
WHOLE = np.full((64, 64), 255, np.uint8)


def test_a_photograph_is_named(with_masks):
    with pytest.raises(InputError, match="b.png: it is a photograph, not a mask"):
        refuse_photographs_as_masks(with_masks(a=HOLE, b=samples.astronaut()))


def test_masks_and_presets_are_taken(with_masks, monkeypatch):
    looked_at = []

    def noted(path):
        looked_at.append(path.name)
        return read_picture(path)

    monkeypatch.setattr(mask_files, "read_picture", noted)
    refuse_photographs_as_masks(with_masks(a=HOLE, b=WHOLE))
    preset = InpaintingDataModule("samples", size=32)
    preset.setup("fit")
    refuse_photographs_as_masks(preset)
    assert looked_at == ["a.png", "b.png"]
