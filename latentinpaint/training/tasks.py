"""The two stages of training as Lightning modules: pretrain an autoencoder, then train a refiner on it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from latentinpaint.data.datamodule import InpaintingDataModule
from latentinpaint.errors import InputError
from latentinpaint.models import Autoencoder, LamaAutoencoder, MaskControl
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.refiners import Refiner
from latentinpaint.training.base import Batch, TrainingTask
from latentinpaint.weights import (
    AUTOENCODER_FILE,
    PIPELINE_FILE,
    load_autoencoder,
    save_autoencoder,
    save_pipeline,
)


class PretrainTask(TrainingTask):
    """Train an autoencoder to reproduce pictures, with the mean squared error.

    Args:
        autoencoder: the autoencoder, from scratch or to be trained on.
        learning_rate, weight_decay, warmup_steps: see `TrainingTask`.
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


class LatentTask(TrainingTask):
    """Train a refiner, and the mask control, in the latent space of a frozen autoencoder.

    Args:
        autoencoder: file or folder that `pretrain_ae` wrote.
        refiner: makes the refiner for the latent's number of channels.
        control: whether a mask control is trained with it.
        learning_rate, weight_decay, warmup_steps: see `TrainingTask`.
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
        losses = self.pipeline.loss(batch["image"], batch["mask"], self.step_generator(batch_idx))
        self.log_dict({f"train/{name}": value for name, value in losses.items()}, prog_bar=True)
        return losses["loss"]

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
