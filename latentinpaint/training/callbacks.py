"""What happens beside a training run: averaged weights, previews, progress.

Lightning keeps the state of callbacks in checkpoints under their class names: `WeightEMA` has to keep its own, or
older runs could not be resumed.
"""

import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, WeightAveraging
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from torch import Tensor

from latentinpaint.images.image_files import write_image
from latentinpaint.training.picture_loggers import log_picture
from latentinpaint.training.sharded_strategy import whole_weights
from latentinpaint.training.tasks.base import fraction_done
from latentinpaint.training.tasks.flow_task import FlowTask
from latentinpaint.visualization.flows import draw_side_by_side

BAR_INTERVAL = 0.5  # seconds between two updates of the progress bar


class WeightEMA(WeightAveraging):
    """Exponential moving average of the weights, by Lightning's own callback.

    The average starts short and lengthens (decay ``min(decay, (1 + n) / (10 + n))`` after n updates), so that a
    short run is not averaged with its start. Values that do not change are left as they are, which a frozen part
    needs: an average of equal values turns -0 into 0. Several processes average alike; where each has a share of the
    weights there is no average.

    Args:
        decay: share of the old average kept at every step, in [0, 1).
    """

    def __init__(self, decay: float = 0.999) -> None:
        # For all tensors at once: one by one their launches would take as long as a step does on a GPU.
        def average(old: list[Tensor], new: list[Tensor], updates: Tensor) -> None:
            if not old[0].is_floating_point():  # counters
                torch._foreach_copy_(old, new)
                return
            share = 1 - ((1 + updates) / (10 + updates)).clamp(max=decay)
            change = torch._foreach_sub(old, new)
            torch._foreach_mul_(change, -share)  # -0 where nothing changed, and any number plus -0 is that number
            torch._foreach_add_(old, change)

        super().__init__(multi_avg_fn=average)
        self.validating = False

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        super().on_validation_epoch_start(trainer, pl_module)
        self.validating = True

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        super().on_validation_epoch_end(trainer, pl_module)
        self.validating = False

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        if self.validating:  # averaged weights stand in for the trained ones, and a checkpoint is about to be saved
            self.on_validation_epoch_end(trainer, pl_module)


class PictureGrid(Callback):
    """Pictures of the validation set for the loggers after every validation, one row for each picture.

    They are what the task's `validation_step` returns for the first batch: named columns of pictures.

    Args:
        max_pictures: at most so many.
    """

    def __init__(self, max_pictures: int = 6) -> None:
        self.max_pictures = max_pictures

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Tensor | Mapping[str, Any] | None,
        batch: object,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        # Here, not at the end of the epoch: by then averaged weights have been swapped out again.
        if batch_idx or trainer.sanity_checking:
            return
        columns = cast(dict[str, Tensor], outputs)
        strips = []
        for row in islice(zip(*columns.values(), strict=True), self.max_pictures):
            strips.append(torch.cat(row, dim=2).cpu())
        sheet = torch.cat(strips, dim=1).clamp(0, 1).mul(255).round().byte()
        log_picture(trainer, " | ".join(columns), sheet.permute(1, 2, 0).numpy())


class FlowSnapshots(Callback):
    """What a flow leaves after every validation: a sheet in `plots/` and for the loggers, its weights in `models/`.

    Args:
        folder: of the run.
        keep_models: whether the weights are kept.
    """

    def __init__(self, folder: Path, keep_models: bool = False) -> None:
        self.folder = folder
        self.keep_models = keep_models

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: object,
        batch: dict[str, Tensor],
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        # As with PictureGrid: averaged weights are in place here, and no longer at the end of the epoch.
        if batch_idx or trainer.sanity_checking:
            return
        with whole_weights(trainer):
            if trainer.is_global_zero:
                self._write(trainer, cast(FlowTask, pl_module), batch)

    def _write(self, trainer: pl.Trainer, task: FlowTask, batch: dict[str, Tensor]) -> None:
        name = f"step_{trainer.global_step:06d}"
        with torch.no_grad():
            sheet = draw_side_by_side(task.preview(batch))
        write_image(sheet, self.folder / "plots" / f"{name}.png")
        if self.keep_models:
            task.save_as(self.folder / "models" / f"{name}.safetensors")
        log_picture(trainer, "samples", np.asarray(sheet))


class RunProgress(Callback):
    """How far a run is, by steps or time: a bar on a terminal, a line now and then in a log file.

    Args:
        title: what is being trained.
        seconds: at least so long between two lines of a log file.

    Attributes:
        batches: trained on in this part of the run.
    """

    def __init__(self, title: str = "training", seconds: float = 60.0) -> None:
        self.title = title
        self.seconds = seconds
        self.shown_at = 0.0
        self.bar: Progress | None = None
        self.batches = 0
        self.started_at = 0.0
        self.done_before = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.started_at = time.monotonic()
        self.done_before = fraction_done(trainer)
        if sys.stdout.isatty() and trainer.is_global_zero:
            columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
            self.bar = Progress(*columns, TextColumn("{task.fields[figures]}"))
            self.bar.add_task(self.title, total=1.0, figures="")
            self.bar.start()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        self.batches += 1
        now = time.monotonic()
        interval = self.seconds if self.bar is None else BAR_INTERVAL
        if now - self.shown_at < interval or not trainer.is_global_zero:
            return
        self.shown_at = now
        done = fraction_done(trainer)
        figures = f"step {trainer.global_step}"
        if trainer.max_steps > 0:
            figures += f" of {trainer.max_steps}"
        for name, value in trainer.progress_bar_metrics.items():
            figures += f", {name} {float(value):.4g}"
        if self.bar is None:
            print(f"{self.title}: {done:.0%}, {self._time_left(done, now)}{figures}", flush=True)
        else:
            self.bar.update(TaskID(0), completed=done, figures=figures)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._stop()

    def _time_left(self, done: float, now: float) -> str:
        """The time to go at the speed so far, once there is one; the bar knows it itself."""
        progress = done - self.done_before
        if self.batches == 1 or progress <= 0:
            return ""
        seconds = (now - self.started_at) * (1 - done) / progress
        return f"{timedelta(seconds=round(seconds))} left, "

    def _stop(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
