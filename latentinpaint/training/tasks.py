"""The two stages of training as Lightning modules: pretrain an autoencoder, then train a refiner on it."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.callbacks import Timer
from torch import Tensor

from latentinpaint.data.datamodule import InpaintingDataModule
from latentinpaint.errors import InputError
from latentinpaint.models import Autoencoder, LamaAutoencoder, MaskControl
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.randomness import numbered_generator
from latentinpaint.refiners import Refiner
from latentinpaint.weights import (
    AUTOENCODER_FILE,
    PIPELINE_FILE,
    load_autoencoder,
    save_autoencoder,
    save_pipeline,
)

Batch = dict[str, Tensor]


class InpaintTask(pl.LightningModule, ABC):
    """What both stages share: AdamW, a warm-up, and a cosine towards zero over the steps or the time given.

    Args:
        learning_rate: peak learning rate, above 0.
        weight_decay: AdamW's.
        warmup_steps: steps over which the rate rises from zero.
    """

    model_file: str

    def __init__(self, learning_rate: float, weight_decay: float, warmup_steps: int) -> None:
        super().__init__()
        if learning_rate <= 0 or weight_decay < 0 or warmup_steps < 0:
            raise InputError("learning_rate is above 0, weight_decay and warmup_steps are not below 0")
        self.learning_rate, self.weight_decay, self.warmup_steps = learning_rate, weight_decay, warmup_steps

    def configure_optimizers(self) -> torch.optim.Optimizer:
        trained = [p for p in self.parameters() if p.requires_grad]
        return torch.optim.AdamW(trained, lr=self.learning_rate, weight_decay=self.weight_decay, betas=(0.9, 0.99))

    def setup(self, stage: str) -> None:
        self.to(memory_format=torch.channels_last)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        return {**batch, "image": batch["image"].contiguous(memory_format=torch.channels_last)}

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        factor = min(1.0, (self.global_step + 1) / max(1, self.warmup_steps))
        factor *= 0.5 * (1 + math.cos(math.pi * progress(self.trainer)))
        for group in self.optimizers().param_groups:
            group["lr"] = self.learning_rate * factor
        self.log("learning_rate", self.learning_rate * factor)

    @abstractmethod
    def save_model(self, folder: Path, data: InpaintingDataModule) -> Path:
        """Write the trained model as `model_file` of the folder; `data` is what it was trained on."""

    def recipe(self) -> dict[str, Any]:
        """How the model was made, kept in its file."""
        return {"steps": self.global_step, "learning_rate": self.learning_rate}


class PretrainTask(InpaintTask):
    """Train an autoencoder to reproduce pictures, with the mean squared error.

    Args:
        autoencoder: the autoencoder, from scratch or to be trained on.
        learning_rate, weight_decay, warmup_steps: see `InpaintTask`.
        statistic_batches: training batches from which the latents' mean and deviation are measured at the end.
    """

    model_file = AUTOENCODER_FILE

    def __init__(
        self,
        autoencoder: Autoencoder | None = None,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.0,
        warmup_steps: int = 100,
        statistic_batches: int = 64,
    ) -> None:
        super().__init__(learning_rate, weight_decay, warmup_steps)
        self.autoencoder = autoencoder or LamaAutoencoder()
        self.statistic_batches = statistic_batches

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = self._error(batch["image"]).mean()
        self.log("train/mse", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        error = self._error(batch["image"])
        self.log("val/psnr", (-10 * error.log10()).mean(), prog_bar=True, batch_size=len(error), sync_dist=True)

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        """What a person looks at: (B, 3, H, W) each."""
        image = batch["image"]
        return {
            "truth": image,
            "reconstruction": self.autoencoder.decode(self.autoencoder.encode(image)).float(),
        }

    def save_model(self, folder: Path, data: InpaintingDataModule) -> Path:
        self.autoencoder.measure_latents(data.first_images(self.statistic_batches))
        path = folder / self.model_file
        save_autoencoder(self.autoencoder, path, self.recipe())
        return path

    def _error(self, image: Tensor) -> Tensor:
        """Mean squared error of every picture, (B,)."""
        autoencoder = self.autoencoder
        reconstruction = autoencoder.decode_features(autoencoder.encode_features(image))
        return F.mse_loss(reconstruction.float(), image, reduction="none").mean(dim=(1, 2, 3))


class LatentTask(InpaintTask):
    """Train a refiner, and the mask control, in the latent space of a frozen autoencoder.

    Args:
        autoencoder: file or folder that `pretrain_ae` wrote.
        refiner: makes the refiner for the latent's number of channels.
        control: whether a mask control is trained with it.
        learning_rate, weight_decay, warmup_steps: see `InpaintTask`.
    """

    model_file = PIPELINE_FILE

    def __init__(
        self,
        autoencoder: str,
        refiner: Callable[[int], Refiner],
        control: bool = True,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        warmup_steps: int = 200,
    ) -> None:
        super().__init__(learning_rate, weight_decay, warmup_steps)
        frozen = load_autoencoder(autoencoder)
        if control and not frozen.stage_channels:
            raise InputError(
                "this autoencoder has no encoder stages for a mask to control: add --model.control false"
            )
        self.fingerprint = frozen.fingerprint()
        self.pipeline = InpaintPipeline(
            frozen, refiner(frozen.latent_channels), MaskControl(frozen) if control else None
        )

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        losses = self.pipeline.loss(batch["image"], batch["mask"], self._step_generator())
        self.log_dict({f"train/{name}": value for name, value in losses.items()}, prog_bar=True)
        return losses["loss"]

    def _step_generator(self) -> torch.Generator:
        """Random numbers of this step on this process: others than its neighbours', the same after a resumption."""
        step = self.global_step * self.trainer.world_size + self.global_rank
        return numbered_generator(self.trainer.datamodule.seed, step)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        image, mask = batch["image"], batch["mask"]
        fill = self.pipeline.sample(image, mask, batch_size=len(image))[:, 0].float()
        error = ((fill - image).square() * mask).sum(dim=(1, 2, 3)) / (3 * mask.sum(dim=(1, 2, 3)))
        psnr = -10 * error.clamp(min=1e-10).log10()
        self.log("val/psnr_hole", psnr.mean(), prog_bar=True, batch_size=len(image), sync_dist=True)

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        """What a person looks at: (B, 3, H, W) each."""
        image, mask = batch["image"], batch["mask"]
        fill = self.pipeline.sample(image, mask, batch_size=len(image))[:, 0].float()
        return {"input": image * (1 - mask), "hole": mask.expand_as(image), "fill": fill, "truth": image}

    def save_model(self, folder: Path, data: InpaintingDataModule) -> Path:
        path = folder / self.model_file
        save_pipeline(self.pipeline, path, self.recipe())
        return path

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["autoencoder"] = self.fingerprint

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if checkpoint.get("autoencoder") != self.fingerprint:
            raise InputError("the checkpoint was trained on another autoencoder: give the one it was trained with")


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
