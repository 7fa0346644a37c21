"""Batches for flows: numbered, of independent pairs of one shape."""

import numpy as np
import pytest
import torch
from PIL import Image

from latentinpaint.data.flow_datamodule import FlowDataModule
from latentinpaint.errors import InputError
from latentinpaint.lattice.ensemble import EnsembleSettings


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


def test_configurations_of_the_phi4_model_are_made_once(tmp_path):
    settings = EnsembleSettings(-1.0, 2.0, configurations=20, chains=4, every=1, warm_up=2)
    data = FlowDataModule("phi4", size=8, channels=1, downloads=str(tmp_path), ensemble=settings, batch_size=5)
    data.setup("fit")
    fields = np.load(tmp_path / settings.file_name(8))
    batch = data.train_batches[0]["target"].numpy()
    assert batch.shape == (5, 1, 8, 8)
    # Shifts, turns and reflections keep a field's values, and signs are drawn where there is no field.
    known = np.abs(np.sort(np.abs(fields).reshape(20, -1)))
    assert all(np.isclose(np.sort(np.abs(row).ravel()), known).all(axis=1).any() for row in batch)
    kept = np.sort(fields.reshape(20, -1))
    assert not all(np.isclose(np.sort(row.ravel()), kept).all(axis=1).any() for row in batch)
    assert not any(np.isclose(np.abs(row), np.abs(fields)).all(axis=(1, 2, 3)).any() for row in batch)
    written = (tmp_path / settings.file_name(8)).stat().st_mtime_ns
    FlowDataModule("phi4", size=8, channels=1, downloads=str(tmp_path), ensemble=settings).check()
    assert (tmp_path / settings.file_name(8)).stat().st_mtime_ns == written


def test_the_phi4_model_has_one_channel_and_is_a_target():
    for wrong in (dict(target="phi4"), dict(target="mnist", source="phi4")):
        with pytest.raises(InputError, match="phi4 is a data.target, of data.channels 1"):
            FlowDataModule(**wrong)
