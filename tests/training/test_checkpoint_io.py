"""A checkpoint that cannot be written leaves the one before."""

import os
from pathlib import Path

import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.training import checkpoint_io
from latentinpaint.training.checkpoint_io import WholeCheckpoints, checkpoint_to_resume


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


def test_last_before_there_is_one_is_a_new_run_where_failures_are_restarted(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_io, "is_restarted_on_failure", lambda: False)
    with pytest.raises(InputError, match=r"there is no checkpoint .*last\.ckpt to resume from"):
        checkpoint_to_resume("last", tmp_path, None)
    monkeypatch.setattr(checkpoint_io, "is_restarted_on_failure", lambda: True)
    assert checkpoint_to_resume("last", tmp_path, None) is None
    with pytest.raises(InputError, match="there is no checkpoint"):
        checkpoint_to_resume("best", tmp_path, None)
    (tmp_path / "last.ckpt").write_bytes(b"no checkpoint")
    with pytest.raises(InputError, match="is not a checkpoint that can be resumed from"):
        checkpoint_to_resume("last", tmp_path, None)
