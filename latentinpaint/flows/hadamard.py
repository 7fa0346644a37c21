r"""One model, any mask, any order: a flow whose every entry has its own clock.

The network learns :math:`\eta(\alpha, x) = \mathbb E[x_0 - x_1 \mid I_\alpha = x]` of the Hadamard interpolant
:math:`I_\alpha = \alpha \odot x_0 + (1 - \alpha) \odot x_1` (9)–(11) for the alphas of a training distribution;
every task afterwards is a path of alphas: all fall together (generation), only the hole's fall (any mask), block
falls after block (sequential), or they begin at a level of noise (denoising).

Source and numbering: Negrel, Coeurdoux, Albergo, Vanden-Eijnden, arXiv 2508.04605.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from latentinpaint.data.masks import mask_preset
from latentinpaint.errors import InputError, check_above_zero, check_counts, choose
from latentinpaint.flows.alpha_measures import MeasureSettings, measure_stages, mixture
from latentinpaint.flows.base import Flow, SamplerConfig, draw_holes, sample_noise
from latentinpaint.flows.rewarded_path import RewardedPath, rewarded_path
from latentinpaint.interpolants import (
    PATH_SOLVERS,
    Drifts,
    Endpoints,
    Hadamard,
    HadamardPath,
    Process,
    Solution,
    integrate_path,
    observation,
)
from latentinpaint.interpolants.adaptive import integrate_adaptively
from latentinpaint.interpolants.objectives import WEIGHTINGS, squared_error
from latentinpaint.interpolants.paths import ORDERS, denoise, inpaint, raster, sequential
from latentinpaint.interpolants.training_distributions import TrainingDistribution
from latentinpaint.models.alpha_networks import ALPHA_NETWORKS, EstimateUNet
from latentinpaint.runtime.randomness import draw_normal, split


class HadamardFlow(Flow):
    """A model of eta for every alpha.

    Args:
        shape: (C, H, W); the channels of a pixel share its clock. A path of L points is (C, L, 1).
        width, multipliers, blocks, attention, dropout: the network, see `AlphaUNet` and `PathUNet`.
        measure: weight of each training distribution, by its name in `alpha_measures.MEASURES`; None is
            `DEFAULT_MEASURE` there. Several such are a curriculum: stages that follow one another, each for an equal
            part of the training.
        block_side: side of the blocks, pixels.
        masks: preset of the holes, see `data.masks.mask_preset`.
        known_noise: probability of noise on what is known around a hole.
        weighting: how noisy entries share the loss, a key of `objectives.WEIGHTINGS`: "exact", all of a batch alike,
            so that pictures with few of them count little; "items", every picture alike, so that the weights of the
            measure are shares of the loss.
        slices: alphas of a batch, each of which all its pictures have in turn (algorithm 1 of the paper); None draws
            one alpha for every picture.
        steps, epsilon: see `SamplerConfig`.
        solver: a key of `PATH_SOLVERS`; each has steps between which clocks may start and stop.
        scale: standard deviation of an entry of the data, about: what the network sees is divided by it.
        padding: see `TimeUNet`; "circular" for data on a periodic grid.
        estimates: variances of `EstimateUNet`, which makes the network one; empty is `network`.
        network: a key of `models.alpha_networks.ALPHA_NETWORKS`.
    """

    tasks = ("generate", "inpaint", "sequential", "adaptive", "denoise", "posterior", "reward")
    solvers = PATH_SOLVERS
    accepts_epsilon = True

    def __init__(
        self,
        shape: Sequence[int],
        width: int = 64,
        multipliers: Sequence[int] = (1, 2, 2),
        blocks: int = 1,
        attention: bool = True,
        dropout: float = 0.0,
        measure: dict[str, float] | Sequence[dict[str, float]] | None = None,
        block_side: int = 7,
        masks: str = "thick",
        known_noise: float = 0.2,
        weighting: str = "exact",
        slices: int | None = None,
        steps: int = 80,
        epsilon: float = 0.0,
        solver: str = "euler",
        scale: float = 1.0,
        padding: str = "zeros",
        estimates: Sequence[float] = (),
        network: str = "alpha_unet",
    ) -> None:
        super().__init__()
        if len(shape) != 3:
            raise InputError("a Hadamard flow takes pictures")
        check_above_zero("the scale of data", scale)
        stages = measure_stages(measure)
        self.arguments["measure"] = stages
        if len(stages) == 1:
            self.arguments["measure"] = stages[0]
        choose(WEIGHTINGS, weighting, "weighting")
        check_counts({"slices": slices})
        self.shape = tuple(shape)
        choose(self.solvers, solver, "solver of a Hadamard flow")
        self.sampler = SamplerConfig(solver, steps, epsilon=epsilon)
        self.scale = scale
        self.block_side = block_side
        self.masks = mask_preset(masks, min(shape[1:]))
        self.known_noise = known_noise
        self.weighting = weighting
        self.slices = slices
        settings = MeasureSettings(block_side, self.masks, known_noise)
        self.stages = [mixture(weights, settings) for weights in stages]
        sizes = {
            "width": width,
            "multipliers": multipliers,
            "blocks": blocks,
            "attention": attention,
            "dropout": dropout,
            "padding": padding,
        }
        build = choose(ALPHA_NETWORKS, network, "network of alphas")
        self.network: nn.Module
        if estimates:
            self.network = EstimateUNet(shape[0], estimates, **sizes)
        else:
            self.network = build(shape, **sizes)

    @property
    def training_distribution(self) -> TrainingDistribution:
        """The alphas that are learnt now, at the flow's progress."""
        return self.stages[min(int(self.progress * len(self.stages)), len(self.stages) - 1)]

    def difference(self, x: Tensor, alpha: Tensor) -> Tensor:
        """eta (B, C, H, W) at x (B, C, H, W) for alpha (B or 1, 1, H, W)."""
        return self.network(x, alpha).to(x)

    def drifts(self, process: Process, x: Tensor) -> Endpoints:
        """Both expected endpoints, for a process of entrywise operators with beta = 1 - alpha (50, 51)."""
        assert isinstance(process.alpha, Hadamard)
        return process.endpoints_from_difference(x, self.difference(x, process.alpha.values[:, :1]))

    def loss(self, source: Tensor, target: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        if self.slices is None:
            alpha = self.training_distribution.draw(target.shape, generator).to(target)
        else:
            drawn = self.training_distribution.draw((self.slices, *target.shape[1:]), generator).to(target)
            alpha = drawn.repeat_interleave(len(target), dim=0)
            source = source.repeat(self.slices, 1, 1, 1)
            target = target.repeat(self.slices, 1, 1, 1)
        process = Process(Hadamard(alpha), Hadamard(1 - alpha))
        target = target / self.scale
        prediction = self.difference(process.point(source, target), alpha)
        # Where alpha is 0 the source has left no trace to learn from, and no path moves.
        noisy = (alpha > 0).to(target)
        return {"loss": squared_error(prediction, source - target, noisy, self.weighting)}

    def follow(self, path: HadamardPath, start: Tensor, config: SamplerConfig | None = None) -> Solution:
        """Follow any path of clocks from a state (B, C, H, W); entries that begin as data stay as they are.

        The state and what it becomes are in units of `scale`.
        """
        active_mask = (path.level > 0).to(start)
        return self._integrate(path, self.drifts, start, config or self.sampler, active_mask)

    @torch.no_grad()
    def generate(self, count: int, config: SamplerConfig | None = None) -> Solution:
        """`count` new pictures."""
        config = self._with_generators(config, count)
        noise = sample_noise(self, count, config.generator)
        everywhere = torch.ones_like(noise[:, :1])
        return self._scaled(self.follow(inpaint(everywhere), noise, config))

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
    def adaptive(self, picture: Tensor, hole: Tensor, config: SamplerConfig | None = None) -> Solution:
        """Fill holes block after block, the least certain block next, see `interpolants.adaptive`.

        Args:
            picture, hole: see `inpaint`; a hole everywhere is generation.
            config: its steps are those of one block.
        """
        config = self._with_generators(config, len(picture))
        hole = hole.to(picture)
        start = inpaint(hole).start(picture / self.scale, draw_normal(picture, config.generator))
        solution = integrate_adaptively(
            self.drifts,
            start,
            hole,
            raster(self.shape[1], self.shape[2], self.block_side),
            config.steps,
            method=config.solver,
            epsilon=config.epsilon,
            generator=config.generator,
            progress=config.progress or (lambda done: None),
        )
        return replace(solution, x=torch.where(hole > 0, self.scale * solution.x, picture))

    @torch.no_grad()
    def denoise(self, observed: Tensor, noise_std: float, config: SamplerConfig | None = None) -> Solution:
        """The plain denoise start: begin where an observation y = x + noise_std n stands on the path.

        Its samples are distributed as the data on average over observations; for those given y take `posterior`.
        """
        noise_std = noise_std / self.scale
        level = noise_std / (1 + noise_std)
        path = denoise(torch.full_like(observed[:, :1], level))
        return self._scaled(self.follow(path, observed / self.scale / (1 + noise_std), config))

    @torch.no_grad()
    def posterior(
        self, observed: Tensor, hole: Tensor, noise_std: float, config: SamplerConfig | None = None
    ) -> Solution:
        """The exact posterior of pictures that were observed as y = x + noise_std n outside the hole (20, 21).

        All entries begin as noise, and the model is evaluated where the reward of the observation puts it.
        """
        config = self._with_generators(config, len(observed))
        known = 1 - hole.to(observed)
        reward = observation(observed / self.scale, known, noise_std / self.scale)
        path = inpaint(torch.ones_like(observed[:, :1]))
        start = draw_normal(observed, config.generator)
        return self._scaled(self._integrate(path, reward.drifts(self.drifts), start, config))

    @torch.no_grad()
    def reward(
        self,
        count: int,
        quadratic: Tensor | float = 0.0,
        linear: Tensor | float = 0.0,
        config: SamplerConfig | None = None,
    ) -> Solution:
        """`count` new pictures of the density times exp r, r(x) = sum of A x^2 / 2 + b x (13, 52–61).

        All entries begin a little below alpha = 1, where one step of Euler's from pure noise leads.

        Args:
            count: B.
            quadratic: A, 0 or below, a number or (B or 1, C or 1, H or 1, W or 1).
            linear: b, likewise.
            config: how it is sampled.

        Raises:
            InputError: if A is above 0 anywhere: there is no path from pure noise; or if it differs between channels.
        """
        config = self._with_generators(config, count)
        noise = sample_noise(self, count, config.generator)
        rewarded = self.rewarded_path(quadratic, linear)
        solution = self._integrate(rewarded.path, rewarded.drifts, rewarded.begin(noise), config)
        return replace(self._scaled(solution), nfe=solution.nfe + 1)

    def rewarded_path(self, quadratic: Tensor | float, linear: Tensor | float) -> RewardedPath:
        """The path and the drifts of `reward`, in units of `scale`; arguments and errors as there."""
        nothing = next(self.parameters()).new_zeros(1, *self.shape)
        return rewarded_path(self.drifts, nothing + quadratic * self.scale**2, nothing + linear * self.scale)

    def preview(self, source: Tensor, target: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        hole = draw_holes(self.masks, target, generator)
        quick = replace(self.sampler, steps=min(20, self.sampler.steps), epsilon=0.0, generator=generator)
        return {
            "generated": self.generate(len(target), quick).x,
            "hole": torch.where(hole > 0, self._blank(), target),
            "fill": self.inpaint(target, hole, quick).x,
            "truth": target,
        }

    def _scaled(self, solution: Solution) -> Solution:
        """The solution in the units of the data."""
        return replace(solution, x=self.scale * solution.x)

    def _blank(self) -> float:
        """What stands in a hole that is shown: grey in a picture, nothing on a path, where 0 would be a place."""
        if self.shape[2] == 1:
            return math.nan
        return 0.0

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
        if config.solver not in self.solvers:
            raise InputError(f"a Hadamard flow's solver is one of {', '.join(self.solvers)}, not {config.solver}")
        return integrate_path(
            path,
            drifts,
            start,
            config.steps,
            method=config.solver,
            epsilon=config.epsilon,
            active_mask=active_mask,
            generator=config.generator,
            progress=config.progress,
        )

    def _fill(self, path: HadamardPath, picture: Tensor, config: SamplerConfig) -> Solution:
        config = self._with_generators(config, len(picture))
        start = path.start(picture / self.scale, draw_normal(picture, config.generator))
        solution = self._scaled(self.follow(path, start, config))
        # What is known is given back bit for bit, which a quotient times its divisor need not be.
        return replace(solution, x=torch.where(path.level > 0, solution.x, picture))
