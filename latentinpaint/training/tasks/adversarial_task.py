"""LaMa's full training, on pictures or on latents: a generator and a discriminator in alternation.

The generator is the pipeline. Its losses are those of `losses.adversarial` and `losses.resnet_perceptual`, with
LaMa's weights (arXiv 2109.07161), and beside them the latent loss of Babin, "Image inpainting in latent space", 2024.
The discriminator sees what an entry of `DOMAINS` gives: decoded pictures, or the latents themselves, for which
nothing is decoded.
"""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Literal, cast

import pytorch_lightning as pl
import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor
from torch.nn import Parameter
from torch.nn.utils import clip_grad_norm_, get_total_norm
from torch.optim import Optimizer

from latentinpaint.errors import InputError
from latentinpaint.models import Autoencoder
from latentinpaint.models.discriminator import PatchDiscriminator
from latentinpaint.refiners import Refiner
from latentinpaint.refiners.base import latent_l1
from latentinpaint.runtime.processes import average, one_batch
from latentinpaint.training.losses.adversarial import (
    DiscriminatorPass,
    LossWeights,
    discriminator_loss,
    feature_matching,
    generator_loss,
    masked_l1,
    mean_probability,
    r1_penalty,
)
from latentinpaint.training.losses.domains import DOMAINS, GeneratorOutput, LossInputs
from latentinpaint.training.losses.latent_perceptual import check_decoder_maps, latent_perceptual
from latentinpaint.training.losses.resnet_perceptual import RESNET50, PerceptualLoss, perceptual_loss
from latentinpaint.training.sharded_strategy import ShardedStrategy
from latentinpaint.training.tasks.base import Batch
from latentinpaint.training.tasks.latent_task import PipelineTask


class AdversarialTask(PipelineTask):
    """Train with LaMa's full losses: absolute error, adversarial, feature matching, perceptual, and the latent loss.

    Args:
        refiner: makes the refiner for the latent's number of channels; one of a single pass. By default one like that
            of `start`.
        autoencoder: file or folder that `pretrain_ae` wrote, or an autoencoder's class to be trained from scratch; by
            default that of `start`.
        start: model file or run folder that lends its weights, trained with other losses or converted; it has to be
            built as described here.
        mask, trained: as in train_latent; LaMa is alpha and all.
        weights: of the losses.
        space: "image", losses compare decoded pictures, or "latent", latents, without a decoder.
        discriminator_width, discriminator_layers, discriminator_norm: see `PatchDiscriminator`.
        r1_every: steps between two gradient penalties, each counted so often. 1 is LaMa.
        learning_rate, discriminator_rate: peaks of the two learning rates, above 0.
        gradient_clip: largest norm of the generator's gradient; 0, as LaMa, for none.
        perceptual_weights: file of the segmentation network's or torchvision's ResNet-50 weights; by default the
            latter where torch keeps them.
        download: fetch torchvision's if they are not there.
        warmup_steps: see `TrainingTask`.
    """

    # The task steps its optimisers by hand, so that clipping is its own affair.
    trainer_defaults: ClassVar[dict[str, Any]] = {"gradient_clip_val": None}

    def __init__(
        self,
        refiner: Callable[[int], Refiner] | None = None,
        autoencoder: str | Autoencoder | None = None,
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
            raise InputError(
                "model.discriminator_rate is above 0, model.gradient_clip not below 0, and model.r1_every starts at 1"
            )
        needs_latents = DOMAINS[space].needs_target_latents or weights.compares_latents
        super().__init__(
            autoencoder,
            refiner,
            mask,
            trained,
            needs_latents,
            learning_rate,
            0.0,
            warmup_steps,
            betas=(0.9, 0.999),
            start=start,
        )
        if self.pipeline.refiner.stochastic:
            raise InputError(
                "adversarial training needs a refiner with one fill for a hole: set model.refiner to ffc"
            )
        self.automatic_optimization = False
        self.domain = DOMAINS[space]()
        self.needs_target_latents = needs_latents
        self.weights = weights
        self.r1_every = r1_every
        self.discriminator_rate = discriminator_rate
        self.gradient_clip = gradient_clip
        self.uses_discriminator = weights.adversarial > 0 or weights.feature_matching > 0
        channels = self.domain.channels(self.pipeline)
        self.discriminator = PatchDiscriminator(
            channels, discriminator_width, discriminator_layers, discriminator_norm
        )
        # A list, so that Lightning takes it for none of this module's parts: a hundred megabytes that never change
        # are neither averaged nor saved, and a run that began without them can be resumed with them.
        self._perceptual: list[PerceptualLoss] = []
        if weights.perceptual > 0 and self.domain.is_image:
            self._load_perceptual(perceptual_weights, download)
        self._check_losses()

    def generator_parameters(self) -> list[Parameter]:
        """What is trained of the pipeline."""
        return [p for p in self.pipeline.parameters() if p.requires_grad]

    def configure_optimizers(self) -> list[Optimizer]:
        generator = torch.optim.Adam(self.generator_parameters(), lr=self.learning_rate, betas=self.betas)
        parameters = self.discriminator.parameters()
        discriminator = torch.optim.Adam(parameters, lr=self.discriminator_rate, betas=self.betas)
        return [generator, discriminator]

    def peak_learning_rates(self) -> list[float]:
        return [self.learning_rate, self.discriminator_rate]

    def check_trainer(self, trainer: pl.Trainer) -> None:
        super().check_trainer(trainer)
        if trainer.gradient_clip_val:
            raise InputError("leave trainer.gradient_clip_val out: model.gradient_clip is in its place")
        if trainer.accumulate_grad_batches > 1:
            raise InputError("adversarial training sums no gradients: set trainer.accumulate_grad_batches to 1")
        if isinstance(trainer.strategy, ShardedStrategy):
            raise InputError("fsdp takes no two gradients of a pass, as this needs: set trainer.strategy to ddp")
        if getattr(trainer.precision_plugin, "scaler", None) is not None:
            raise InputError(
                "adversarial training needs the range of bf16-mixed or 32-true: set trainer.precision to one of them"
            )

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        generator, discriminator = cast(list[LightningOptimizer], self.optimizers())

        def discriminator_step() -> None:
            # Not by Lightning's optimiser, which would count it as another training step.
            self.trainer.strategy.optimizer_step(discriminator.optimizer, lambda: None)

        backward = self._backward_of_all if self.trainer.world_size > 1 else self.manual_backward
        with one_batch():
            scalars = self.alternating_step(batch, self.global_step, backward, generator.step, discriminator_step)
        self.log_dict({f"train/{name}": value for name, value in scalars.items()})
        self.log("loss", scalars["loss"], prog_bar=True, logger=False)

    def alternating_step(
        self,
        batch: Batch,
        step: int,
        backward: Callable[..., None],
        generator_step: Callable[[], object],
        discriminator_step: Callable[[], object],
    ) -> dict[str, Tensor]:
        """Update the generator, then the discriminator.

        Args:
            batch: undamaged pictures and masks.
            step: its number from 0; says when the gradient penalty is due.
            backward: takes a loss and the arguments of `Tensor.backward`.
            generator_step, discriminator_step: move the parameters by their gradients.

        Returns:
            All losses and what shows the health of both, detached scalars.
        """
        output = self.generate(batch)
        inputs = self.domain.loss_inputs(self.fused_pipeline(), output)
        discriminated = self.discriminate(inputs, step) if self.uses_discriminator else None
        scalars = self.generator_losses(output, inputs, discriminated)
        # Both losses share one pass through the discriminator: each backward reaches its own parameters alone.
        parameters = self.generator_parameters()
        _clear_gradients(parameters)
        backward(scalars["loss"], retain_graph=self.uses_discriminator, inputs=parameters)
        scalars["gradient"] = clip_grad_norm_(parameters, self.gradient_clip or float("inf"))
        generator_step()
        if discriminated is not None:
            parameters = list(self.discriminator.parameters())
            losses = self.discriminator_losses(discriminated)
            _clear_gradients(parameters)
            backward(losses["discriminator"], inputs=parameters)
            scalars |= losses
            scalars["discriminator_gradient"] = get_total_norm([p.grad for p in parameters if p.grad is not None])
            discriminator_step()
        return {name: value.detach() for name, value in scalars.items()}

    def generate(self, batch: Batch) -> GeneratorOutput:
        """What the pipeline makes of a training batch, with gradients."""
        image, mask = batch["image"], batch["mask"]
        target_latents = None
        if self.needs_target_latents:
            with torch.no_grad():
                target_latents = self.target_encoder().encode(image)
        pipeline = self.fused_pipeline()
        condition = pipeline.condition(image, mask)
        return GeneratorOutput(image, mask, condition, pipeline.refiner.refine(condition), target_latents)

    def discriminate(self, inputs: LossInputs, step: int) -> DiscriminatorPass:
        """The discriminator on targets and predictions; gradients reach it, the predictions, and the targets for R1.

        Both are one batch to its BatchNorm: normalised apart, all predictions could turn orange and it would not see
        it.
        """
        penalised = self.weights.r1 > 0 and step % self.r1_every == 0
        target = inputs.target.detach().requires_grad_(penalised)
        real, fake = self.discriminator(torch.cat([target, inputs.prediction])).halves()
        fake_share = self.discriminator.hole_of_patches(inputs.mask.float(), fake.scores)
        return DiscriminatorPass(target, real, fake, fake_share)

    def generator_losses(
        self, output: GeneratorOutput, inputs: LossInputs, discriminated: DiscriminatorPass | None
    ) -> dict[str, Tensor]:
        """The weighted losses by name, and their sum as "loss"."""
        weights = self.weights
        prediction, target = inputs.prediction, inputs.target
        losses = {}
        if weights.known or weights.missing:
            losses["l1"] = masked_l1(prediction, target, inputs.mask, weights.known, weights.missing)
        if weights.latent:
            losses["latent"] = weights.latent * latent_l1(output.refined, output.needed_target_latents())
        if weights.latent_perceptual:
            latents = output.refined, output.needed_target_latents()
            distance = latent_perceptual(self.fused_pipeline().autoencoder, *latents)
            losses["latent_perceptual"] = weights.latent_perceptual * distance
        for perceptual in self._perceptual:
            losses["perceptual"] = weights.perceptual * perceptual.to(prediction.device)(prediction, target)
        if discriminated is not None and weights.adversarial:
            losses["adversarial"] = weights.adversarial * generator_loss(discriminated.fake)
        if discriminated is not None and weights.feature_matching:
            distance = feature_matching(discriminated.fake, discriminated.real)
            losses["matching"] = weights.feature_matching * distance
        return {"loss": torch.stack(list(losses.values())).sum(), **losses}

    def discriminator_losses(self, discriminated: DiscriminatorPass) -> dict[str, Tensor]:
        """Its loss as "discriminator", the penalty, and the probabilities of "real" of targets and of fills."""
        real = discriminated.real
        fake = discriminated.fake
        loss = discriminator_loss(real, fake, discriminated.fake_share)
        penalty = {}
        if discriminated.target.requires_grad:
            penalty["r1"] = r1_penalty(real.scores, discriminated.target)
            loss = loss + self.weights.r1 * self.r1_every * penalty["r1"]
        return {
            "discriminator": loss,
            **penalty,
            "real": torch.sigmoid(real.scores.detach()).mean(),
            "fake": mean_probability(fake, discriminated.fake_share),
        }

    def _backward_of_all(self, loss: Tensor, *, inputs: list[Parameter], **options: Any) -> None:
        """`manual_backward`, and then the mean of all processes' gradients in place of this one's."""
        with cast(DDPStrategy, self.trainer.strategy).block_backward_sync():  # its mean would wait for all weights
            self.manual_backward(loss, inputs=inputs, **options)
        average([parameter.grad for parameter in inputs if parameter.grad is not None])

    def _load_perceptual(self, weights: str | None, download: bool) -> None:
        loss = perceptual_loss(weights, download)
        if loss is not None:
            self._perceptual.append(loss)
            return
        rank_zero_warn(
            f"the perceptual loss is left out: {RESNET50.path} is not there; "
            "set model.download to true, or model.perceptual_weights to a file"
        )

    def _check_losses(self) -> None:
        weights = self.weights
        if weights.latent_perceptual:
            check_decoder_maps(self.pipeline.autoencoder)
        plain = weights.known or weights.missing or weights.compares_latents
        if not (plain or self._perceptual or self.uses_discriminator):
            raise InputError("no loss is left to train with: set one of model.weights above 0")


def _clear_gradients(parameters: Iterable[Parameter]) -> None:
    for parameter in parameters:
        parameter.grad = None
