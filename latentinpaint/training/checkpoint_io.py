"""Checkpoints: written as every other file, whole or not at all, and found again."""

import io
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins import TorchCheckpointIO

from latentinpaint.errors import InputError
from latentinpaint.files import write_bytes
from latentinpaint.training.launch import is_restarted_on_failure
from latentinpaint.training.tasks.base import TrainingTask

LAST = "last.ckpt"
BEST = "best.ckpt"


class WholeCheckpoints(TorchCheckpointIO):
    """Lightning's checkpoints; a full disk leaves the one before as it was.

    Lightning itself writes into the system's temporary folder and copies from there, which a full disk cuts short.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint.

        Raises:
            InputError: if it cannot be written.
        """
        encoded = io.BytesIO()
        torch.save(checkpoint, encoded)
        write_bytes(path, encoded.getvalue())


def checkpoint_to_resume(ckpt_path: str | None, folder: Path, task: TrainingTask) -> Path | None:
    """The checkpoint to resume from, once it is known to fit the task; None to start anew.

    Args:
        ckpt_path: "last" or "best" of the run's own, or a file; None is a new run, and so is "last" before there is
            one, where a launcher repeats the command whenever a process has died.
        folder: of the run's checkpoints.
        task: what goes on.

    Raises:
        InputError: if there is none, it does not fit, or a new run would take the place of one that is there.
    """
    if ckpt_path is None:
        if (folder / LAST).exists():
            raise InputError(
                f"{folder.parent} already holds a run: resume with ckpt_path last or choose another output"
            )
        return None
    own = {"last": folder / LAST, "best": folder / BEST}
    path = own.get(ckpt_path, Path(ckpt_path))
    if not path.is_file():
        if ckpt_path == "last" and is_restarted_on_failure():
            return None
        raise InputError(f"there is no checkpoint {path} to resume from")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        weights = checkpoint["state_dict"]
    except Exception as error:
        raise InputError(f"{path} is not a checkpoint that can be resumed from") from error
    task.on_load_checkpoint(checkpoint)
    try:
        task.load_state_dict(weights)
    except RuntimeError as error:
        raise InputError(f"{path} was trained with other model settings than these") from error
    return path
