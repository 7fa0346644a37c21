"""What every training task shares: the optimiser, the learning rate's schedule, and the random numbers of a step."""

import math
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Timer
from torch import Tensor
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim import Optimizer

from latentinpaint.data.datamodule import InpaintingDataModule
from latentinpaint.errors import InputError
from latentinpaint.runtime.randomness import numbered_generator
from latentinpaint.training.sharded_strategy import ShardedStrategy

Batch = dict[str, Tensor]


class TrainingTask(pl.LightningModule, ABC):
    """AdamW with a warm-up and a cosine schedule down to a last rate, over the steps or the time of the run.

    Messages name settings as a configuration has them: an argument of the task begins with "model.".

    Args:
        learning_rate: peak learning rate, above 0.
        weight_decay: AdamW's.
        warmup_steps: steps over which the rate rises from zero.
        last_rate: learning rate at the end, 0 or more.
        betas: AdamW's.

    Attributes:
        model_file: name of the file that holds the trained model.
        monitor: the figure of a validation that tells the best one, and whether that is its "max" or "min".
        trainer_defaults: arguments of the trainer that this task needs, beside `run_options.TRAINER_DEFAULTS`.
        done: how much of the run is done, in [0, 1], the same in all processes.
    """

    model_file: str
    monitor: ClassVar[tuple[str, str]]
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
            raise InputError("model.learning_rate is above 0, model.weight_decay and model.warmup_steps not below 0")
        if not 0 <= last_rate <= learning_rate:
            raise InputError("model.last_rate is from 0 to model.learning_rate")
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warmup_steps = warmup_steps
        self.last_rate = last_rate
        self.betas = betas
        self.done = 0.0
        self.fused = True

    def configure_optimizers(self) -> list[Optimizer]:
        trained = [p for p in self.parameters() if p.requires_grad]
        rate, decay = self.learning_rate, self.weight_decay
        return [torch.optim.AdamW(trained, rate, self.betas, weight_decay=decay, fused=self.fused)]

    def setup(self, stage: str) -> None:
        # One kernel a tensor, a third of the time on a processor; with scaled losses Lightning cannot clip for it.
        self.fused = self.trainer.precision != "16-mixed"
        if not isinstance(self.trainer.strategy, ShardedStrategy):  # which keeps the optimiser's numbers in row order
            self.use_channels_last()

    def use_channels_last(self) -> None:
        """The memory format in which convolutions are fastest."""
        self.to(memory_format=torch.channels_last)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Pictures in the memory format of the networks."""
        converted = {}
        for name, value in batch.items():
            if value.ndim == 4:
                value = value.contiguous(memory_format=torch.channels_last)
            converted[name] = value
        return converted

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        self.done = _first_process_says(self.trainer, fraction_done(self.trainer))
        factor = self.learning_rate_factor()
        for optimizer, peak in zip(self.trainer.optimizers, self.peak_learning_rates(), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = peak * factor
        self.log("learning_rate", self.learning_rate * factor)

    def learning_rate_factor(self) -> float:
        """The learning rate of this step as a share of its peak: a task may have several optimisers."""
        warmup = min(1.0, (self.global_step + 1) / max(1, self.warmup_steps))
        cosine = 0.5 * (1 + math.cos(math.pi * self.done))
        last = self.last_rate / self.learning_rate
        return warmup * (last + (1 - last) * cosine)

    def peak_learning_rates(self) -> list[float]:
        """The peak learning rate of every optimiser."""
        return [self.learning_rate]

    def check_trainer(self, trainer: pl.Trainer) -> None:
        """Raise `InputError` if a trainer is set up in a way this task cannot use."""
        if trainer.precision == "64-true":
            raise InputError(
                "pictures and models are of 32 bits: set trainer.precision to 32-true, bf16-mixed or 16-mixed"
            )
        if trainer.precision in ("16-true", "bf16-true"):
            raise InputError(
                f"weights of {trainer.precision} are too coarse to be trained: set trainer.precision to 32-true, "
                "bf16-mixed or 16-mixed"
            )

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        strategy = self.trainer.strategy
        if not gradient_clip_val:
            return
        if isinstance(strategy, ShardedStrategy):
            strategy.clip_gradients(gradient_clip_val)
        elif not self.fused:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)
        else:  # Lightning refuses it for a fused optimiser under autocast, whether losses are scaled or not
            clip = clip_grad_value_ if gradient_clip_algorithm == "value" else clip_grad_norm_
            clip([p for group in optimizer.param_groups for p in group["params"]], gradient_clip_val)

    def begin(self, data: pl.LightningDataModule) -> None:  # noqa: B027
        """Prepare a new run, not a resumed one; `data` is what it is trained on, set up. Most tasks do nothing."""

    @abstractmethod
    def save_model(self, folder: Path, data: pl.LightningDataModule) -> Path:
        """Write the trained model as `model_file` of the folder; `data` is what it was trained on."""

    def recipe(self) -> dict[str, Any]:
        """How the model was made, kept in its file."""
        return {"steps": self.global_step, "learning_rate": self.learning_rate}

    def data_seed(self) -> int:
        """The seed of the data that this task is trained on."""
        return self.trainer.datamodule.seed  # type: ignore[attr-defined]  # Lightning attaches it when it fits

    def step_generator(self, batch_idx: int) -> torch.Generator:
        """Random numbers of this batch on this process: others than its neighbours', the same in a resumed run."""
        return numbered_generator(self.data_seed(), self.batch_number(batch_idx))

    def batch_number(self, batch_idx: int) -> int:
        """The number of the batch that is trained on, among those of all steps and processes."""
        accumulated = self.trainer.accumulate_grad_batches
        batches = self.global_step * accumulated + batch_idx % accumulated
        return batches * self.trainer.world_size + self.global_rank


def is_counted(batch: Batch) -> Tensor:
    """Which pictures of a validation batch count, (B,) bool: not those that only make up the numbers of processes."""
    everything = torch.ones(len(batch["image"]), dtype=torch.bool, device=batch["image"].device)
    return batch.get("counted", everything)


def inpainting_data(data: pl.LightningDataModule) -> InpaintingDataModule:
    """The pictures and masks that a task is trained on."""
    if not isinstance(data, InpaintingDataModule):
        raise TypeError("this task is trained on an InpaintingDataModule")
    return data


def fraction_done(trainer: pl.Trainer) -> float:
    """How much of a training run is done, in [0, 1]: by steps or by time, whichever is further."""
    done = 0.0
    steps: float = trainer.max_steps
    if steps < 0 and trainer.max_epochs and trainer.max_epochs > 0:
        steps = trainer.max_epochs * trainer.num_training_batches
    if steps > 0:
        done = trainer.global_step / steps
    for callback in trainer.callbacks:  # type: ignore[attr-defined]  # Lightning attaches them by a connector
        if isinstance(callback, Timer):
            done = max(done, _fraction_of_time(callback))
    return min(1.0, done)


def _first_process_says(trainer: pl.Trainer, done: float) -> float:
    """The share that is done, by the first process's clock: learning rates that differ would part the weights."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]  # as above
        if isinstance(callback, Timer):
            return trainer.strategy.broadcast(done)
    return done


def _fraction_of_time(timer: Timer) -> float:
    remaining = timer.time_remaining()
    if remaining is None:
        return 0.0
    elapsed = timer.time_elapsed()
    return elapsed / max(1e-9, elapsed + remaining)
