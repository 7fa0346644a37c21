"""Patch-based texture: a fill, synthesised anew from patches of the picture around it.

A network that was trained for small errors predicts an average: right in colour and layout, without texture. The
texture is in the picture: every patch of the hole takes the place of the known patch that is most like it, from
coarse to fine, where "like" has three parts:

- the patch itself, as filled so far (the known border included),
- its blurred colour against the fill's, which keeps the fill's layout (the guidance),
- its contrast against that of known places of the same blurred colour, without which an average's dull patches
  would find the dullest places of the picture.

Patches near the border of the hole, which know most, win over patches further inside. To search and to vote in
alternation is the scheme of Wexler, Shechtman, Irani, "Space-time completion of video", 2007; how the search goes
about it is in `patch_match`. To begin with a network's fill and to hold on to it is the idea of Yang et al.,
"High-resolution image inpainting using multi-scale neural patch synthesis", 2017, https://arxiv.org/abs/1611.09969.
The three parts' measure and the order of synthesis are this package's.
"""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from latentinpaint.errors import InputError, check_at_least, whole_number
from latentinpaint.hole import is_hole
from latentinpaint.inference.patch_match import PatchLevel, PatchSearch, blur, extract_patches

MIN_SIDE = 48  # shorter side of the coarsest level, pixels
NEIGHBOURS = 30  # known places whose mean contrast is expected
CHUNK = 2048  # targets whose neighbours are looked for at once


@dataclass(frozen=True)
class PatchTexture:
    """How a fill is synthesised anew from known patches.

    Attributes:
        radius: patches have 2 radius + 1 pixels a side.
        guidance: weight of the blurred colours' difference against that of one pixel of the patch, at all its pixels.
        contrast: the same for the contrast's difference.
        depth: how many times more a patch counts than one that lies 4 pixels deeper in the hole; 1 or more.
        rounds: iterations of search and vote at the coarsest level, at others where every patch is compared with
            all known ones, and where that would take too long.

    Raises:
        InputError: if a value is out of range.
    """

    radius: int = 2
    guidance: float = 1.0
    contrast: float = 0.5
    depth: float = 3.0
    rounds: tuple[int, int, int] = (8, 8, 4)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rounds", tuple(self.rounds))
        whole_number("a patch's radius", self.radius, 1)
        check_at_least("the weight of the guidance", self.guidance, 0)
        check_at_least("the weight of the contrast", self.contrast, 0)
        check_at_least("the depth's factor", self.depth, 1)
        if len(self.rounds) != 3 or min(self.rounds) < 1:
            raise InputError(f"rounds are three numbers from 1 up, not {self.rounds}")

    @property
    def arguments(self) -> dict[str, Any]:
        """What builds it again, as JSON; model files hold it, so these names stay."""
        return {**asdict(self), "rounds": list(self.rounds)}

    @torch.no_grad()
    def __call__(self, image: Tensor, fill: Tensor, mask: Tensor) -> Tensor:
        """The fill with the texture of the known picture; where too little is known it comes back as it is.

        Args:
            image: (B, 3, H, W) in [0, 1]; what it holds in the hole is not looked at.
            fill: (B, 3, H, W), used in the hole alone.
            mask: (B, 1, H, W), 1 = hole.

        Returns:
            (B, 3, H, W), known pixels those of `image`; equal inputs give equal outputs.
        """
        hole = is_hole(mask)
        guide = torch.where(hole, fill, image)
        filled = []
        with _single_threaded_torch() as pool:
            for one_guide, one_hole in zip(guide.float().cpu(), hole[:, 0].cpu(), strict=True):
                filled.append(self._synthesise(one_guide, one_hole, pool))
        return torch.where(hole, torch.stack(filled).to(guide), image)

    def _synthesise(self, guide: Tensor, hole: Tensor, pool: Executor) -> Tensor:
        """The guide (3, H, W) with its hole (H, W) bool synthesised anew."""
        levels = self._levels(guide, hole)
        if not hole.any() or not levels or levels[-1].factor > 1:
            return guide
        prior = _ContrastPrior(levels[0])
        filled = levels[0].guide
        for number, level in enumerate(levels):
            search = PatchSearch(level, prior.expected(level), self.guidance, self.contrast, pool)
            if number == 0:
                nnf = search.init_nnf()
            else:
                nnf = level.upscaled(nnf, levels[number - 1])
                filled = level.vote(nnf)
            generator = torch.Generator().manual_seed(level.factor)
            for _ in range(self._iterations(number, search.exhaustive)):
                nnf = search.improved(filled, nnf, generator)
                filled = level.vote(nnf)
        return filled

    def _levels(self, guide: Tensor, hole: Tensor) -> list[PatchLevel]:
        """The picture's levels from coarse to fine, but those where too little is known."""
        levels = []
        for factor in _factors(*hole.shape):
            level = PatchLevel(guide, hole, factor, self.radius, self.depth)
            if len(level.sources) >= NEIGHBOURS:
                levels.append(level)
        return levels

    def _iterations(self, number: int, exhaustive: bool) -> int:
        """At the level of this number, from coarse to fine."""
        if not exhaustive:
            return self.rounds[2]
        return self.rounds[min(number, 1)]


class _ContrastPrior:
    """Which contrast to expect in the hole: that of known places of like blurred colours at the coarsest level."""

    def __init__(self, coarse: PatchLevel) -> None:
        self.coarse = coarse
        blurred = blur(coarse.blurred, 1)
        sources = coarse.sampled_sources()
        known = extract_patches(blurred, coarse.side, sources)
        nearest = []
        for targets in coarse.targets.split(CHUNK):
            distances = torch.cdist(extract_patches(blurred, coarse.side, targets), known)
            nearest.append(distances.topk(NEIGHBOURS, largest=False).indices)
        self.neighbours = sources[torch.cat(nearest)]  # (T, NEIGHBOURS)

    def expected(self, level: PatchLevel) -> Tensor:
        """(h, w) at the size of `level`."""
        size = (self.coarse.height, self.coarse.width)
        contrast = F.adaptive_avg_pool2d(level.contrast[None], size).flatten()
        contrast[self.coarse.targets] = contrast[self.neighbours].mean(1)
        contrast = contrast.view(1, 1, *size)
        size = (level.height, level.width)
        return F.interpolate(contrast, size, mode="bilinear", align_corners=False)[0, 0]


@dataclass
class _TorchThreads:
    """How many calls hold PyTorch to a single thread now, and how many threads it had before the first."""

    calls: int = 0
    threads: int = 1
    lock: Lock = field(default_factory=Lock)


_torch_threads = _TorchThreads()


@contextmanager
def _single_threaded_torch() -> Iterator[Executor]:
    """A pool of as many threads as PyTorch uses, while PyTorch itself uses one.

    Painting is thousands of short operations, and PyTorch's threads wait for each other at each of them: on a busy
    machine for minutes.
    """
    with _torch_threads.lock:
        if not _torch_threads.calls:  # a second caller would take the first one's single thread for what was set
            _torch_threads.threads = torch.get_num_threads()
        _torch_threads.calls += 1
        threads = _torch_threads.threads
    torch.set_num_threads(1)  # of this thread, and of new ones
    try:
        with ThreadPoolExecutor(threads) as pool:
            yield pool
    finally:
        torch.set_num_threads(threads)
        with _torch_threads.lock:
            _torch_threads.calls -= 1


def _factors(height: int, width: int) -> list[int]:
    """By how much the levels are smaller than the picture, from coarse to fine."""
    factors = [1]
    while min(height, width) // (2 * factors[0]) >= MIN_SIDE:
        factors.insert(0, 2 * factors[0])
    return factors
