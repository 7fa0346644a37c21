"""Checkpoints that are written as every other file: whole or not at all."""

import io
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins import TorchCheckpointIO

from latentinpaint.files import write_bytes


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
