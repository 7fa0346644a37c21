r"""One model, any mask, any order: a flow whose every entry has its own clock.

The network learns :math:`\eta(\alpha, x) = \mathbb E[x_0 - x_1 \mid I_\alpha = x]` of the Hadamard interpolant
:math:`I_\alpha = \alpha \odot x_0 + (1 - \alpha) \odot x_1` (9)–(11) for the alphas of a training distribution;
every task afterwards is a path of alphas: all fall together (generation), only the hole's fall (any mask), block
falls after block (sequential), or they begin at a level of noise (denoising).

Source and numbering: Negrel, Coeurdoux, Albergo, Vanden-Eijnden, arXiv 2508.04605.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from latentinpaint.data.masks import mask_preset
from latentinpaint.errors import InputError, choose
from latentinpaint.flows.base import Flow, SamplerConfig, draw_holes, sample_noise
from latentinpaint.interpolants import (
    Drifts,
    Endpoints,
    Hadamard,
    HadamardPath,
    Process,
    Solution,
    integrate_path,
    observation,
)
from latentinpaint.interpolants.objectives import squared_error
from latentinpaint.interpolants.paths import ORDERS, denoise, inpaint, sequential
from latentinpaint.interpolants.training_distributions import (
    Blocks,
    BlockSequential,
    Diagonal,
    Entrywise,
    MaskShaped,
    Mixture,
    TrainingDistribution,
)
from latentinpaint.models.velocity import AlphaUNet
from latentinpaint.randomness import draw_normal, split

# Weights of the training distributions where none are given.
DEFAULT_MEASURE = {"diagonal": 1.0, "entrywise": 0.25, "blocks": 0.75, "holes": 2.0}


class HadamardFlow(Flow):
    """A model of eta for every alpha.

    Args:
        shape: (C, H, W); the channels of a pixel share its clock.
        width, multipliers, blocks, attention, dropout: the network, see `AlphaUNet`.
        measure: weight of each training distribution, by its name in `MEASURES`; None is `DEFAULT_MEASURE`.
        block_side: side of the blocks, pixels.
        masks: preset of the holes, see `data.masks.mask_preset`.
        known_noise: probability of noise on what is known around a hole.
        steps, epsilon: see `SamplerConfig`; Euler's steps, for clocks may start and stop on the way.
    """

    tasks = ("generate", "inpaint", "sequential", "denoise", "posterior")
    accepts_epsilon = True

    def __init__(
        self,
        shape: Sequence[int],
        width: int = 64,
        multipliers: Sequence[int] = (1, 2, 2),
        blocks: int = 1,
        attention: bool = True,
        dropout: float = 0.0,
        measure: dict[str, float] | None = None,
        block_side: int = 7,
        masks: str = "thick",
        known_noise: float = 0.2,
        steps: int = 80,
        epsilon: float = 0.0,
    ) -> None:
        super().__init__()
        if len(shape) != 3:
            raise InputError("a Hadamard flow takes pictures")
        weights = DEFAULT_MEASURE if measure is None else measure
        self.arguments["measure"] = dict(weights)
        for name in weights:
            choose(MEASURES, name, "measure")
        self.shape = tuple(shape)
        self.sampler = SamplerConfig("euler", steps, epsilon=epsilon)
        self.block_side = block_side
        self.masks = mask_preset(masks, min(shape[1:]))
        self.known_noise = known_noise
        self.training_distribution = self._mixture(weights)
        self.network = AlphaUNet(shape[0], width, multipliers, blocks, attention, dropout)

    def _mixture(self, weights: dict[str, float]) -> Mixture:
        """The training distributions whose weight is not 0."""
        distributions = {name: build(self) for name, build in MEASURES.items()}
        chosen = [name for name, weight in weights.items() if weight != 0]
        return Mixture([distributions[name] for name in chosen], [weights[name] for name in chosen])

    def difference(self, x: Tensor, alpha: Tensor) -> Tensor:
        """eta (B, C, H, W) at x (B, C, H, W) for alpha (B or 1, 1, H, W)."""
        return self.network(x, alpha).to(x)

    def drifts(self, process: Process, x: Tensor) -> Endpoints:
        """Both expected endpoints, for a process of entrywise operators with beta = 1 - alpha (50, 51)."""
        assert isinstance(process.alpha, Hadamard)
        return process.endpoints_from_difference(x, self.difference(x, process.alpha.values[:, :1]))

    def loss(self, source: Tensor, target: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        alpha = self.training_distribution.draw(target.shape, generator).to(target)
        process = Process(Hadamard(alpha), Hadamard(1 - alpha))
        prediction = self.difference(process.point(source, target), alpha)
        # Where alpha is 0 the source has left no trace to learn from, and no path moves.
        return {"loss": squared_error(prediction, source - target, (alpha > 0).to(target))}

    def follow(self, path: HadamardPath, start: Tensor, config: SamplerConfig | None = None) -> Solution:
        """Follow any path of clocks from a state (B, C, H, W); entries that begin as data stay as they are."""
        active_mask = (path.level > 0).to(start)
        return self._integrate(path, self.drifts, start, config or self.sampler, active_mask)

    @torch.no_grad()
    def generate(self, count: int, config: SamplerConfig | None = None) -> Solution:
        """`count` new pictures."""
        config = self._with_generators(config, count)
        noise = sample_noise(self, count, config.generator)
        everywhere = torch.ones_like(noise[:, :1])
        return self.follow(inpaint(everywhere), noise, config)

    @torch.no_grad()
    def inpaint(self, picture: Tensor, hole: Tensor, config: SamplerConfig | None = None) -> Solution:
        """Fill holes (B, 1, H, W) of pictures (B, C, H, W), given what is known."""
        return self._fill(inpaint(hole.to(picture)), picture, config or self.sampler)

    @torch.no_grad()
    def sequential(
        self,
        picture: Tensor,
        hole: Tensor,
        config: SamplerConfig | None = None,
        order: str = "raster",
        block_order: Tensor | None = None,
    ) -> Solution:
        """Fill holes block after block, each given the blocks before; a hole everywhere is generation by blocks.

        Args:
            picture, hole: see `inpaint`.
            config: its steps are those of one block.
            order: a key of `paths.ORDERS`, of blocks of `block_side`.
            block_order: whole numbers (H, W) or (1, 1, H, W), the position of every pixel in the caller's own order;
                None is that of `order`.
        """
        height, width = self.shape[1:]
        if block_order is None:
            block_order = choose(ORDERS, order, "order")(height, width, self.block_side)
        block_order = block_order.reshape(1, 1, height, width).to(picture.device)
        config = config or self.sampler
        all_blocks = replace(config, steps=config.steps * (int(block_order.max()) + 1))
        return self._fill(sequential(hole.to(picture), block_order), picture, all_blocks)

    @torch.no_grad()
    def denoise(self, observed: Tensor, noise_std: float, config: SamplerConfig | None = None) -> Solution:
        """The plain denoise start: begin where an observation y = x + noise_std n stands on the path.

        Its samples are distributed as the data on average over observations; for those given y take `posterior`.
        """
        level = noise_std / (1 + noise_std)
        path = denoise(torch.full_like(observed[:, :1], level))
        return self.follow(path, observed / (1 + noise_std), config)

    @torch.no_grad()
    def posterior(
        self, observed: Tensor, hole: Tensor, noise_std: float, config: SamplerConfig | None = None
    ) -> Solution:
        """The exact posterior of pictures that were observed as y = x + noise_std n outside the hole (20, 21).

        All entries begin as noise, and the model is evaluated where the reward of the observation puts it.
        """
        config = self._with_generators(config, len(observed))
        known = 1 - hole.to(observed)
        reward = observation(observed, known, noise_std)
        path = inpaint(torch.ones_like(observed[:, :1]))
        start = draw_normal(observed, config.generator)
        return self._integrate(path, reward.drifts(self.drifts), start, config)

    def preview(self, source: Tensor, target: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        hole = draw_holes(self.masks, target, generator)
        quick = SamplerConfig("euler", min(20, self.sampler.steps), generator=generator)
        return {
            "generated": self.generate(len(target), quick).x,
            "hole": torch.where(hole > 0, 0.0, target),
            "fill": self.inpaint(target, hole, quick).x,
            "truth": target,
        }

    def _with_generators(self, config: SamplerConfig | None, count: int) -> SamplerConfig:
        """The settings with a generator for each of `count` items."""
        config = config or self.sampler
        return replace(config, generator=split(config.generator, count))

    def _integrate(
        self,
        path: HadamardPath,
        drifts: Drifts,
        start: Tensor,
        config: SamplerConfig,
        active_mask: Tensor | None = None,
    ) -> Solution:
        if config.solver != "euler":
            raise InputError("a Hadamard flow is followed with Euler's steps: leave the solver out")
        return integrate_path(
            path,
            drifts,
            start,
            config.steps,
            epsilon=config.epsilon,
            active_mask=active_mask,
            generator=config.generator,
            progress=config.progress,
        )

    def _fill(self, path: HadamardPath, picture: Tensor, config: SamplerConfig) -> Solution:
        config = self._with_generators(config, len(picture))
        start = path.start(picture, draw_normal(picture, config.generator))
        return self.follow(path, start, config)


# Name -> the training distribution of a flow's alphas.
MEASURES: dict[str, Callable[[HadamardFlow], TrainingDistribution]] = {
    "diagonal": lambda flow: Diagonal(),
    "entrywise": lambda flow: Entrywise(),
    "blocks": lambda flow: Blocks(flow.block_side),
    "turns": lambda flow: BlockSequential(flow.block_side),
    "holes": lambda flow: MaskShaped(flow.masks, flow.known_noise),
}
