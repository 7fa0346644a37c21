"""The checkpoints of a run: the last, every so many minutes and at its end, and that of the best validation."""

import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, Checkpoint, ModelCheckpoint

from latentinpaint.training.checkpoint_io import BEST, LAST
from latentinpaint.training.nan_guard import Diverged


class Checkpoints(Checkpoint):
    """Keeps `last.ckpt` up to date: every so many minutes, and when the run is interrupted; `SaveLast` ends it.

    One file, always the same. Lightning's `ModelCheckpoint` numbers it on (last-v1.ckpt) in a resumed run and leaves
    the old one for `--ckpt_path last` to find, writes an interrupted run's twice, and does not look at the time where
    a task steps its optimisers by hand. As a `Checkpoint` it is called after all other callbacks.

    Args:
        folder: where to.
        minutes: of training between two checkpoints.
    """

    def __init__(self, folder: Path, minutes: float) -> None:
        self.last_file = folder / LAST
        self.seconds = 60 * minutes
        self.saved_at = time.monotonic()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.saved_at = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        now = time.monotonic()
        if trainer.strategy.reduce_boolean_decision(now - self.saved_at >= self.seconds, all=False):
            self.saved_at = now
            trainer.save_checkpoint(self.last_file, weights_only=False)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        # Statistics that a network gathers on its way may have lost their numbers before the loss did.
        if trainer.global_step == 0 or isinstance(exception, Diverged):
            return
        # All processes are interrupted together; one that fails would wait here for the others, which wait for it.
        if trainer.world_size == 1 or isinstance(exception, KeyboardInterrupt):
            trainer.save_checkpoint(self.last_file, weights_only=False)


class BestCheckpoint(ModelCheckpoint):
    """Keeps `best.ckpt`: the run as it was at its best validation.

    Args:
        folder: where to.
        monitor: the figure that decides.
        mode: "max" or "min", whether the largest or the smallest is the best.

    Attributes:
        best_step: of that validation; None before the first.
    """

    def __init__(self, folder: Path, monitor: str, mode: str) -> None:
        super().__init__(
            folder,
            filename=Path(BEST).stem,
            monitor=monitor,
            mode=mode,
            enable_version_counter=False,
            save_on_train_epoch_end=False,
        )
        self.best_step: int | None = None

    def _save_checkpoint(self, trainer: pl.Trainer, filepath: str) -> None:
        self.best_step = trainer.global_step  # before, so that the checkpoint has it too
        super()._save_checkpoint(trainer, filepath)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "best_step": self.best_step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.best_step = state_dict["best_step"]


class SaveLast(Callback):
    """A checkpoint at the very end, so that a finished run can be lengthened.

    Not a `Checkpoint`: it is called before averaged weights take the place of those that were trained.

    Args:
        folder: where to.
    """

    def __init__(self, folder: Path) -> None:
        self.last_file = folder / LAST

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.save_checkpoint(self.last_file, weights_only=False)
