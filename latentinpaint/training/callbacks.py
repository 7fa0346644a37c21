"""What happens beside a training run: averaged weights and pictures to look at."""

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
