"""The second stage of training as a Lightning module: train a refiner on a frozen autoencoder."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from torch import Tensor
from torchmetrics import MeanMetric

from latentinpaint.errors import InputError
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.metrics.pixels import decibels
from latentinpaint.models import Autoencoder, LamaAutoencoder, MaskControl
from latentinpaint.models.fast.fuse import fuse
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.pretrained.model_paths import PIPELINE_FILE
from latentinpaint.refiners import Condition, Refiner
from latentinpaint.runtime.processes import one_batch
from latentinpaint.runtime.randomness import Generators
from latentinpaint.training.losses.reconstruction import LatentObjective, Objective
from latentinpaint.training.tasks.base import Batch, TrainingTask, inpainting_data, is_counted
from latentinpaint.weights import Model, load_autoencoder, load_model, save_model

FROM_SCRATCH = "from scratch"
MEASURED_BATCHES = 64  # of training crops, from which a refiner takes what is not learnt
REFINER_PREFIX = "refiner."


class PipelineTask(TrainingTask):
    """What the tasks share that train a refiner behind an autoencoder: the pipeline, its pictures, its file.

    Where nothing of the autoencoder is trained, steps are computed with a fused copy of it (see `models.fast.fuse`),
    which is kept out of everything that is saved.

    Args:
        autoencoder: file or folder that `pretrain_ae` wrote, or an autoencoder to be trained from scratch; None is
            that of `start`.
        refiner: makes the refiner for the latent's number of channels; None is one like that of `start`.
        mask, trained, start: see `LatentTask`.
        needs_target_latents: whether the latents of undamaged pictures are needed.
        learning_rate, weight_decay, warmup_steps, betas: see `TrainingTask`.

    Attributes:
        pipeline: what is trained.
        truth: the autoencoder before training, if it is trained and latents of undamaged pictures are needed, else
            None. Checkpoints hold its weights under this name.
        fingerprint: of the autoencoder as it was.
        psnr_hole: the mean over the validation pictures of all processes that have a hole, nan if none has one.
        texture: that of the model it started from, which the trained one keeps.

    Raises:
        InputError: if neither a part nor a model to start from is named, or they do not fit together.
    """

    model_file = PIPELINE_FILE
    monitor = ("val/psnr_hole", "max")

    def __init__(
        self,
        autoencoder: str | Autoencoder | None,
        refiner: Callable[[int], Refiner] | None,
        mask: str,
        trained: str,
        needs_target_latents: bool,
        learning_rate: float,
        weight_decay: float = 0.0,
        warmup_steps: int = 200,
        betas: tuple[float, float] = (0.9, 0.99),
        start: str | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, warmup_steps, betas=betas)
        initial: Model | None = None
        if start is not None:
            initial = load_model(start)
        if autoencoder is None:
            autoencoder = start
        if refiner is None and initial is not None:
            refiner = _like(initial.pipeline.refiner)
        if autoencoder is None or refiner is None:
            raise InputError(
                "set model.autoencoder and model.refiner, or model.start to a model to go on from, such as default"
            )
        if isinstance(autoencoder, str):
            pretrained = load_autoencoder(autoencoder)
            self.fingerprint = pretrained.fingerprint()
        else:
            pretrained = autoencoder
            self.fingerprint = FROM_SCRATCH  # it has no identity yet that a checkpoint could be compared with
            _check_from_scratch(trained, needs_target_latents)
        _check_stages(pretrained, mask, trained)
        encoder = _with_mask_channel(pretrained) if mask == "alpha" else pretrained
        control = MaskControl(encoder) if mask == "control" else None
        self.pipeline = InpaintPipeline(encoder, refiner(encoder.latent_channels), control)
        if self.pipeline.refiner.rests_on_start:
            if start is None or trained != "nothing":
                raise InputError(
                    "the refiner's first fill is that of a trained model: set model.start to it, such as default, "
                    "and model.trained to nothing"
                )
            if control is not None:
                control.requires_grad_(False)  # the first fill reads its latents
        self.truth: Autoencoder | None = None
        if trained != "nothing":
            if needs_target_latents:
                self.truth = deepcopy(pretrained).freeze()
            encoder.thaw(trained)
        self.psnr_hole = MeanMetric(nan_strategy="ignore")
        # A dictionary, so that Lightning takes the copy for none of this module's parts; it holds only the latest.
        self._fused: dict[tuple[torch.device, bool], InpaintPipeline] = {}
        self.texture: PatchTexture | None = None
        if start is not None and initial is not None:
            self._load_initial_weights(start, initial.pipeline.state_dict())
            self.texture = initial.texture

    def _load_initial_weights(self, model: str, weights: dict[str, Tensor]) -> None:
        """Take the weights of a model file or run folder.

        Raises:
            InputError: if that is another architecture, or rests on another autoencoder than this one's frozen one.
        """
        own = self.pipeline.state_dict()
        weights = self._adopted(weights)
        for name in (*own, *weights):
            here = _shape_in(own, name)
            there = _shape_in(weights, name)
            if here != there:
                raise InputError(
                    f"{model} is built otherwise, {name} is {there} there and {here} here: "
                    "set model.autoencoder, model.refiner and model.mask as there to start from it"
                )
        for name, parameter in self.pipeline.autoencoder.named_parameters():
            key = f"autoencoder.{name}"
            if not parameter.requires_grad and not torch.equal(own[key], weights[key]):
                raise InputError(f"{model} was trained on another autoencoder: use the one it was trained with")
        self.pipeline.load_state_dict(weights)

    def _adopted(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights of a pipeline with the refiner's as this refiner takes them."""
        others: dict[str, Tensor] = {}
        of_refiner: dict[str, Tensor] = {}
        for name, value in weights.items():
            if name.startswith(REFINER_PREFIX):
                of_refiner[name.removeprefix(REFINER_PREFIX)] = value
            else:
                others[name] = value
        for name, value in self.pipeline.refiner.adopted(of_refiner).items():
            others[f"{REFINER_PREFIX}{name}"] = value
        return others

    def fused_pipeline(self) -> InpaintPipeline:
        """The pipeline to compute with now: the same function, refiner and mask control.

        Where nothing of the autoencoder is trained, a fused copy stands for it, in bfloat16 under such an autocast,
        which would otherwise cast the frozen weights anew at every step.
        """
        autoencoder = self.pipeline.autoencoder
        if any(parameter.requires_grad for parameter in autoencoder.parameters()):
            return self.pipeline
        device = autoencoder.latent_mean.device
        autocast = torch.is_autocast_enabled(device.type)
        bfloat16 = autocast and torch.get_autocast_dtype(device.type) == torch.bfloat16
        if (device, bfloat16) not in self._fused:
            fused = fuse(autoencoder, torch.bfloat16 if bfloat16 else None)
            pipeline = InpaintPipeline(fused, self.pipeline.refiner, self.pipeline.control)
            self._fused = {(device, bfloat16): pipeline}
        return self._fused[device, bfloat16]

    def target_encoder(self) -> Autoencoder:
        """The frozen autoencoder that gives the latents of undamaged pictures: as it was before training."""
        return self.truth or self.fused_pipeline().autoencoder

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Log the PSNR; returns columns of pictures (B, 3, H, W) to look at, by name."""
        image = batch["image"]
        mask = batch["mask"]
        fill = self._fill(batch)
        squared = (fill - image).square() * mask
        error = squared.sum(dim=(1, 2, 3)) / (3 * mask.sum(dim=(1, 2, 3)))
        # Logged by every process, even if none of its pictures has a hole: the others wait for it.
        self.psnr_hole.update(decibels(error).where(is_counted(batch), torch.nan))
        self.log("val/psnr_hole", self.psnr_hole, prog_bar=True)
        return {"input": image * (1 - mask), "hole": mask.expand_as(image), "fill": fill, "truth": image}

    def save_model(self, folder: Path, data: pl.LightningDataModule) -> Path:
        path = folder / self.model_file
        save_model(Model(self.pipeline, self.texture, self.recipe()), path)
        return path

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["autoencoder"] = self.fingerprint

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if checkpoint.get("autoencoder") != self.fingerprint:
            raise InputError("the checkpoint was trained on another autoencoder: use the one it was trained with")

    def _fill(self, batch: Batch) -> Tensor:
        """One filled picture for each item, (B, 3, H, W)."""
        samples = self.fused_pipeline().sample(batch["image"], batch["mask"], batch_size=len(batch["image"]))
        return samples[:, 0].float()


class LatentTask(PipelineTask):
    """Train a refiner behind a pretrained autoencoder: by default on frozen latents, with mask control.

    Args:
        autoencoder: file or folder that `pretrain_ae` wrote; by default that of `start`.
        refiner: makes the refiner for the latent's number of channels; by default one like that of `start`.
        start: model to go on from, such as default or a run's folder: its weights and its texture.
        mask: how the encoder learns where the hole is: "control", a mask encoder beside it; "alpha", the mask as a
            fourth channel of the picture, as LaMa has it; "none", only by what is missing.
        trained: what is trained of the autoencoder: "nothing", "first" (the encoder's first convolution) or "all".
        objective: what to train towards, see `losses.reconstruction`; the latent of the undamaged picture by default.
        learning_rate, weight_decay, warmup_steps: see `TrainingTask`.
    """

    def __init__(
        self,
        autoencoder: str | None = None,
        refiner: Callable[[int], Refiner] | None = None,
        start: str | None = None,
        mask: Literal["control", "alpha", "none"] = "control",
        trained: Literal["nothing", "first", "all"] = "nothing",
        objective: Objective | None = None,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        warmup_steps: int = 200,
    ) -> None:
        objective = objective or LatentObjective()
        needs_latents = objective.needs_target_latents
        super().__init__(
            autoencoder,
            refiner,
            mask,
            trained,
            needs_latents,
            learning_rate,
            weight_decay,
            warmup_steps,
            start=start,
        )
        self.objective = objective
        self.objective.check(self.pipeline)
        if objective.needs_target_latents:
            self._freeze_decoder()

    @torch.no_grad()
    def begin(self, data: pl.LightningDataModule) -> None:
        refiner = self.pipeline.refiner
        if refiner.needs_measuring:
            self.eval()  # BatchNorm's running statistics are of training alone
            refiner.measure(self._examples(data))
            self.train()

    def _examples(self, data: pl.LightningDataModule) -> Iterator[tuple[Tensor, Condition]]:
        """Latents of the first training crops, and what their masks leave of them."""
        for batch in inpainting_data(data).first_batches(MEASURED_BATCHES):
            image = batch["image"].to(self.device)
            latent = self.target_encoder().encode(image)
            yield latent, self.fused_pipeline().condition(image, batch["mask"].to(self.device))

    def _freeze_decoder(self) -> None:
        """A loss on latents gives it no gradients, which several processes would wait for."""
        autoencoder = self.pipeline.autoencoder
        for child in autoencoder.children():
            if child is not autoencoder.stages:
                child.requires_grad_(False)

    def losses(self, batch: Batch, generator: Generators) -> dict[str, Tensor]:
        """The objective's named scalars for a batch; "loss" is to be minimised."""
        return self.objective(self.fused_pipeline(), self.target_encoder(), batch["image"], batch["mask"], generator)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        with one_batch():
            losses = self.losses(batch, self.step_generator(batch_idx))
        self.log_dict({f"train/{name}": value for name, value in losses.items()}, prog_bar=True)
        return losses["loss"]


def _like(refiner: Refiner) -> Callable[[int], Refiner]:
    """What makes a refiner of the same class and arguments; it knows its number of channels."""
    return lambda _: type(refiner)(**refiner.arguments)


def _check_from_scratch(trained: str, needs_target_latents: bool) -> None:
    if trained != "all" or needs_target_latents:
        raise InputError(
            "an autoencoder that was not pretrained has to be trained and has no latents to aim at: "
            "set model.trained to all and use no latent loss, or model.autoencoder to the file of a pretrained one"
        )


def _check_stages(autoencoder: Autoencoder, mask: str, trained: str) -> None:
    if not autoencoder.stage_channels and (mask != "none" or trained != "nothing"):
        raise InputError(
            "this autoencoder has no encoder stages to take a mask or to be trained: "
            "set model.mask to none and model.trained to nothing"
        )
    if mask == "alpha" and trained == "nothing":
        raise InputError("a mask as a fourth channel has to be learnt: set model.trained to first (or all)")


def _with_mask_channel(autoencoder: Autoencoder) -> Autoencoder:
    if not isinstance(autoencoder, LamaAutoencoder):
        raise InputError(
            f"a {type(autoencoder).__name__} cannot take a mask as a fourth channel: set model.mask to control"
        )
    return autoencoder.with_mask_channel()


def _shape_in(state: dict[str, Tensor], name: str) -> tuple[int, ...] | str:
    """The shape of an entry, for a person."""
    if name not in state:
        return "missing"
    return tuple(state[name].shape)
