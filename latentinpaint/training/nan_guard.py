"""A run whose numbers are lost stops at once, before they reach the weights, and keeps the batch that did it."""

from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from safetensors.torch import save
from torch import Tensor
from torch.optim import Optimizer

from latentinpaint.errors import InputError
from latentinpaint.files import write_bytes


class Diverged(InputError):
    """A loss or a gradient that is not finite."""


class NanGuard(Callback):
    """Looks at every loss before its gradient is taken, and at every gradient before a step is made with it.

    The batch goes to `folder`/diverged.safetensors, with the step in its header; the checkpoint made before stays as
    it is. Under float16 gradients may overflow, which the scaler sees to: there only losses are looked at. Of several
    processes all stop together, and process n leaves its batch in diverged_n.safetensors.

    Args:
        folder: of the run.
        resume_with: how the last checkpoint is resumed, for the message.
    """

    def __init__(self, folder: Path, resume_with: str = "checkpoints/last.ckpt") -> None:
        self.folder = folder
        self.resume_with = resume_with
        self.batch: dict[str, Tensor] = {}

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: dict[str, Tensor], batch_idx: int
    ) -> None:
        self.batch = batch

    def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: Tensor) -> None:
        is_finite = bool(torch.isfinite(loss).all())
        if not trainer.strategy.reduce_boolean_decision(is_finite):
            reason = "the loss of another process is not finite"
            if not is_finite:
                reason = f"the loss is {loss.item():g}"
            self._stop(trainer, reason)

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        if getattr(trainer.precision_plugin, "scaler", None) is not None:
            return
        gradients = []
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    gradients.append(parameter.grad)
        is_finite = not gradients or bool(torch.isfinite(torch.nn.utils.get_total_norm(gradients)))
        if not trainer.strategy.reduce_boolean_decision(is_finite):
            self._stop(trainer, "a gradient is not finite")

    def _stop(self, trainer: pl.Trainer, reason: str) -> None:
        name = "diverged"
        if not trainer.is_global_zero:
            name += f"_{trainer.global_rank}"
        path = self.folder / f"{name}.safetensors"
        step = trainer.global_step
        tensors = {key: value.detach().cpu().contiguous() for key, value in self.batch.items()}
        write_bytes(path, save(tensors, metadata={"step": str(step)}))
        advice = "start again with a lower learning rate"
        if (self.folder / "checkpoints" / "last.ckpt").is_file():
            advice = f"resume from the last checkpoint with {self.resume_with} and a lower learning rate"
        raise Diverged(f"training stopped at step {step}, where {reason}: its batch is in {path}; {advice}")
