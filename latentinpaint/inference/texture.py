"""Patch-based texture: a fill, synthesised anew from patches of the picture around it.

A network that was trained for small errors predicts an average: right in colour and layout, without texture. The
texture is in the picture: every patch of the hole takes the place of the known patch that is most like it, from
coarse to fine, where "like" has three parts:

- the patch itself, as filled so far (the known border included, which counts most),
- its blurred colour against the fill's, which keeps the fill's layout (the guidance), and counts the less the less
  sure the fill is there; where the hole is narrow, the fill is interpolated from its border, see `narrow_holes`,
- its contrast against that of known places of the same blurred colour, without which an average's dull patches
  would find the dullest places of the picture.

Patches near the border of the hole, which know most, win over patches further inside. To search and to vote in
alternation is the scheme of Wexler, Shechtman, Irani, "Space-time completion of video", 2007; how the search goes
about it is in `patch_match`, the vote in `patch_vote`. To begin with a network's fill and to hold on to it is the
idea of Yang et al., "High-resolution image inpainting using multi-scale neural patch synthesis", 2017,
https://arxiv.org/abs/1611.09969. The three parts' measure and the order of synthesis are this package's.
"""

from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentinpaint.errors import InputError, check_at_least, whole_number
from latentinpaint.hole import is_hole
from latentinpaint.inference.narrow_holes import interpolate_narrow
from latentinpaint.inference.patch_level import PatchLevel, PatchShape, ScaledPicture, SearchWeights
from latentinpaint.runtime.progress import parts, report

MIN_SIDE = 48  # shorter side of the coarsest level, pixels
MIN_SOURCES = 30  # of a level
WEIGHTS = (0.05, 4.0)  # of the guidance, between which they are kept


@dataclass(frozen=True)
class PatchTexture:
    """How a fill is synthesised anew from known patches.

    Attributes:
        radius: patches have 2 radius + 1 pixels a side.
        guidance: weight of the blurred colours' difference against that of one pixel of the patch, at all its pixels.
        contrast: the same for the contrast's difference.
        depth: how many times more a patch counts than one that lies 4 pixels deeper in the hole; 1 or more.
        rounds: iterations of search and vote at the coarsest level, at those between, and at full scale.
        known_radius: a patch can be copied if its middle 2 known_radius + 1 pixels a side are known; 0 to `radius`.
        filled: weight of the difference of a filled pixel against that of a known one at full scale, 0 to 1; at
            coarser scales, where the layout is made, both count alike.
        unknown: squared difference that is added for every pixel in the hole of a patch to be copied.
        certainty: how much the guidance depends on the fill's expected error e: it is multiplied by the power
            `certainty` of the median of e in the hole divided by e. 0 makes it even.

    Raises:
        InputError: if a value is out of range.
    """

    radius: int = 3
    guidance: float = 0.8
    contrast: float = 0.3
    depth: float = 6.0
    rounds: tuple[int, int, int] = (16, 8, 4)
    known_radius: int = 1
    filled: float = 0.3
    unknown: float = 0.002
    certainty: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "rounds", tuple(self.rounds))
        whole_number("a patch's radius", self.radius, 1)
        check_at_least("the weight of the guidance", self.guidance, 0)
        check_at_least("the weight of the contrast", self.contrast, 0)
        check_at_least("the depth's factor", self.depth, 1)
        check_at_least("the weight of filled pixels", self.filled, 0)
        check_at_least("the difference of unknown pixels", self.unknown, 0)
        check_at_least("the exponent of the certainty", self.certainty, 0)
        whole_number("the radius that is known of a patch", self.known_radius, 0)
        if self.known_radius > self.radius:
            raise InputError(f"known_radius ({self.known_radius}) is larger than radius ({self.radius})")
        if len(self.rounds) != 3 or min(self.rounds) < 1:
            raise InputError(f"rounds are three numbers from 1 up, not {self.rounds}")

    @property
    def arguments(self) -> dict[str, Any]:
        """What builds it again, as JSON; model files hold it, so these names stay."""
        return {**asdict(self), "rounds": list(self.rounds)}

    @torch.no_grad()
    def __call__(self, image: Tensor, fill: Tensor, mask: Tensor, error: Tensor | None = None) -> Tensor:
        """The fill with the texture of the known picture; where too little is known it comes back as it is.

        Args:
            image: (B, 3, H, W) in [0, 1]; what it holds in the hole is not looked at.
            fill: (B, 3, H, W), used in the hole alone.
            mask: (B, 1, H, W), 1 = hole.
            error: (B, 1, H, W), above 0, how wrong the fill is expected to be at each pixel, in any unit. None is the
                same everywhere.

        Returns:
            (B, 3, H, W), known pixels those of `image`; equal inputs give equal outputs.
        """
        report()
        hole = is_hole(mask)
        guide = torch.where(hole, fill, image)
        filled = []
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            for item, part in enumerate(parts([1] * len(guide))):
                one_weight = None
                if error is not None:
                    one_weight = _array(self._weight(error[item, 0], hole[item, 0]))
                one_guide = _array(guide[item].permute(1, 2, 0))
                one_hole = hole[item, 0].cpu().numpy()
                with part:
                    filled.append(torch.from_numpy(self._synthesise(one_guide, one_hole, one_weight, pool)))
        return torch.where(hole, torch.stack(filled).permute(0, 3, 1, 2).to(guide), image)

    def _weight(self, error: Tensor, hole: Tensor) -> Tensor:
        """What the guidance is multiplied by, (H, W), for expected errors (H, W)."""
        inside = error[hole]
        if not inside.numel():
            return torch.ones_like(error)
        return (inside.median() / error).pow(self.certainty).clamp(*WEIGHTS)

    def _synthesise(
        self, guide: np.ndarray, hole: np.ndarray, weight: np.ndarray | None, pool: Executor
    ) -> np.ndarray:
        """The guide (H, W, 3) with its hole (H, W) bool synthesised anew."""
        if not hole.any():
            return guide
        levels = self._levels(interpolate_narrow(guide, hole), hole, weight)
        if not levels or levels[-1].factor > 1:
            return guide
        # Compiled loops take a while to load: only now, when they are needed.
        from latentinpaint.inference.synthesis import synthesise

        weights = SearchWeights(self.guidance, self.contrast, self.filled, self.unknown)
        return synthesise(levels, weights, self.rounds, pool)

    def _levels(self, guide: np.ndarray, hole: np.ndarray, weight: np.ndarray | None) -> list[PatchLevel]:
        """The picture's levels from coarse to fine, but those where too little is known or nothing is not."""
        shape = PatchShape(self.radius, self.known_radius, self.depth)
        levels: list[PatchLevel] = []
        scaled = ScaledPicture.full(guide, hole, weight)
        while True:
            report()
            level = PatchLevel(scaled, shape)
            if level.window is not None and np.count_nonzero(level.sources) >= MIN_SOURCES:
                levels.insert(0, level)
            if min(scaled.share.shape) // 2 < MIN_SIDE:
                return levels
            scaled = scaled.halved()


def _array(x: Tensor) -> np.ndarray:
    return np.ascontiguousarray(x.float().cpu().numpy())
