r"""One model, any mask, any order: a flow whose every entry has its own clock.

The network learns :math:`\eta(\alpha, x) = \mathbb E[x_0 - x_1 \mid I_\alpha = x]` of the Hadamard interpolant
:math:`I_\alpha = \alpha \odot x_0 + (1 - \alpha) \odot x_1` (9)–(11) for alphas of a measure; whatever is asked of it
afterwards is a path of alphas: all fall together (generation), only the hole's fall (any mask), block falls after
block (sequential), or they begin at a level of noise (denoising).

Source and numbering: Negrel, Coeurdoux, Albergo, Vanden-Eijnden, arXiv 2508.04605.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from latentinpaint.data.masks import mask_preset
from latentinpaint.errors import InputError
from latentinpaint.flows.base import Flow, Progress, Sampling, draw_holes
from latentinpaint.flows.scheduled import noise_rows
from latentinpaint.interpolants import Drifts, Endpoints, HadamardPath, Process, Solution, integrate_path, observation
from latentinpaint.interpolants.objectives import squared_error
from latentinpaint.interpolants.operators import Hadamard
from latentinpaint.interpolants.paths import ORDERS, denoise, inpaint, sequential
from latentinpaint.interpolants.training_distributions import (
    Blocks,
    BlockSequential,
    Diagonal,
    Entrywise,
    MaskShaped,
    Mixture,
)
from latentinpaint.models.velocity import AlphaUNet
from latentinpaint.randomness import Generators, draw_normal, split

MEASURES = ("diagonal", "entrywise", "blocks", "turns", "holes")


class HadamardFlow(Flow):
    """A model of eta for every alpha.

    Args:
        shape: (C, H, W); the channels of a pixel share its clock.
        width, multipliers, blocks, attention, dropout: the network, see `AlphaUNet`.
        measure: weight of each training measure: diagonal, entrywise, blocks, turns, holes; see
            `interpolants.training_distributions`.
        block_side: side of the blocks, pixels.
        masks: preset of the holes, see `data.masks.mask_preset`.
        known_noise: probability of noise on what is known around a hole.
        steps, epsilon: see `Sampling`; Euler's steps, for clocks may start and stop on the way.
    """

    abilities = ("generate", "inpaint", "sequential", "denoise", "posterior")

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
        measure = {"diagonal": 1.0, "entrywise": 0.25, "blocks": 0.75, "holes": 2.0} if measure is None else measure
        self.arguments["measure"] = dict(measure)
        if unknown := set(measure) - set(MEASURES):
            raise InputError(f"there is no measure '{unknown.pop()}': choose among {', '.join(MEASURES)}")
        self.shape, self.sampling = tuple(shape), Sampling("euler", steps, epsilon=epsilon)
        self.block_side = block_side
        self.masks = mask_preset(masks, min(shape[1:]))
        kinds = {
            "diagonal": Diagonal(),
            "entrywise": Entrywise(),
            "blocks": Blocks(block_side),
            "turns": BlockSequential(block_side),
            "holes": MaskShaped(self.masks, known_noise),
        }
        chosen = {name: weight for name, weight in measure.items() if weight != 0}
        self.measure = Mixture([kinds[name] for name in chosen], list(chosen.values()))
        self.network = AlphaUNet(shape[0], width, multipliers, blocks, attention, dropout)

    def difference(self, x: Tensor, alpha: Tensor) -> Tensor:
        """eta (B, C, H, W) at x (B, C, H, W) for alpha (B or 1, 1, H, W)."""
        return self.network(x, alpha).to(x)

    def drifts(self, process: Process, x: Tensor) -> Endpoints:
        """Both expected ends, for a process of entrywise operators with beta = 1 - alpha (50, 51)."""
        return process.endpoints_from_difference(x, self.difference(x, process.alpha.values[:, :1]))

    def loss(self, source: Tensor, target: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        alpha = self.measure.draw(target.shape, generator).to(target)
        process = Process(Hadamard(alpha), Hadamard(1 - alpha))
        answer = self.difference(process.point(source, target), alpha)
        # Where alpha is 0 the source has left no trace to learn from, and no path moves.
        return {"loss": squared_error(answer, source - target, (alpha > 0).to(target))}

    def follow(
        self,
        path: HadamardPath,
        start: Tensor,
        generator: Generators = None,
        sampling: Sampling | None = None,
        progress: Progress | None = None,
    ) -> Solution:
        """Follow any path of clocks from a state (B, C, H, W); entries that begin as data stay as they are."""
        return self._walk(path, self.drifts, start, generator, sampling, progress, (path.level > 0).to(start))

    @torch.no_grad()
    def generate(
        self,
        count: int,
        generator: Generators = None,
        sampling: Sampling | None = None,
        progress: Progress | None = None,
    ) -> Solution:
        """`count` new pictures."""
        generators = split(generator, count)
        noise = noise_rows(self, count, generators)
        return self.follow(inpaint(torch.ones_like(noise[:, :1])), noise, generators, sampling, progress)

    @torch.no_grad()
    def inpaint(
        self,
        picture: Tensor,
        hole: Tensor,
        generator: Generators = None,
        sampling: Sampling | None = None,
        progress: Progress | None = None,
    ) -> Solution:
        """Fill holes (B, 1, H, W) of pictures (B, C, H, W), given what is known."""
        return self._fill(inpaint(hole.to(picture)), picture, generator, sampling, progress)

    @torch.no_grad()
    def sequential(
        self,
        picture: Tensor,
        hole: Tensor,
        generator: Generators = None,
        sampling: Sampling | None = None,
        progress: Progress | None = None,
        order: str = "raster",
        turn: Tensor | None = None,
    ) -> Solution:
        """Fill holes block after block, each given the blocks before; a hole everywhere is generation by blocks.

        Args:
            picture, hole, generator, sampling, progress: see `inpaint`; the steps are those of one block.
            order: a key of `paths.ORDERS`, of blocks of `block_side`.
            turn: whole numbers (H, W) or (1, 1, H, W), the caller's own order; None is that of `order`.
        """
        if turn is None:
            if order not in ORDERS:
                raise InputError(f"there is no order '{order}': choose one of {', '.join(ORDERS)}")
            turn = ORDERS[order](*self.shape[1:], self.block_side)
        turn = turn.reshape(1, 1, *self.shape[1:]).to(picture.device)
        sampling = sampling or self.sampling
        turns = int(turn.max()) + 1
        whole = replace(sampling, steps=sampling.steps * turns)
        return self._fill(sequential(hole.to(picture), turn), picture, generator, whole, progress)

    @torch.no_grad()
    def denoise(
        self,
        observed: Tensor,
        deviation: float,
        generator: Generators = None,
        sampling: Sampling | None = None,
        progress: Progress | None = None,
    ) -> Solution:
        """The plain denoise start: begin where an observation y = x + deviation n stands on the path.

        Its answers are distributed as the data on average over observations; for those given y take `posterior`.
        """
        level = deviation / (1 + deviation)
        path = denoise(torch.full_like(observed[:, :1], level))
        return self.follow(path, observed / (1 + deviation), generator, sampling, progress)

    @torch.no_grad()
    def posterior(
        self,
        observed: Tensor,
        hole: Tensor,
        deviation: float,
        generator: Generators = None,
        sampling: Sampling | None = None,
        progress: Progress | None = None,
    ) -> Solution:
        """The exact posterior of pictures that were observed as y = x + deviation n outside the hole (20, 21).

        All entries begin as noise, and the model is asked where the reward of the observation puts it.
        """
        generators = split(generator, len(observed))
        known = 1 - hole.to(observed)
        reward = observation(observed, known, deviation)
        path, start = inpaint(torch.ones_like(observed[:, :1])), draw_normal(observed, generators)
        return self._walk(path, reward.drifts(self.drifts), start, generators, sampling, progress)

    def show(self, source: Tensor, target: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        hole = draw_holes(self.masks, target, generator)
        quick = Sampling("euler", min(20, self.sampling.steps))
        return {
            "generated": self.generate(len(target), generator, quick).x,
            "hole": torch.where(hole > 0, 0.0, target),
            "fill": self.inpaint(target, hole, generator, quick).x,
            "truth": target,
        }

    def _walk(
        self,
        path: HadamardPath,
        drifts: Drifts,
        start: Tensor,
        generator: Generators,
        sampling: Sampling | None,
        progress: Progress | None,
        moving: Tensor | None = None,
    ) -> Solution:
        sampling = sampling or self.sampling
        if sampling.solver != "euler":
            raise InputError("a Hadamard flow is followed with Euler's steps: leave the solver out")
        return integrate_path(
            path,
            drifts,
            start,
            sampling.steps,
            epsilon=sampling.epsilon,
            active_mask=moving,
            generator=generator,
            progress=progress,
        )

    def _fill(
        self,
        path: HadamardPath,
        picture: Tensor,
        generator: Generators,
        sampling: Sampling | None,
        progress: Progress | None,
    ) -> Solution:
        generators = split(generator, len(picture))
        start = path.start(picture, draw_normal(picture, generators))
        return self.follow(path, start, generators, sampling, progress)
