"""What every training task shares: the optimiser, the learning rate's course, and the random numbers of a step."""

import math
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Timer
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.randomness import numbered_generator

Batch = dict[str, Tensor]


class TrainingTask(pl.LightningModule, ABC):
    """What all tasks share: AdamW, a warm-up, and a cosine down to a last rate over the steps or the time given.

    Args:
        learning_rate: peak learning rate, above 0.
        weight_decay: AdamW's.
        warmup_steps: steps over which the rate rises from zero.
        last_rate: learning rate at the end, 0 or more.
        betas: AdamW's.
    """

    model_file: str
    # What this task wants of the trainer beside `cli.TRAINER_DEFAULTS`.
    trainer_defaults: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        learning_rate: float,
        weight_decay: float,
        warmup_steps: int,
        last_rate: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.99),
    ) -> None:
        super().__init__()
        if learning_rate <= 0 or weight_decay < 0 or warmup_steps < 0:
            raise InputError("learning_rate is above 0, weight_decay and warmup_steps are not below 0")
        if not 0 <= last_rate <= learning_rate:
            raise InputError("last_rate is from 0 to the learning_rate")
        self.learning_rate, self.weight_decay, self.warmup_steps = learning_rate, weight_decay, warmup_steps
        self.last_rate, self.betas = last_rate, betas

    def configure_optimizers(self) -> torch.optim.Optimizer:
        trained = [p for p in self.parameters() if p.requires_grad]
        return torch.optim.AdamW(trained, lr=self.learning_rate, weight_decay=self.weight_decay, betas=self.betas)

    def setup(self, stage: str) -> None:
        self.to(memory_format=torch.channels_last)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        last = torch.channels_last
        return {k: v.contiguous(memory_format=last) if v.ndim == 4 else v for k, v in batch.items()}

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        risen = min(1.0, (self.global_step + 1) / max(1, self.warmup_steps))
        height = 0.5 * (1 + math.cos(math.pi * progress(self.trainer)))
        # As a share of the peak, for a task may have several optimisers.
        last = self.last_rate / self.learning_rate
        share = risen * (last + (1 - last) * height)
        for optimizer, peak in zip(self.trainer.optimizers, self.peaks(), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = peak * share
        self.log("learning_rate", self.learning_rate * share)

    def peaks(self) -> list[float]:
        """The peak learning rate of every optimiser."""
        return [self.learning_rate]

    def check_trainer(self, trainer: pl.Trainer) -> None:
        """Raise `InputError` if a trainer is set up in a way this task cannot use."""
        if trainer.precision in ("16-true", "bf16-true"):
            raise InputError(
                f"weights of {trainer.precision} are too coarse to be trained: --trainer.precision is "
                "32-true, bf16-mixed or 16-mixed"
            )

    @abstractmethod
    def save_model(self, folder: Path, data: pl.LightningDataModule) -> Path:
        """Write the trained model as `model_file` of the folder; `data` is what it was trained on."""

    def recipe(self) -> dict[str, Any]:
        """How the model was made, kept in its file."""
        return {"steps": self.global_step, "learning_rate": self.learning_rate}

    def step_generator(self, batch_idx: int) -> torch.Generator:
        """Random numbers of this batch on this process: others than its neighbours', the same after a resumption."""
        return numbered_generator(self.trainer.datamodule.seed, self.batch_number(batch_idx))

    def batch_number(self, batch_idx: int) -> int:
        """The number of the batch that is trained on, among those of all steps and processes."""
        together = self.trainer.accumulate_grad_batches
        batches = self.global_step * together + batch_idx % together
        return batches * self.trainer.world_size + self.global_rank


def progress(trainer: pl.Trainer) -> float:
    """How much of a training run is done, in [0, 1]: by steps or by time, whichever is further."""
    limit = trainer.max_steps
    if limit < 0 and trainer.max_epochs and trainer.max_epochs > 0:
        limit = trainer.max_epochs * trainer.num_training_batches
    done = [trainer.global_step / limit] if limit > 0 else [0.0]
    for timer in (c for c in trainer.callbacks if isinstance(c, Timer)):
        if timer.time_remaining() is not None:
            elapsed = timer.time_elapsed()
            done.append(elapsed / max(1e-9, elapsed + timer.time_remaining()))
    return min(1.0, max(done))
