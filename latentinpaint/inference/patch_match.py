"""Patches of a picture at one scale: which known patch is nearest to each patch of the hole.

A *target* is a patch that touches the hole, a *source* one without a pixel of it. The nearest-neighbour field holds
for every target the source that is nearest in feature space. Where there are few pairs, every target is compared with
all sources; else with the sources of its neighbours' matches and with random ones around its own, as in Barnes et
al., "PatchMatch", 2009, https://doi.org/10.1145/1531326.1531330. By a vote the field becomes a picture: the patches
over a pixel of the hole compete for it, and the pixel is copied from the source of the winner.

A patch is named by its centre, and a position is row * width + column.
"""

import math
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import distance_transform_edt
from torch import Tensor

MAX_PAIRS = 10**8  # of targets and sources that are compared exhaustively
MAX_SAMPLED = 6000  # sources that stand for all where a statistic is taken
COMPONENTS = 32  # principal components that a patch is compared by
SEARCH_RADII = (16, 4, 1)  # of the random search, pixels
CHUNK = 128  # targets compared at once: few enough that their distances stay in the processor's cache


@dataclass(frozen=True)
class NearestNeighbourField:
    """For each of T targets the position of its source (T,), and the squared distance of their features (T,)."""

    positions: Tensor
    distances: Tensor


class PatchLevel:
    """A picture at one scale: where patches come from, and where they go to.

    Args:
        guide: (3, H, W), the picture with its fill.
        hole: (H, W) bool.
        factor: by how much this scale is smaller; the level has h = H // factor rows and w = W // factor columns.
        radius: patches have 2 radius + 1 pixels a side.
        depth: how many times more a patch counts than one that lies 4 pixels of the full scale deeper in the hole.

    Attributes:
        guide, hole: scaled down; a pixel that any of the hole went into is hole.
        valid: (h, w) bool, the centres of patches without a pixel of the hole or beyond the picture.
        sources: (S,), the positions of these centres.
        targets: (T,), the positions of the centres of patches that touch the hole.
        depth_penalty: (T,), what a target's vote loses for its depth.
        blurred: (3, h, w), the guide's colours without detail.
        contrast: (h, w), the standard deviation within the guide's patches.
    """

    def __init__(self, guide: Tensor, hole: Tensor, factor: int, radius: int, depth: float) -> None:
        self.factor = factor
        self.radius = radius
        self.side = 2 * radius + 1
        self.height = hole.shape[0] // factor
        self.width = hole.shape[1] // factor
        self.guide = guide
        self.hole = hole
        if factor > 1:
            size = (self.height, self.width)
            self.guide = F.interpolate(guide[None], size, mode="area")[0]
            self.hole = F.adaptive_max_pool2d(hole[None].float(), size)[0] > 0
        touched = F.max_pool2d(self.hole[None].float(), self.side, 1, radius)[0] > 0
        within = torch.zeros_like(touched)
        within[radius : self.height - radius, radius : self.width - radius] = True
        self.valid = within & ~touched
        self.sources = self.valid.flatten().nonzero()[:, 0]
        self.targets = touched.flatten().nonzero()[:, 0]
        distance = torch.from_numpy(distance_transform_edt(self.hole.numpy()).astype(np.float32))
        self.depth_penalty = distance.flatten()[self.targets] * (factor / 4 * math.log(depth))
        self.blurred = blur(self.guide, max(1, 4 // factor))
        self.contrast = local_contrast(self.guide, radius)

    def sampled_sources(self) -> Tensor:
        """About `MAX_SAMPLED` of the sources, evenly spread."""
        return self.sources[:: max(1, len(self.sources) // MAX_SAMPLED)]

    def upscaled(self, nnf: NearestNeighbourField, coarse: "PatchLevel") -> NearestNeighbourField:
        """The field of the next coarser level at this one; all its matches count alike."""
        sources = torch.arange(coarse.height * coarse.width)
        sources[coarse.targets] = nnf.positions
        rows = self.targets // self.width
        columns = self.targets % self.width
        ratio = coarse.factor // self.factor
        coarse_rows = (rows // ratio).clamp_max(coarse.height - 1)
        coarse_columns = (columns // ratio).clamp_max(coarse.width - 1)
        matches = sources[coarse_rows * coarse.width + coarse_columns]
        rows = matches // coarse.width * ratio + rows % ratio
        columns = matches % coarse.width * ratio + columns % ratio
        rows = rows.clamp(self.radius, self.height - 1 - self.radius)
        columns = columns.clamp(self.radius, self.width - 1 - self.radius)
        return NearestNeighbourField(rows * self.width + columns, torch.ones(len(self.targets), dtype=torch.float32))

    def vote(self, nnf: NearestNeighbourField) -> Tensor:
        """The guide (3, h, w) with every pixel of the hole copied from the source of the patch that wins it.

        A patch counts more the more alike it is to its source, the less deep it lies, and the nearer its centre is.
        """
        radius = self.radius
        stride = self.width + 2 * radius  # the votes have a border: patches at the picture's edge reach beyond it
        rows = self.targets // self.width
        columns = self.targets % self.width
        median = nnf.distances.median().clamp_min(1e-9)
        cost = (nnf.distances / median + 1e-3).log() + self.depth_penalty
        lowest = torch.full(((self.height + 2 * radius) * stride,), torch.inf, dtype=torch.float32)
        winners = torch.zeros(len(lowest), dtype=torch.long)
        for down in range(-radius, radius + 1):
            for right in range(-radius, radius + 1):
                pixels = (rows + down + radius) * stride + columns + right + radius
                bid = cost + math.log1p((down * down + right * right) / radius**2)
                wins = bid < lowest[pixels]
                pixels = pixels[wins]
                lowest[pixels] = bid[wins]
                winners[pixels] = nnf.positions[wins] + down * self.width + right
        inside = slice(radius, -radius)
        winners = winners.view(-1, stride)[inside, inside][self.hole]
        filled = self.guide.clone()
        filled[:, self.hole] = self.guide.flatten(1)[:, winners]
        return filled


class PatchSearch:
    """The search for sources at one level.

    A patch's features are its principal components, the blurred colours at its centre, and its contrast. The
    components of a target are those of the picture as filled so far, its colours those of the guide.

    Args:
        level: the level.
        expected_contrast: (h, w), the contrast that a target's source should have.
        guidance: weight of the blurred colours' difference, see `PatchTexture`.
        contrast: weight of the contrast's difference.
        pool: the threads of an exhaustive search.
    """

    def __init__(
        self, level: PatchLevel, expected_contrast: Tensor, guidance: float, contrast: float, pool: Executor
    ) -> None:
        self.level = level
        self.pool = pool
        self.exhaustive = len(level.targets) * len(level.sources) <= MAX_PAIRS
        patches = extract_patches(level.guide, level.side, level.sampled_sources())
        self._mean = patches.mean(0)
        patches = patches - self._mean
        _, directions = torch.linalg.eigh(patches.T @ patches)
        self._directions = directions[:, -COMPONENTS:].T.contiguous()
        contrast_weight = level.side * math.sqrt(3) * contrast
        colours = level.blurred.flatten(1).T * (level.side * guidance)
        known_contrast = level.contrast.reshape(-1, 1) * contrast_weight
        target_contrast = expected_contrast.reshape(-1, 1) * contrast_weight
        self._features = torch.cat([self._components(level.guide), colours, known_contrast], 1)  # (h w, D)
        self._fixed = torch.cat([colours, target_contrast], 1)[level.targets]  # features that painting leaves

    def init_nnf(self) -> NearestNeighbourField:
        """The field by blurred colours and contrast alone."""
        level = self.level
        pairs = len(level.targets) * len(level.sources)
        sources = level.sources[:: max(1, -(-pairs // MAX_PAIRS))]
        known = torch.cat([extract_patches(level.blurred, level.side, sources), self._features[sources, -1:]], 1)
        wanted = torch.cat([extract_patches(level.blurred, level.side, level.targets), self._fixed[:, -1:]], 1)
        nearest, distances = nearest_rows(wanted, known, self.pool)
        return NearestNeighbourField(sources[nearest], distances)

    def improved(
        self, filled: Tensor, nnf: NearestNeighbourField, generator: torch.Generator
    ) -> NearestNeighbourField:
        """The field for the picture as filled so far (3, h, w); `nnf` is what a search of few pairs starts from."""
        wanted = torch.cat([self._components(filled)[self.level.targets], self._fixed], 1)
        if self.exhaustive:
            sources = self.level.sources
            nearest, distances = nearest_rows(wanted, self._features[sources], self.pool)
            return NearestNeighbourField(sources[nearest], distances)
        nnf = NearestNeighbourField(nnf.positions, self._distances(wanted, nnf.positions))
        nnf = self._propagated(wanted, nnf)
        return self._searched_at_random(wanted, nnf, generator)

    def _propagated(self, wanted: Tensor, nnf: NearestNeighbourField) -> NearestNeighbourField:
        """Every target tries the sources beside those of its four neighbours."""
        targets = self.level.targets
        width = self.level.width
        pixels = self.level.height * width
        for step in (1, -1, width, -width):
            neighbours = (targets + step).clamp(0, pixels - 1)
            offsets = torch.zeros(pixels, dtype=torch.long)
            offsets[targets] = nnf.positions - targets
            nnf = self._better(wanted, nnf, targets + offsets[neighbours])
        return nnf

    def _searched_at_random(
        self, wanted: Tensor, nnf: NearestNeighbourField, generator: torch.Generator
    ) -> NearestNeighbourField:
        """Every target tries sources around its own, nearer and nearer."""
        shape = nnf.positions.shape
        for radius in SEARCH_RADII:
            rows = torch.randint(-radius, radius + 1, shape, generator=generator)
            columns = torch.randint(-radius, radius + 1, shape, generator=generator)
            nnf = self._better(wanted, nnf, nnf.positions + rows * self.level.width + columns)
        return nnf

    def _better(self, wanted: Tensor, nnf: NearestNeighbourField, tried: Tensor) -> NearestNeighbourField:
        """The field with the positions `tried` (T,) where they are nearer; they may lie outside the picture."""
        tried = tried.clamp(0, self.level.height * self.level.width - 1)
        distances = self._distances(wanted, tried)
        better = distances < nnf.distances
        return NearestNeighbourField(
            torch.where(better, tried, nnf.positions), torch.where(better, distances, nnf.distances)
        )

    def _distances(self, wanted: Tensor, positions: Tensor) -> Tensor:
        distances = (wanted - self._features[positions]).square_().sum(1)
        return distances.masked_fill_(~self.level.valid.flatten()[positions], torch.inf)

    def _components(self, picture: Tensor) -> Tensor:
        """(h w, COMPONENTS): the principal components of the patches of (3, h, w)."""
        level = self.level
        kernels = self._directions.view(-1, 3, level.side, level.side)
        components = F.conv2d(_padded(picture, level.radius), kernels, -self._directions @ self._mean)
        return components[0].flatten(1).T.contiguous()


def extract_patches(picture: Tensor, side: int, positions: Tensor) -> Tensor:
    """(T, 3 side side) of (3, H, W) around the positions (T,)."""
    width = picture.shape[-1]
    patches = _padded(picture, side // 2)[0].unfold(1, side, 1).unfold(2, side, 1)  # a view (3, H, W, side, side)
    return patches[:, positions // width, positions % width].transpose(0, 1).flatten(1)


def blur(picture: Tensor, radius: int) -> Tensor:
    """(3, H, W) averaged twice over squares of 2 radius + 1 pixels a side."""
    for _ in range(2):
        picture = F.avg_pool2d(_padded(picture, radius), 2 * radius + 1, 1)[0]
    return picture


def local_contrast(picture: Tensor, radius: int) -> Tensor:
    """(H, W): the standard deviation within the patches of (3, H, W)."""
    padded = _padded(picture, radius)
    side = 2 * radius + 1
    variance = F.avg_pool2d(padded.square(), side, 1) - F.avg_pool2d(padded, side, 1).square()
    return variance[0].mean(0).clamp_min(1e-5).sqrt()


def nearest_rows(wanted: Tensor, known: Tensor, pool: Executor) -> tuple[Tensor, Tensor]:
    """For every row of (T, D) the number of the nearest row of (S, D), and the squared distance: two tensors (T,)."""
    weights = torch.cat([-2 * known, known.square().sum(1, keepdim=True)], 1).T.contiguous()
    extended = torch.cat([wanted, wanted.new_ones(len(wanted), 1)], 1)

    def search(chunk: Tensor) -> Tensor:
        return torch.from_numpy((chunk @ weights).numpy().argmin(1))  # ten times as fast as torch's

    nearest = torch.cat(list(pool.map(search, extended.split(CHUNK))))
    return nearest, (wanted - known[nearest]).square_().sum(1)


def _padded(picture: Tensor, radius: int) -> Tensor:
    return F.pad(picture[None], (radius,) * 4, mode="replicate")
