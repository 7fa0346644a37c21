"""The second stage of training as a Lightning module: train a refiner on a frozen autoencoder."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from latentinpaint.data.datamodule import InpaintingDataModule
from latentinpaint.errors import InputError
from latentinpaint.models import Autoencoder, MaskControl
from latentinpaint.models.fast.fuse import fuse
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.randomness import Generators
from latentinpaint.refiners import Refiner
from latentinpaint.training.losses.reconstruction import LatentObjective, Objective
from latentinpaint.training.tasks.base import Batch, TrainingTask
from latentinpaint.weights import (
    PIPELINE_FILE,
    Model,
    load_autoencoder,
    load_pipeline,
    save_model,
)

FROM_SCRATCH = "from scratch"


class PipelineTask(TrainingTask):
    """What the tasks share that train a refiner behind an autoencoder: the pipeline, its pictures, its file.

    Where nothing of the autoencoder is trained, steps are computed with a fused copy of it (see `models.fast.fuse`),
    which is kept out of everything that is saved.

    Args:
        autoencoder: file or folder that `pretrain_ae` wrote, or an autoencoder to be trained from scratch.
        refiner: makes the refiner for the latent's number of channels.
        mask, trained: see `LatentTask`.
        needs_truth: whether the latents of undamaged pictures are needed.
        learning_rate, weight_decay, warmup_steps, betas: see `TrainingTask`.
    """

    model_file = PIPELINE_FILE

    def __init__(
        self,
        autoencoder: str | Autoencoder,
        refiner: Callable[[int], Refiner],
        mask: str,
        trained: str,
        needs_truth: bool,
        learning_rate: float,
        weight_decay: float = 0.0,
        warmup_steps: int = 200,
        betas: tuple[float, float] = (0.9, 0.99),
    ) -> None:
        super().__init__(learning_rate, weight_decay, warmup_steps, betas=betas)
        pretrained = load_autoencoder(autoencoder) if isinstance(autoencoder, str) else autoencoder
        # One that starts from scratch has no identity yet that a checkpoint could be held to.
        self.fingerprint = pretrained.fingerprint() if isinstance(autoencoder, str) else FROM_SCRATCH
        if self.fingerprint == FROM_SCRATCH and (trained != "all" or needs_truth):
            raise InputError(
                "an autoencoder that was not pretrained has to be trained and has no latents to aim at: "
                "add --model.trained all and no latent loss, or give --autoencoder"
            )
        if not pretrained.stage_channels and (mask != "none" or trained != "nothing"):
            raise InputError(
                "this autoencoder has no encoder stages to tell of a mask or to train: "
                "add --model.mask none and --model.trained nothing"
            )
        if mask == "alpha" and trained == "nothing":
            raise InputError("a mask as a fourth channel has to be learnt: add --model.trained first (or all)")
        encoder = pretrained.with_mask_channel() if mask == "alpha" else pretrained
        control = MaskControl(encoder) if mask == "control" else None
        self.pipeline = InpaintPipeline(encoder, refiner(encoder.latent_channels), control)
        # Latents of the truth come from the autoencoder as it was, a copy once that one changes.
        self.truth = None
        if trained != "nothing":
            if needs_truth:
                self.truth = deepcopy(pretrained).freeze()
            encoder.thaw(trained)
        self._working: dict[tuple[torch.device, bool], InpaintPipeline] = {}

    def start_with(self, model: str) -> None:
        """Take the weights of a model file or run folder.

        Raises:
            InputError: if that is another architecture, or rests on another autoencoder than this one's frozen one.
        """
        weights, own = load_pipeline(model).state_dict(), self.pipeline.state_dict()
        shapes, others = ({name: tuple(x.shape) for name, x in state.items()} for state in (own, weights))
        if shapes != others:
            name = next(name for name in (*own, *weights) if shapes.get(name) != others.get(name))
            raise InputError(
                f"{model} is built otherwise, {name} is {others.get(name, 'missing')} there and "
                f"{shapes.get(name, 'missing')} here: describe its autoencoder, refiner and mask to start from it"
            )
        frozen = [f"autoencoder.{n}" for n, p in self.pipeline.autoencoder.named_parameters() if not p.requires_grad]
        if not all(torch.equal(own[name], weights[name]) for name in frozen):
            raise InputError(f"{model} was trained on another autoencoder: give the one it was trained with")
        self.pipeline.load_state_dict(weights)

    def working(self) -> InpaintPipeline:
        """The pipeline to compute with, here and now: the same function, refiner and mask control.

        Where nothing of the autoencoder is trained, a fused copy stands for it, in bfloat16 under such an autocast,
        which would otherwise cast the frozen weights anew at every step.
        """
        autoencoder = self.pipeline.autoencoder
        if any(parameter.requires_grad for parameter in autoencoder.parameters()):
            return self.pipeline
        device = autoencoder.latent_mean.device
        autocast = torch.is_autocast_enabled(device.type)
        low = autocast and torch.get_autocast_dtype(device.type) == torch.bfloat16
        if (device, low) not in self._working:
            folded = fuse(autoencoder, torch.bfloat16 if low else None)
            # In a dictionary, so that it is none of this module's parts, and only the latest.
            self._working = {(device, low): InpaintPipeline(folded, self.pipeline.refiner, self.pipeline.control)}
        return self._working[device, low]

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        image, mask = batch["image"], batch["mask"]
        fill = self.working().sample(image, mask, batch_size=len(image))[:, 0].float()
        error = ((fill - image).square() * mask).sum(dim=(1, 2, 3)) / (3 * mask.sum(dim=(1, 2, 3)))
        psnr = -10 * error.clamp(min=1e-10).log10()
        self.log("val/psnr_hole", psnr.mean(), prog_bar=True, batch_size=len(image), sync_dist=True)

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        """What a person looks at: (B, 3, H, W) each."""
        image, mask = batch["image"], batch["mask"]
        fill = self.working().sample(image, mask, batch_size=len(image))[:, 0].float()
        return {"input": image * (1 - mask), "hole": mask.expand_as(image), "fill": fill, "truth": image}

    def save_model(self, folder: Path, data: InpaintingDataModule) -> Path:
        path = folder / self.model_file
        save_model(Model(self.pipeline, recipe=self.recipe()), path)
        return path

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["autoencoder"] = self.fingerprint

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if checkpoint.get("autoencoder") != self.fingerprint:
            raise InputError("the checkpoint was trained on another autoencoder: give the one it was trained with")


class LatentTask(PipelineTask):
    """Train a refiner behind a pretrained autoencoder: by default on frozen latents, with mask control.

    Args:
        autoencoder: file or folder that `pretrain_ae` wrote.
        refiner: makes the refiner for the latent's number of channels.
        mask: how the encoder learns where the hole is: "control", a mask encoder beside it; "alpha", the mask as a
            fourth channel of the picture, as LaMa has it; "none", only by what is missing.
        trained: what is trained of the autoencoder: "nothing", "first" (the encoder's first convolution) or "all".
        objective: what to train towards, see `objectives`; the latent of the truth by default.
        learning_rate, weight_decay, warmup_steps: see `TrainingTask`.
    """

    def __init__(
        self,
        autoencoder: str,
        refiner: Callable[[int], Refiner],
        mask: Literal["control", "alpha", "none"] = "control",
        trained: Literal["nothing", "first", "all"] = "nothing",
        objective: Objective | None = None,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        warmup_steps: int = 200,
    ) -> None:
        objective = objective or LatentObjective()
        super().__init__(
            autoencoder, refiner, mask, trained, objective.needs_truth, learning_rate, weight_decay, warmup_steps
        )
        self.objective = objective
        self.objective.check(self.pipeline)

    def losses(self, batch: Batch, generator: Generators) -> dict[str, Tensor]:
        """The objective's named scalars for a batch; "loss" is to be minimised."""
        pipeline = self.working()
        return self.objective(pipeline, self.truth or pipeline.autoencoder, batch["image"], batch["mask"], generator)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        losses = self.losses(batch, self.step_generator(batch_idx))
        self.log_dict({f"train/{name}": value for name, value in losses.items()}, prog_bar=True)
        return losses["loss"]
