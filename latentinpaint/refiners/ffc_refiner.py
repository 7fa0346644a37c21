r"""The deterministic refiner: LaMa's Fourier residual blocks on the latent, trained with latent L1.

Sources: LaMa, arXiv 2109.07161 (9 or 18 blocks, ratio 0.75); the latent L1 loss and the delta variant: Babin,
"Image inpainting in latent space", 2024. It reads the conditioned latent and nothing else: where the hole is,
it learns from the mask control (or from the missing content itself).

LaMa's residual block ends in a ReLU, so a stack of blocks can raise a channel but never lower it. LaMa's own decoder
learns to compensate; a frozen one cannot, unless the latents themselves are bounded below. `width` puts the blocks
between two 1x1 convolutions, so that they work in a basis of their own and the output has both signs.

With `uncertainty` the refiner also predicts how wrong it will be: the scale b of a Laplace distribution for each
cell, whose negative log-likelihood is :math:`|e| / b + \log b` for the error e, least where b is the mean absolute
error. Error and features enter it as constants, so that the prediction itself is trained with the plain latent L1:
with the likelihood's own gradient, divided by b, cells that are hard would be given up (Seitzer et al., "On the
Pitfalls of Heteroscedastic Uncertainty Estimation with Probabilistic Neural Networks", arXiv 2203.09168).

With `iterations` K above 1 the same blocks are applied K times, each time to what the last one left, and each
predicts a correction. The loss goes over all of them, :math:`\sum_{i=1}^{K} \gamma^{K-i} L_i` with
:math:`\gamma = 0.8` (Teed and Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow", ECCV 2020, arXiv
2003.12039).
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from latentinpaint.errors import InputError, check_above_zero, whole_number
from latentinpaint.interpolants.objectives import hole_weights, weighted_mean
from latentinpaint.models.ffc import FFCResnetBlock
from latentinpaint.models.unet import start_at_zero
from latentinpaint.refiners.base import Condition, Refiner, latent_l1
from latentinpaint.refiners.continuation import prepared
from latentinpaint.runtime.randomness import Generators

NEW_BLOCK = 0.1  # scale of what a block adds at first that a trained refiner had not; at 0 its ReLU would never learn
SCALE_WEIGHT = 0.1  # of the scale's likelihood beside the latent L1, whose gradients it does not touch
PASS_WEIGHT = 0.8  # of a pass's loss, over that of the next one
LOG_SCALES = (-6.0, 1.0)  # between which a predicted scale is kept; latents have standard deviation 1


class FFCRefiner(Refiner):
    """A stack of Fourier residual blocks, one pass or several.

    Args:
        channels: channels of the latent.
        blocks: number of residual blocks.
        ratio: fraction of the channels that is global, in [0, 1].
        delta: whether the output is added to the input (the blocks then learn a correction).
        width: channels inside the blocks. None keeps the latent's, as LaMa does; a number puts a 1x1 convolution
            before and after. With `delta` the latter starts at zero, and the refiner at the identity.
        hole_weight: weight of a hole's cells over the others in the loss, above 0; 1 is the plain mean.
        uncertainty: whether the error is predicted too, see `refine_with_error`.
        continued: whether the blocks read, and with `delta` correct, the smooth continuation of the known cells
            (`continuation`) in place of what the encoder made of the blank hole.
        iterations: passes through the same blocks, from 1; several need `delta`.

    Raises:
        InputError: if a number is out of range, or several passes have no `delta`.
    """

    stochastic = False

    def __init__(
        self,
        channels: int,
        blocks: int = 9,
        ratio: float = 0.75,
        delta: bool = False,
        width: int | None = None,
        hole_weight: float = 1.0,
        uncertainty: bool = False,
        continued: bool = False,
        iterations: int = 1,
    ) -> None:
        super().__init__()
        whole_number("channels", channels, 1)
        whole_number("blocks", blocks, 0)
        if width is not None:
            whole_number("width", width, 1)
        check_above_zero("hole_weight", hole_weight)
        if whole_number("iterations", iterations, 1) > 1 and not delta:
            raise InputError("every one of several iterations is a correction: set delta to true")
        self.channels = channels
        self.iterations = iterations
        self.delta = delta
        self.hole_weight = hole_weight
        self.continued = continued
        self.enter: nn.Module = nn.Identity()
        if width is not None:
            self.enter = nn.Conv2d(channels, width, 1)
        self.blocks = nn.Sequential()
        for _ in range(blocks):
            self.blocks.append(FFCResnetBlock(width or channels, ratio))
        self.leave: nn.Module = nn.Identity()
        if width is not None:
            self.leave = nn.Conv2d(width, channels, 1)
            if delta:
                start_at_zero(self.leave)

        self.log_scale: nn.Module | None = None
        if uncertainty:
            self.log_scale = nn.Conv2d(width or channels, 1, 1)
            start_at_zero(self.log_scale)

    def adopted(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights of a refiner with fewer blocks; those that it has not begin near the identity."""
        adopted = dict(weights)
        for name, value in self.state_dict().items():
            if name.startswith("blocks.") and name not in weights:
                adopted[name] = value * NEW_BLOCK if name.endswith(".second.norm.weight") else value
        return adopted

    @property
    def core(self) -> nn.Module:
        return self.blocks

    def loss(self, z_clean: Tensor, condition: Condition, generator: Generators = None) -> dict[str, Tensor]:
        weight = hole_weights(condition.hole, self.hole_weight)
        passes = list(self._passes(condition))
        losses = []
        for number, (refined, _) in enumerate(passes, start=1):
            losses.append(PASS_WEIGHT ** (self.iterations - number) * latent_l1(refined, z_clean, weight))
        latent_loss = torch.stack(losses).sum()
        refined, features = passes[-1]
        if self.log_scale is None:
            return {"loss": latent_loss}
        scale = self._scale(self.log_scale, features)
        error = (refined - z_clean).abs().mean(dim=1, keepdim=True).detach()
        scale_loss = weighted_mean(error / scale + scale.log(), weight)
        return {"loss": latent_loss + SCALE_WEIGHT * scale_loss, "latent": latent_loss, "scale": scale_loss}

    def refine(self, condition: Condition, generator: Generators = None, steps: int | None = None) -> Tensor:
        *_, (refined, _) = self._passes(condition)
        return refined

    def refine_with_error(
        self, condition: Condition, generator: Generators = None, steps: int | None = None
    ) -> tuple[Tensor, Tensor | None]:
        *_, (refined, features) = self._passes(condition)
        if self.log_scale is None:
            return refined, None
        return refined, self._scale(self.log_scale, features)

    def _passes(self, condition: Condition) -> Iterator[tuple[Tensor, Tensor]]:
        """What every pass leaves: the latent, and the features that it was made of."""
        condition = prepared(condition, self.continued)
        for _ in range(self.iterations):
            features = self._features(condition)
            refined = self._leave(condition, features)
            yield refined, features
            condition = replace(condition, latent=refined)

    def _scale(self, log_scale: nn.Module, features: Tensor) -> Tensor:
        return log_scale(features.detach()).float().clamp(*LOG_SCALES).exp()

    def _features(self, condition: Condition) -> Tensor:
        return self.blocks(self.enter(condition.latent))

    def _leave(self, condition: Condition, features: Tensor) -> Tensor:
        refined = self.leave(features)
        if self.delta:
            return condition.latent + refined
        return refined
