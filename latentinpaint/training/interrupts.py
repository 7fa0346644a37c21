"""Several processes that are interrupted stop together, at the same step."""

import signal
from types import FrameType

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopTogether(Callback):
    """Ctrl-C, or a scheduler's SIGTERM, to any of several processes stops all of them before the next batch.

    A process that stopped by itself in the middle of a step would leave the others waiting for its gradients. A
    single process stops at once, as Lightning has it.
    """

    def __init__(self) -> None:
        self.is_interrupted = False

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.world_size > 1:
            for number in SIGNALS:
                signal.signal(number, self._note)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        self._stop(trainer)

    def on_validation_batch_start(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        batch: object,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._stop(trainer)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.is_interrupted:
            # A launcher hands Ctrl-C on to processes that the terminal has told already; the third is meant.
            signal.signal(number, signal.SIG_DFL)
        self.is_interrupted = True

    def _stop(self, trainer: pl.Trainer) -> None:
        if trainer.world_size > 1 and trainer.strategy.reduce_boolean_decision(self.is_interrupted, all=False):
            raise KeyboardInterrupt
