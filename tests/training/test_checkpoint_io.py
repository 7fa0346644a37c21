"""A checkpoint that cannot be written leaves the one before."""

import os
from pathlib import Path

import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.training.checkpoint_io import WholeCheckpoints


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    path = tmp_path / "checkpoints" / "last.ckpt"
    WholeCheckpoints().save_checkpoint({"step": 1, "weight": torch.ones(3)}, path)
    write = Path.write_bytes

    def full(path, content):
        write(path, content[:9])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match=r"cannot write .*last\.ckpt: No space left"):
        WholeCheckpoints().save_checkpoint({"step": 2}, path)
    assert os.listdir(path.parent) == ["last.ckpt"]
    assert torch.load(path, weights_only=True)["step"] == 1
