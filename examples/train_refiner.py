"""Train a refiner of your own on your own photographs, behind the default model's frozen autoencoder.

    python examples/train_refiner.py photos refiner.safetensors 2000

A refiner turns the latent of a masked picture into that of the whole one. It owns its loss, so that nothing else has
to know it; once it is in `REFINERS`, its models are saved and loaded like any other.
"""

import sys
from pathlib import Path

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from latentinpaint import Inpainter
from latentinpaint.data.datamodule import InpaintingDataModule
from latentinpaint.refiners import REFINERS, Condition, Refiner
from latentinpaint.refiners.base import latent_l1
from latentinpaint.runtime.randomness import Generators
from latentinpaint.training.tasks.latent_task import LatentTask


class DilatedRefiner(Refiner):
    """Convolutions that look further and further around, as a correction to what the encoder made of the hole.

    Args:
        channels: channels of the latent.
        width: channels inside.
        blocks: convolutions, of which each looks twice as far as the one before.
    """

    stochastic = False

    def __init__(self, channels: int, width: int = 64, blocks: int = 4) -> None:
        super().__init__()
        self.channels = channels
        layers: list[nn.Module] = []
        inputs = channels + 1
        for block in range(blocks):
            reach = 2**block
            layers += [nn.Conv2d(inputs, width, 3, padding=reach, dilation=reach), nn.SiLU()]
            inputs = width
        self.layers = nn.Sequential(*layers, nn.Conv2d(inputs, channels, 1))

    @property
    def core(self) -> nn.Module:
        return self.layers

    def refine(self, condition: Condition, generator: Generators = None, steps: int | None = None) -> Tensor:
        correction = self.layers(torch.cat([condition.latent, condition.area], dim=1))
        return condition.latent + condition.area * correction

    def loss(self, z_clean: Tensor, condition: Condition, generator: Generators = None) -> dict[str, Tensor]:
        weight = 1 + 9 * condition.hole
        return {"loss": latent_l1(self.refine(condition), z_clean, weight)}


REFINERS["dilated"] = DilatedRefiner


def train(photos: Path, model: Path, steps: int, size: int = 128, batch_size: int = 8) -> Inpainter:
    """Train for some steps, write the model, and return it ready to fill."""
    pl.seed_everything(0)
    task = LatentTask(autoencoder="default", refiner=DilatedRefiner)
    data = InpaintingDataModule(str(photos), size=size, batch_size=batch_size, num_workers=0)
    trainer = pl.Trainer(max_steps=steps, accelerator="auto", logger=False, enable_checkpointing=False)
    trainer.fit(task, data)
    trained = Inpainter(task.pipeline, recipe={"photographs": str(photos), "steps": steps})
    trained.save_pretrained(model)
    return Inpainter.from_pretrained(model)


if __name__ == "__main__":
    train(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
