"""Texture from exemplars: a fill, painted anew with patches of the picture around it.

A network that was trained for small errors answers with an average: right in colour and layout, without texture. The
texture is in the picture: every patch of the hole takes the place of the known patch that is most like it, from
coarse to fine, where "like" has three parts:

- the patch itself, as painted so far (the known border included),
- its blurred colour against the fill's, which keeps the fill's layout (the guidance),
- its contrast against that of known places of the same blurred colour, without which an average's dull patches
  would find the dullest places of the picture.

Patches near the border of the hole, which know most, win over patches further inside. The scheme of searching and
painting in turns is that of Wexler, Shechtman, Irani, "Space-time completion of video", 2007; the search by
propagation and random trials that of Barnes et al., "PatchMatch", 2009, https://doi.org/10.1145/1531326.1531330. To
begin with a network's fill and to hold on to it is the idea of Yang et al., "High-resolution image inpainting using
multi-scale neural patch synthesis", 2017, https://arxiv.org/abs/1611.09969. The three parts' measure and the order of
painting are this package's.
"""

import math
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import distance_transform_edt
from torch import Tensor

SMALLEST = 48  # shorter side of the coarsest level, pixels
EXACT = 10**8  # pairs of patches that are compared one with all; of more, only neighbours' and random ones
LIKE = 30  # known places whose mean contrast is expected
COMPARED = 6000  # known places among which those are looked for
COMPONENTS = 32  # of patches, as numbers that are compared
TRIALS = (16, 4, 1)  # reach of the random trials, pixels


@dataclass(frozen=True)
class PatchTexture:
    """How a fill is painted anew with known patches.

    Attributes:
        radius: patches have 2 radius + 1 pixels a side.
        guidance: weight of the blurred colours' difference against that of one pixel of the patch, at all its pixels.
        contrast: the same for the contrast's difference.
        depth: how many times more a patch counts than one that lies 4 pixels deeper in the hole; 1 or more.
        rounds: turns of searching and painting at the coarsest level, at others where every patch is compared with
            all known ones, and where that would take too long.
    """

    radius: int = 2
    guidance: float = 1.0
    contrast: float = 0.5
    depth: float = 3.0
    rounds: tuple[int, int, int] = (8, 8, 4)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rounds", tuple(self.rounds))
        if self.radius < 1 or self.guidance < 0 or self.contrast < 0 or self.depth < 1:
            raise ValueError("a patch's radius starts at 1, weights at 0, the depth's factor at 1")
        if len(self.rounds) != 3 or min(self.rounds) < 1:
            raise ValueError(f"rounds are three numbers from 1 up, not {self.rounds}")

    @property
    def arguments(self) -> dict[str, Any]:
        """What builds it again, as JSON."""
        return {**asdict(self), "rounds": list(self.rounds)}

    @torch.no_grad()
    def __call__(self, image: Tensor, fill: Tensor, mask: Tensor) -> Tensor:
        """The fill with the texture of the known picture; where too little is known it comes back as it is.

        Args:
            image: (B, 3, H, W) in [0, 1]; what it holds in the hole is not looked at.
            fill: (B, 3, H, W), used in the hole alone.
            mask: (B, 1, H, W), 1 = hole.

        Returns:
            (B, 3, H, W), known pixels those of `image`; equal inputs give equal answers.
        """
        hole = mask > 0.5
        guide = torch.where(hole, fill, image)
        rows = list(zip(guide.float().cpu(), hole[:, 0].cpu(), strict=True))
        with _own_threads() as pool:
            painted = [self._paint(*row, pool) for row in rows]
        return torch.where(hole, torch.stack(painted).to(guide), image)

    def _paint(self, guide: Tensor, hole: Tensor, pool: Executor) -> Tensor:
        """One picture (3, H, W), filled, and its hole (H, W) bool."""
        levels = [_Level(guide, hole, factor, self, pool) for factor in _factors(*hole.shape)]
        levels = [level for level in levels if level.usable]
        if not hole.any() or not levels or levels[-1].factor > 1:
            return guide
        contrasts = _Contrasts(levels[0])
        for level in levels:
            level.expect(contrasts.expected(level))
        painted, found = levels[0].guide, levels[0].first_match()
        for number, level in enumerate(levels):
            if number > 0:
                found = level.scaled_up(found, levels[number - 1])
                painted = level.paint(found, torch.ones(len(found)))
            generator = torch.Generator().manual_seed(level.factor)
            for _ in range(self.rounds[2 if not level.few else min(number, 1)]):
                found, distance = level.search(painted, found, generator)
                painted = level.paint(found, distance)
        return painted


class _Level:
    """A picture at one scale: where patches come from, where they go to, and how alike they are.

    Positions are row * width + column. `targets` (T,) are the centres of patches that touch the hole, `valid` (H, W)
    says which centres have a patch without a pixel of the hole or beyond the picture.
    """

    def __init__(self, guide: Tensor, hole: Tensor, factor: int, how: PatchTexture, pool: Executor) -> None:
        self.factor, self.how, self.pool = factor, how, pool
        self.height, self.width = hole.shape[0] // factor, hole.shape[1] // factor
        size = (self.height, self.width)
        self.guide = F.interpolate(guide[None], size, mode="area")[0] if factor > 1 else guide
        self.hole = F.adaptive_max_pool2d(hole[None].float(), size)[0] > 0 if factor > 1 else hole
        self.hole = self.hole.view(size)
        reach = how.radius
        touched = F.max_pool2d(self.hole[None].float(), 2 * reach + 1, 1, reach)[0] > 0
        inner = torch.zeros(size, dtype=torch.bool)
        inner[reach : self.height - reach, reach : self.width - reach] = True
        self.valid = inner & ~touched
        self.sources, self.targets = (where.flatten().nonzero()[:, 0] for where in (self.valid, touched))
        depth = torch.from_numpy(distance_transform_edt(self.hole.numpy()).astype(np.float32))
        self.lateness = depth.flatten()[self.targets] * (factor / 4 * math.log(how.depth))
        self.blurred = _blur(self.guide, max(1, 4 // factor))
        self.contrast = _contrast(self.guide, reach)

    @property
    def usable(self) -> bool:
        return len(self.sources) >= LIKE

    @property
    def few(self) -> bool:
        """Whether all targets are compared with all sources."""
        return len(self.targets) * len(self.sources) <= EXACT

    def expect(self, contrast: Tensor) -> None:
        """Prepare the search: `contrast` (H, W) is what patches should have, used at the targets."""
        side = 2 * self.how.radius + 1
        some = self.sources[:: max(1, len(self.sources) // COMPARED)]
        patches = _patches(self.guide, side, some)
        self.mean = patches.mean(0)
        _, directions = torch.linalg.eigh((patches - self.mean).T @ (patches - self.mean))
        self.directions = directions[:, -COMPONENTS:].T.contiguous()
        weights = side * self.how.guidance, side * math.sqrt(3) * self.how.contrast
        colours = self.blurred.flatten(1).T * weights[0]
        own, wanted = (values.reshape(-1, 1) * weights[1] for values in (self.contrast, contrast))
        self.known = torch.cat([self._components(self.guide), colours, own], 1)
        self.wanted = torch.cat([colours, wanted], 1)[self.targets]

    def first_match(self) -> Tensor:
        """For every target the source (T,) that is most like it, by blurred colours and contrast alone."""
        side = 2 * self.how.radius + 1
        some = self.sources[:: max(1, -(-len(self.targets) * len(self.sources) // EXACT))]
        sources = torch.cat([_patches(self.blurred, side, some), self.known[some, -1:]], 1)
        targets = torch.cat([_patches(self.blurred, side, self.targets), self.wanted[:, -1:]], 1)
        return some[_nearest(targets, sources, self.pool)[0]]

    def search(self, painted: Tensor, found: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The sources (T,) most like the targets of `painted` (3, H, W), and their distances (T,)."""
        wanted = torch.cat([self._components(painted)[self.targets], self.wanted], 1)
        if self.few:
            nearest, distance = _nearest(wanted, self.known[self.sources], self.pool)
            return self.sources[nearest], distance
        distance = self._distance(wanted, found)
        for step in (1, -1, self.width, -self.width):
            neighbours = (self.targets + step).clamp(0, self.height * self.width - 1)
            offsets = torch.zeros(self.height * self.width, dtype=torch.long)
            offsets[self.targets] = found - self.targets
            found, distance = self._better(wanted, found, distance, self.targets + offsets[neighbours])
        for reach in TRIALS:
            rows, columns = (torch.randint(-reach, reach + 1, found.shape, generator=generator) for _ in range(2))
            found, distance = self._better(wanted, found, distance, found + rows * self.width + columns)
        return found, distance

    def paint(self, found: Tensor, distance: Tensor) -> Tensor:
        """The guide (3, H, W) with every pixel of the hole from that patch over it which counts most.

        A patch counts more the more alike it is, the less deep it lies, and the nearer its centre is.
        """
        reach = self.how.radius
        wide = self.width + 2 * reach
        score = (distance / distance.median().clamp_min(1e-9) + 1e-3).log() + self.lateness
        rows, columns = self.targets // self.width, self.targets % self.width
        best = torch.full(((self.height + 2 * reach) * wide,), torch.inf)
        taken = torch.zeros(len(best), dtype=torch.long)
        for down in range(-reach, reach + 1):
            for right in range(-reach, reach + 1):
                places = (rows + down + reach) * wide + columns + right + reach
                here = score + math.log1p((down * down + right * right) / reach**2)
                won = here < best[places]
                places = places[won]
                best[places], taken[places] = here[won], found[won] + down * self.width + right
        inside = slice(reach, -reach)
        taken = taken.view(-1, wide)[inside, inside][self.hole]
        painted = self.guide.clone()
        painted[:, self.hole] = self.guide.flatten(1)[:, taken]
        return painted

    def scaled_up(self, found: Tensor, coarse: "_Level") -> Tensor:
        """The sources (T,) of the next coarser level's targets as sources of these targets."""
        sources = torch.arange(coarse.height * coarse.width)
        sources[coarse.targets] = found
        rows, columns = self.targets // self.width, self.targets % self.width
        ratio = coarse.factor // self.factor
        above = (rows // ratio).clamp_max(coarse.height - 1) * coarse.width
        above = sources[above + (columns // ratio).clamp_max(coarse.width - 1)]
        reach = self.how.radius
        rows = (above // coarse.width * ratio + rows % ratio).clamp(reach, self.height - 1 - reach)
        columns = (above % coarse.width * ratio + columns % ratio).clamp(reach, self.width - 1 - reach)
        return rows * self.width + columns

    def _components(self, picture: Tensor) -> Tensor:
        """(H W, COMPONENTS): the patches of (3, H, W), as far as known patches differ."""
        side = 2 * self.how.radius + 1
        kernels = self.directions.view(-1, 3, side, side)
        answer = F.conv2d(_padded(picture, self.how.radius), kernels, -self.directions @ self.mean)
        return answer[0].flatten(1).T.contiguous()

    def _distance(self, wanted: Tensor, found: Tensor) -> Tensor:
        distance = (wanted - self.known[found]).square_().sum(1)
        return distance.masked_fill_(~self.valid.flatten()[found], torch.inf)

    def _better(self, wanted: Tensor, found: Tensor, distance: Tensor, tried: Tensor) -> tuple[Tensor, Tensor]:
        tried = tried.clamp(0, self.height * self.width - 1)
        other = self._distance(wanted, tried)
        better = other < distance
        return torch.where(better, tried, found), torch.where(better, other, distance)


class _Contrasts:
    """Which contrast to expect in the hole: that of known places of like blurred colours at the coarsest level."""

    def __init__(self, coarse: _Level) -> None:
        self.coarse = coarse
        blurred, side = _blur(coarse.blurred, 1), 2 * coarse.how.radius + 1
        few = coarse.sources[:: max(1, len(coarse.sources) // COMPARED)]
        known = _patches(blurred, side, few)
        like = [
            torch.cdist(_patches(blurred, side, some), known).topk(LIKE, largest=False).indices
            for some in coarse.targets.split(2048)
        ]
        self.like = few[torch.cat(like)]

    def expected(self, level: _Level) -> Tensor:
        """(H, W) at the size of `level`."""
        size = (self.coarse.height, self.coarse.width)
        mean = F.adaptive_avg_pool2d(level.contrast[None], size).flatten()
        mean[self.coarse.targets] = mean[self.like].mean(1)
        wide = F.interpolate(
            mean.view(1, 1, *size), (level.height, level.width), mode="bilinear", align_corners=False
        )
        return wide[0, 0]


@dataclass
class _Painting:
    """How many calls are painting now, and how many threads PyTorch had before the first."""

    count: int = 0
    threads: int = 1
    lock: Any = field(default_factory=Lock)


_painting = _Painting()


@contextmanager
def _own_threads() -> Iterator[Executor]:
    """As many threads as PyTorch uses, which uses one meanwhile.

    Painting is thousands of short operations, and PyTorch's threads wait for each other at each of them: on a busy
    machine for minutes.
    """
    with _painting.lock:
        if not _painting.count:  # a second caller would take the first one's single thread for what was set
            _painting.threads = torch.get_num_threads()
        _painting.count += 1
        threads = _painting.threads
    torch.set_num_threads(1)  # of this thread, and of new ones
    try:
        with ThreadPoolExecutor(threads) as pool:
            yield pool
    finally:
        torch.set_num_threads(threads)
        with _painting.lock:
            _painting.count -= 1


def _factors(height: int, width: int) -> list[int]:
    """By how much the levels are smaller than the picture, from coarse to fine."""
    factors = [1]
    while min(height, width) // (2 * factors[0]) >= SMALLEST:
        factors.insert(0, 2 * factors[0])
    return factors


def _padded(picture: Tensor, reach: int) -> Tensor:
    return F.pad(picture[None], (reach,) * 4, mode="replicate")


def _patches(picture: Tensor, side: int, at: Tensor) -> Tensor:
    """(T, 3 side side) of (3, H, W) around the positions (T,)."""
    width = picture.shape[-1]
    every = _padded(picture, side // 2)[0].unfold(1, side, 1).unfold(2, side, 1)  # a view (3, H, W, side, side)
    return every[:, at // width, at % width].transpose(0, 1).flatten(1)


def _blur(picture: Tensor, reach: int) -> Tensor:
    for _ in range(2):
        picture = F.avg_pool2d(_padded(picture, reach), 2 * reach + 1, 1)[0]
    return picture


def _contrast(picture: Tensor, reach: int) -> Tensor:
    """(H, W): the standard deviation within the patches of (3, H, W)."""
    padded, side = _padded(picture, reach), 2 * reach + 1
    variance = F.avg_pool2d(padded.square(), side, 1) - F.avg_pool2d(padded, side, 1).square()
    return variance[0].mean(0).clamp_min(1e-5).sqrt()


def _nearest(wanted: Tensor, known: Tensor, pool: Executor) -> tuple[Tensor, Tensor]:
    """For every row (T, D) the nearest of the rows (S, D), and the squared distance: two tensors (T,)."""
    weights = torch.cat([-2 * known, known.square().sum(1, keepdim=True)], 1).T.contiguous()
    rows = torch.cat([wanted, torch.ones(len(wanted), 1)], 1)
    # So few rows that their distances stay in the processor's cache; NumPy's argmin is ten times as fast as torch's.
    found = pool.map(lambda part: torch.from_numpy((part @ weights).numpy().argmin(1)), rows.split(128))
    nearest = torch.cat(list(found))
    return nearest, (wanted - known[nearest]).square_().sum(1)
