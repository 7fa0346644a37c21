"""A run whose numbers are lost stops at once, before they reach the weights, and keeps the batch that did it."""

from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from safetensors.torch import save_file
from torch import Tensor
from torch.optim import Optimizer

from latentinpaint.errors import InputError
from latentinpaint.files import write_beside


class Diverged(InputError):
    """A loss or a gradient that is no number."""


class NanGuard(Callback):
    """Looks at every loss before its gradient is taken, and at every gradient before a step is made with it.

    The batch goes to `folder`/diverged.safetensors, with the step in its header; the checkpoint made before stays as
    it is. Under float16 gradients may overflow, which the scaler sees to: there only losses are looked at.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.batch: dict[str, Tensor] = {}

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: dict[str, Tensor], batch_idx: int
    ) -> None:
        self.batch = batch

    def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: Tensor) -> None:
        if not torch.isfinite(loss).all():
            self._stop(trainer, f"the loss is {loss.item():g}")

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        if getattr(trainer.precision_plugin, "scaler", None) is not None:
            return
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if gradients and not torch.isfinite(torch.nn.utils.get_total_norm(gradients)):
            self._stop(trainer, "a gradient is not finite")

    def _stop(self, trainer: pl.Trainer, what: str) -> None:
        path = self.folder / f"diverged{'' if trainer.is_global_zero else f'_{trainer.global_rank}'}.safetensors"
        step = trainer.global_step
        tensors = {name: value.detach().cpu().contiguous() for name, value in self.batch.items()}
        with write_beside(path) as temporary:
            save_file(tensors, temporary, metadata={"step": str(step)})
        advice = "start again with a lower learning rate"
        if (self.folder / "checkpoints" / "last.ckpt").is_file():
            advice = "go on from the last checkpoint with --ckpt_path last and a lower learning rate"
        raise Diverged(f"training stopped at step {step}, where {what}: its batch is in {path}; {advice}")
