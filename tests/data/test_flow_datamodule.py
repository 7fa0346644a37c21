"""Batches for flows: numbered, of independent pairs of one shape."""

import numpy as np
import pytest
import torch
from PIL import Image

from latentinpaint.data.flow_datamodule import FlowDataModule
from latentinpaint.errors import InputError


def test_batches_are_numbered():
    """Batch n is the same whatever was drawn before, and source and target are drawn independently."""
    data = FlowDataModule("moons", source="ring", batch_size=500, shown=30)
    data.setup("fit")
    batch, again = data.train_batches[7], data.train_batches[7]
    assert all(torch.equal(batch[key], again[key]) for key in ("source", "target"))
    assert not torch.equal(batch["target"], data.train_batches[8]["target"])
    correlation = np.corrcoef(batch["source"][:, 0], batch["target"][:, 0])[0, 1]
    assert abs(correlation) < 5 / 500**0.5
    assert len(data.val_batches) == 1 and data.val_batches[0]["target"].shape == (30, 2)


def test_source_and_target_have_one_shape(tmp_path):
    Image.fromarray(np.full((8, 8, 3), 200, np.uint8)).save(tmp_path / "sheet.png")
    with pytest.raises(InputError, match="source has samples of"):
        FlowDataModule(str(tmp_path / "sheet.png"), source="moons", size=8).check()


def test_the_shape_of_the_data():
    assert FlowDataModule("ring").shape == (2,)
    assert FlowDataModule("mnist", size=28, channels=1).shape == (1, 28, 28)
    with pytest.raises(InputError, match="batch_size"):
        FlowDataModule("moons", batch_size=0)
