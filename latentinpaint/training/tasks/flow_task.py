"""Training a flow: the same few lines for every flow, which knows its own loss."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim import Optimizer

from latentinpaint.data.distributions import NORMAL
from latentinpaint.flows import Flow
from latentinpaint.pretrained.model_paths import FLOW_FILE
from latentinpaint.runtime.processes import one_batch
from latentinpaint.runtime.randomness import numbered_generator
from latentinpaint.training.sharded_strategy import total_norm
from latentinpaint.training.tasks.base import Batch, TrainingTask
from latentinpaint.weights import save_flow


class FlowTask(TrainingTask):
    """Train a flow from a source to a target distribution.

    Args:
        flow: makes the flow for the shape of a sample.
        shape: of a sample, from the data.
        learning_rate, weight_decay, warmup_steps, last_rate, betas: see `TrainingTask`.
    """

    model_file = FLOW_FILE
    monitor = ("val/loss", "min")

    def __init__(
        self,
        flow: Callable[[Sequence[int]], Flow],
        shape: Sequence[int],
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        warmup_steps: int = 0,
        last_rate: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        super().__init__(learning_rate, weight_decay, warmup_steps, last_rate, betas)
        self.flow = flow(list(shape))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        self.flow.progress = self.done
        with one_batch():
            losses = self.flow.loss(batch["source"], batch["target"], self.step_generator(batch_idx))
        for name, value in losses.items():
            self.log(f"train/{name}", value, prog_bar=True)
        return losses["loss"]

    def step_generator(self, batch_idx: int) -> torch.Generator:
        # Not the numbers that the batch was drawn with: times would go with pictures.
        return numbered_generator(-1 - self.data_seed(), self.batch_number(batch_idx))

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        every = self.trainer.log_every_n_steps  # type: ignore[attr-defined]  # attached by Lightning's logger connector
        if (self.global_step + 1) % every:
            return
        for name, network in self.flow.named_children():
            gradients = []
            for parameter in network.parameters():
                if parameter.grad is not None:
                    gradients.append(parameter.grad)
            if any(parameter.requires_grad for parameter in network.parameters()):
                self.log(f"gradient_norm/{name}", total_norm(gradients, self.trainer))

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        losses = self.flow.loss(batch["source"], batch["target"], numbered_generator(0, batch_idx))
        for name, value in losses.items():
            self.log(f"val/{name}", value, batch_size=len(batch["target"]), sync_dist=True)

    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """Points or pictures to look at: named columns, each with an item's row; the noise is the same every time."""
        return self.flow.preview(batch["source"], batch["target"], numbered_generator(0, 1))

    def recipe(self) -> dict[str, Any]:
        data = self.trainer.datamodule  # type: ignore[attr-defined]  # Lightning attaches it when it fits
        return {**super().recipe(), "from_noise": data.source == NORMAL, "data": data.description()}

    def save_model(self, folder: Path, data: pl.LightningDataModule) -> Path:
        return self.save_as(folder / self.model_file)

    def save_as(self, path: Path) -> Path:
        """Write the flow as it is now."""
        save_flow(self.flow, path, self.recipe())
        return path
