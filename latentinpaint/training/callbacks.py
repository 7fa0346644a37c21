"""What happens beside a training run: averaged weights and pictures to look at."""

import sys
import time
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, WeightAveraging
from torch import Tensor


class WeightEMA(WeightAveraging):
    """Exponential moving average of the weights, by Lightning's own callback.

    The average starts short and lengthens (decay ``min(decay, (1 + n) / (10 + n))`` after n updates), so that a
    short run is not averaged with its start. Values that do not change stay bit-equal, which a frozen part needs.

    Args:
        decay: share of the old average kept at every step, in [0, 1).
    """

    def __init__(self, decay: float = 0.999) -> None:
        def average(old: Tensor, new: Tensor, updates: Tensor) -> Tensor:
            keep = min(decay, (1 + int(updates)) / (10 + int(updates)))
            return old + ((new - old) * (1 - keep)).to(old.dtype)

        super().__init__(avg_fn=average)


class PictureGrid(Callback):
    """Pictures of the validation set in TensorBoard after every validation, one row a picture.

    Args:
        rows: number of pictures.
    """

    def __init__(self, rows: int = 6) -> None:
        self.rows = rows
        self.seen: list[dict[str, Tensor]] = []

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: object,
        batch: dict[str, Tensor],
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        # Here, not at the end of the epoch: by then averaged weights have been swapped out again.
        if batch_idx or trainer.sanity_checking or not hasattr(trainer.logger, "experiment"):
            return
        add_image = getattr(trainer.logger.experiment, "add_image", None)
        if add_image is None:
            return
        with torch.no_grad():
            columns = pl_module.pictures({name: value[: self.rows] for name, value in batch.items()})
        strips = [torch.cat(row, dim=2) for row in zip(*(c.cpu() for c in columns.values()), strict=True)]
        add_image(" | ".join(columns), torch.cat(strips, dim=1).clamp(0, 1), trainer.global_step)


class SaveLast(Callback):
    """A checkpoint at the very end, so that a finished run can be lengthened."""

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        folder = trainer.checkpoint_callback.dirpath
        trainer.save_checkpoint(Path(folder) / "last.ckpt")


class PlainProgress(Callback):
    """A line now and then where there is no terminal for a progress bar, as in a log file.

    Args:
        seconds: at least so long between two lines.
    """

    def __init__(self, seconds: float = 30.0) -> None:
        self.seconds = seconds
        self.last = 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        now = time.monotonic()
        if sys.stdout.isatty() or now - self.last < self.seconds or not trainer.is_global_zero:
            return
        self.last = now
        limit = f"/{trainer.max_steps}" if trainer.max_steps > 0 else ""
        figures = ", ".join(f"{name} {float(value):.4g}" for name, value in trainer.progress_bar_metrics.items())
        print(f"step {trainer.global_step}{limit}: {figures}", flush=True)
