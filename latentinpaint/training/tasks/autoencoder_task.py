"""The first stage of training as a Lightning module: pretrain an autoencoder."""

from pathlib import Path

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics import MeanMetric

from latentinpaint.errors import check_at_least
from latentinpaint.metrics.pixels import decibels
from latentinpaint.models import Autoencoder, LamaAutoencoder
from latentinpaint.pretrained.model_paths import AUTOENCODER_FILE
from latentinpaint.training.tasks.base import Batch, TrainingTask, inpainting_data, is_counted
from latentinpaint.weights import save_autoencoder


class PretrainTask(TrainingTask):
    """Train an autoencoder to reproduce pictures, with the mean squared error.

    Args:
        autoencoder: the autoencoder, from scratch or to be trained on.
        learning_rate, weight_decay, warmup_steps: see `TrainingTask`.
        statistic_batches: training batches from which an autoencoder with a start of its own begins (see
            `Autoencoder.start_from_patches`), and from which the latents' mean and standard deviation are measured at
            the end.
    """

    model_file = AUTOENCODER_FILE
    monitor = ("val/psnr", "max")

    def __init__(
        self,
        autoencoder: Autoencoder | None = None,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.0,
        warmup_steps: int = 100,
        statistic_batches: int = 64,
    ) -> None:
        super().__init__(learning_rate, weight_decay, warmup_steps)
        check_at_least("model.statistic_batches", statistic_batches, 1)
        self.autoencoder = autoencoder or LamaAutoencoder()
        self.statistic_batches = statistic_batches
        self.psnr = MeanMetric(nan_strategy="ignore")

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = self.squared_error(batch["image"]).mean()
        self.log("train/mse", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Log the PSNR; returns columns of pictures (B, 3, H, W) to look at, by name."""
        image = batch["image"]
        reconstruction = self._reconstruct(image)
        self.psnr.update(decibels(_squared_error(reconstruction, image)).where(is_counted(batch), torch.nan))
        self.log("val/psnr", self.psnr, prog_bar=True)
        return {"truth": image, "reconstruction": reconstruction}

    def squared_error(self, image: Tensor) -> Tensor:
        """The mean squared error of every picture, (B,), before pixels are limited to [0, 1]."""
        features = self.autoencoder.encode_features(image)
        return _squared_error(self.autoencoder.decode_unclamped(features).float(), image)

    def begin(self, data: pl.LightningDataModule) -> None:
        self.autoencoder.start_from_patches(inpainting_data(data).first_images(self.statistic_batches))

    def save_model(self, folder: Path, data: pl.LightningDataModule) -> Path:
        self.autoencoder.measure_latents(inpainting_data(data).first_images(self.statistic_batches))
        path = folder / self.model_file
        save_autoencoder(self.autoencoder, path, self.recipe())
        return path

    def _reconstruct(self, image: Tensor) -> Tensor:
        return self.autoencoder.decode_features(self.autoencoder.encode_features(image)).float()


def _squared_error(reconstruction: Tensor, image: Tensor) -> Tensor:
    return F.mse_loss(reconstruction, image, reduction="none").mean(dim=(1, 2, 3))
