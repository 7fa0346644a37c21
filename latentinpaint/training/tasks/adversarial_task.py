"""LaMa's full training, on pictures or on latents: a generator and a discriminator in turns.

The generator is the pipeline. Its losses are those of `losses` and `perceptual`, with LaMa's weights (arXiv
2109.07161), and beside them the latent loss of Babin, "Image inpainting in latent space", 2024. What the
discriminator judges is a `SPACES` entry: decoded pictures, or the latents themselves, for which nothing is decoded.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor
from torch.nn.utils import clip_grad_norm_, get_total_norm
from torch.optim import Optimizer

from latentinpaint.errors import InputError
from latentinpaint.models import Autoencoder
from latentinpaint.models.discriminator import DiscriminatorOutput, PatchDiscriminator
from latentinpaint.refiners import Refiner
from latentinpaint.refiners.base import latent_l1
from latentinpaint.training.losses.adversarial import (
    LossWeights,
    discriminator_loss,
    feature_matching,
    generator_loss,
    masked_l1,
    r1_penalty,
    scores_in,
)
from latentinpaint.training.losses.domains import SPACES, Attempt, Compared
from latentinpaint.training.losses.resnet_perceptual import RESNET50, PerceptualLoss, perceptual_loss
from latentinpaint.training.tasks.base import Batch
from latentinpaint.training.tasks.latent_task import PipelineTask


@dataclass(frozen=True)
class Verdict:
    """What the discriminator said of the truth (as it saw it) and of the answers, and where those are filled."""

    truth: Tensor
    real: DiscriminatorOutput
    fake: DiscriminatorOutput
    filled: Tensor


class AdversarialTask(PipelineTask):
    """Train with LaMa's full losses: absolute error, adversarial, feature matching, perceptual, and the latent loss.

    Args:
        refiner: makes the refiner for the latent's number of channels; one of a single pass.
        autoencoder: file or folder that `pretrain_ae` wrote, or an autoencoder's class to be trained from scratch.
        start: model file or run folder that lends its weights to begin with, trained with other losses or a converted
            checkpoint; it has to be built as described here.
        mask, trained: as in train_latent; LaMa is alpha and all.
        weights: of the losses.
        space: "image", what is judged are decoded pictures, or "latent", latents, without a decoder.
        discriminator_width, discriminator_layers, discriminator_norm: see `PatchDiscriminator`.
        r1_every: steps between two gradient penalties, each then counted so many times. 1 is LaMa.
        learning_rate, discriminator_rate: peaks of the two learning rates, above 0.
        gradient_clip: largest norm of the generator's gradient, 0 for none; LaMa has none.
        perceptual_weights: file of the segmentation network's or torchvision's ResNet-50 weights; by default the
            latter where torch keeps them.
        download: fetch torchvision's if they are not there.
        warmup_steps: see `TrainingTask`.
    """

    # Two optimisers take turns, so that clipping is this task's own affair.
    trainer_defaults: ClassVar[dict[str, Any]] = {"gradient_clip_val": None, "devices": 1}

    def __init__(
        self,
        refiner: Callable[[int], Refiner],
        autoencoder: str | Autoencoder,
        start: str | None = None,
        mask: Literal["control", "alpha", "none"] = "alpha",
        trained: Literal["nothing", "first", "all"] = "all",
        weights: LossWeights = LossWeights(),  # noqa: B008 - frozen
        space: Literal["image", "latent"] = "image",
        discriminator_width: int = 64,
        discriminator_layers: int = 4,
        discriminator_norm: bool = True,
        r1_every: int = 1,
        learning_rate: float = 1e-3,
        discriminator_rate: float = 1e-4,
        gradient_clip: float = 0.0,
        perceptual_weights: str | None = None,
        download: bool = False,
        warmup_steps: int = 0,
    ) -> None:
        if discriminator_rate <= 0 or gradient_clip < 0 or r1_every < 1:
            raise InputError("discriminator_rate is above 0, gradient_clip not below 0, and r1_every starts at 1")
        needs_truth = SPACES[space].needs_clean or weights.latent > 0
        super().__init__(
            autoencoder, refiner, mask, trained, needs_truth, learning_rate, 0.0, warmup_steps, betas=(0.9, 0.999)
        )
        if self.pipeline.refiner.stochastic:
            raise InputError("adversarial training needs an answer of one pass: use the ffc refiner")
        if start is not None:
            self.start_with(start)
        self.automatic_optimization = False
        self.space, self.weights, self.r1_every = SPACES[space](), weights, r1_every
        self.discriminator_rate, self.gradient_clip = discriminator_rate, gradient_clip
        self.judged = weights.adversarial > 0 or weights.feature_matching > 0
        self.needs_truth = needs_truth
        self.discriminator = PatchDiscriminator(
            self.space.channels(self.pipeline), discriminator_width, discriminator_layers, discriminator_norm
        )
        # In a list, so that it is none of this module's parts: a hundred megabytes that never change are neither
        # averaged nor saved, and a run that began without them can go on with them.
        self._perceptual: list[PerceptualLoss] = []
        if weights.perceptual > 0 and self.space.has_pictures:
            found = perceptual_loss(perceptual_weights, download)
            self._perceptual = [] if found is None else [found]
            if found is None:
                rank_zero_warn(
                    f"the perceptual loss is left out: {RESNET50.path} is not there; "
                    "add --model.download true, or name a file with --model.perceptual_weights"
                )
        if not (self._perceptual or self.judged or weights.known or weights.missing or weights.latent):
            raise InputError("no loss is left to train with: give one of --model.weights a value above 0")

    def generator_parameters(self) -> list[Tensor]:
        """What is trained of the pipeline."""
        return [p for p in self.pipeline.parameters() if p.requires_grad]

    def configure_optimizers(self) -> list[Optimizer]:
        generator = torch.optim.Adam(self.generator_parameters(), lr=self.learning_rate, betas=self.betas)
        judge = torch.optim.Adam(self.discriminator.parameters(), lr=self.discriminator_rate, betas=self.betas)
        return [generator, judge]

    def peaks(self) -> list[float]:
        return [self.learning_rate, self.discriminator_rate]

    def check_trainer(self, trainer: pl.Trainer) -> None:
        super().check_trainer(trainer)
        if trainer.gradient_clip_val:
            raise InputError("leave --trainer.gradient_clip_val out: --model.gradient_clip is the option for it")
        if trainer.accumulate_grad_batches > 1 or trainer.world_size > 1:
            raise InputError(
                "adversarial training runs on one device, without accumulated gradients: "
                "--trainer.devices 1 --trainer.accumulate_grad_batches 1"
            )
        if getattr(trainer.precision_plugin, "scaler", None) is not None:
            raise InputError("adversarial training needs the range of --trainer.precision bf16-mixed or 32-true")

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        generator, judge = self.optimizers()

        def judge_step() -> None:  # not by Lightning's optimiser, which would count it as another training step
            self.trainer.strategy.optimizer_step(judge.optimizer, lambda: None)

        figures = self.turns(batch, self.global_step, self.manual_backward, generator.step, judge_step)
        self.log_dict({f"train/{name}": value for name, value in figures.items()})
        self.log("loss", figures["loss"], prog_bar=True, logger=False)

    def turns(
        self,
        batch: Batch,
        number: int,
        backward: Callable[..., None],
        generator_step: Callable[[], object],
        judge_step: Callable[[], object],
    ) -> dict[str, Tensor]:
        """The generator's turn, then the discriminator's.

        Args:
            batch: undamaged pictures and holes.
            number: of this step, from 0; says when the gradient penalty is due.
            backward: takes a loss and the arguments of `Tensor.backward`.
            generator_step, judge_step: move the parameters by their gradients.

        Returns:
            All losses and what tells of the health of both, detached scalars.
        """
        attempt = self.attempt(batch)
        compared = self.space.compared(self.working(), attempt)
        verdict = self.judge(compared, number) if self.judged else None
        figures = self.generator_losses(attempt, compared, verdict)
        # Both losses share one pass through the discriminator: each turn reaches its own parameters alone.
        own = self.generator_parameters()
        _zero(own)
        backward(figures["loss"], retain_graph=self.judged, inputs=own)
        figures["gradient"] = clip_grad_norm_(own, self.gradient_clip or float("inf"))
        generator_step()
        if verdict is not None:
            own = list(self.discriminator.parameters())
            losses = self.discriminator_losses(verdict)
            _zero(own)
            backward(losses["discriminator"], inputs=own)
            figures |= {**losses, "discriminator_gradient": get_total_norm([p.grad for p in own])}
            judge_step()
        return {name: value.detach() for name, value in figures.items()}

    def attempt(self, batch: Batch) -> Attempt:
        """What the pipeline answers to a training batch, with gradients."""
        image, mask = batch["image"], batch["mask"]
        pipeline, clean = self.working(), None
        if self.needs_truth:
            with torch.no_grad():
                clean = (self.truth or pipeline.autoencoder).encode(image)
        condition = pipeline.condition(image, mask)
        return Attempt(image, mask, condition, pipeline.refiner.refine(condition), clean)

    def judge(self, compared: Compared, number: int) -> Verdict:
        """The discriminator on truth and answers; gradients reach it, the answers, and the truth for the penalty.

        Both are one batch to its BatchNorm: normalised apart, all answers could turn orange and it would not see it.
        """
        penalised = self.weights.r1 > 0 and number % self.r1_every == 0
        truth = compared.truth.detach().requires_grad_(penalised)
        real, fake = self.discriminator(torch.cat([truth, compared.answer])).halves()
        return Verdict(truth, real, fake, self.discriminator.hole_of_patches(compared.hole.float(), fake.scores))

    def generator_losses(self, attempt: Attempt, compared: Compared, verdict: Verdict | None) -> dict[str, Tensor]:
        """The losses that count, by name, and their weighted sum as "loss"."""
        weights, losses = self.weights, {}
        if weights.known or weights.missing:
            losses["l1"] = masked_l1(compared.answer, compared.truth, compared.hole, weights.known, weights.missing)
        if weights.latent:
            losses["latent"] = weights.latent * latent_l1(attempt.refined, attempt.clean)
        for perceptual in self._perceptual:
            distance = perceptual.to(compared.answer.device)(compared.answer, compared.truth)
            losses["perceptual"] = weights.perceptual * distance
        if weights.adversarial:
            losses["adversarial"] = weights.adversarial * generator_loss(verdict.fake)
        if weights.feature_matching:
            losses["matching"] = weights.feature_matching * feature_matching(verdict.fake, verdict.real)
        return {"loss": torch.stack(list(losses.values())).sum(), **losses}

    def discriminator_losses(self, verdict: Verdict) -> dict[str, Tensor]:
        """Its loss as "discriminator", the penalty, and how well it does: what it gives the truth and the fills."""
        loss = discriminator_loss(verdict.real, verdict.fake, verdict.filled)
        figures = {}
        if verdict.truth.requires_grad:
            figures["r1"] = r1_penalty(verdict.real.scores, verdict.truth)
            loss = loss + self.weights.r1 * self.r1_every * figures["r1"]
        real = torch.sigmoid(verdict.real.scores.detach()).mean()
        return {"discriminator": loss, **figures, "real": real, "fake": scores_in(verdict.fake, verdict.filled)}


def _zero(parameters: Iterable[Tensor]) -> None:
    for parameter in parameters:
        parameter.grad = None
