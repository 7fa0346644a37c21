"""The search for sources: which known patch is nearest to each patch of the hole.

The nearest-neighbour field holds for every target the source at the least distance. The distance of a target and a
source is the sum of

- the squared differences of their pixels, where those of the target that lie in the hole count less, as they may be
  wrong, and a pixel of the source that lies in the hole adds a penalty besides,
- the squared difference of the blurred colours at their centres, for all pixels of a patch (the guidance),
- the squared difference of the source's contrast from the expected one, likewise.

At the coarsest level every target is compared with all sources, or with as many as there is time for; then, and at
the others, with the sources of its neighbours' matches and with random ones around its own, as in Barnes et al.,
"PatchMatch", 2009, https://doi.org/10.1145/1531326.1531330. Targets are searched in bands of rows, by several
threads; a band sees of others what they held before, so that the field does not depend on the number of threads.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Executor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np

from latentinpaint.inference.contrast_prior import ContrastPrior
from latentinpaint.inference.match_loops import FAR, compare_all, sweep, upscale
from latentinpaint.inference.patch_level import PatchLevel, SearchWeights
from latentinpaint.runtime.progress import INTERVAL, report

MAX_PAIRS = 4 * 10**6  # of targets and sources that are compared at the coarsest level
BANDS = 16  # that targets are divided into
ROWS_AT_ONCE = 8  # of a band, after which a thread sees whether it is to go on
BORDER_UNKNOWN = 1.0  # the fourth channel of a source's pixel in the hole or beyond the picture


@dataclass(frozen=True)
class NearestNeighbourField:
    """For every target of a level's window (a, b) the row and the column of its source, and their distance.

    Elsewhere in the window all three are 0.
    """

    rows: np.ndarray
    columns: np.ndarray
    distances: np.ndarray


def run_bands(
    pool: Executor, work: Callable[..., Any], bands: Sequence[tuple[int, int]], backward: bool = False
) -> None:
    """Work on the rows of all bands, in the threads of the pool, and report the progress from this one.

    Errors are raised here, those of the progress's listener too; the threads then end within `ROWS_AT_ONCE` rows.

    Args:
        pool: the threads.
        work: called with a band and with the `first` to `last` of its rows that are to be worked on.
        bands: `first` to `last` row of each.
        backward: whether a band is worked on from its last rows to its first.
    """
    done = [0.0] * len(bands)
    is_cancelled = False

    def run(number: int) -> None:
        slices = _slices(*bands[number])
        if backward:
            slices.reverse()
        for count, rows in enumerate(slices, start=1):
            if is_cancelled:
                return
            work(bands[number], *rows)
            done[number] = count / len(slices)

    pending = {pool.submit(run, number) for number in range(len(bands))}
    try:
        while pending:
            finished, pending = wait(pending, timeout=INTERVAL, return_when=FIRST_EXCEPTION)
            for future in finished:
                future.result()
            report(sum(done) / len(bands))
    finally:
        is_cancelled = True


def _slices(first: int, last: int) -> list[tuple[int, int]]:
    """Rows `first` to `last` as slices of `ROWS_AT_ONCE`."""
    starts = range(first, last, ROWS_AT_ONCE)
    return [(start, min(start + ROWS_AT_ONCE, last)) for start in starts]


def row_bands(targets: np.ndarray) -> list[tuple[int, int]]:
    """Rows `first` to `last` of (a, b) bool, `BANDS` times, with about as many targets each."""
    counts = np.concatenate([[0], np.cumsum(np.count_nonzero(targets, axis=1))])
    wanted = counts[-1] * np.arange(1, BANDS) / BANDS
    edges = [0, *np.searchsorted(counts, wanted).tolist(), len(targets)]
    return [(first, last) for first, last in zip(edges[:-1], edges[1:], strict=True) if first < last]


class PatchSearch:
    """The search at one level.

    Args:
        level: the level, with targets and sources.
        prior: the contrast that a target's source should have.
        weights: of the distance's terms.
        pool: the threads.

    Attributes:
        known: (h + 2 radius, 4 (w + 2 radius)) float32, the level's colours with a border; of every pixel's four
            channels the last says that it is unknown.
        painted: the same for the window, as filled so far; the last channel is the pixel's weight.
    """

    def __init__(self, level: PatchLevel, prior: ContrastPrior, weights: SearchWeights, pool: Executor) -> None:
        self.level = level
        self.pool = pool
        radius = level.shape.radius
        assert level.window is not None
        self.known = _bordered(level.colours, level.hole, radius)
        window = level.window
        outer = (
            slice(window.top, window.bottom + 2 * radius),
            slice(4 * window.left, 4 * (window.right + 2 * radius)),
        )
        self.painted = self.known[outer].copy()
        _set_weights(self.painted, level, weights.filled)
        self.known[:, 3::4] *= np.float32(math.sqrt(weights.unknown))
        report()
        side = level.shape.side
        contrast_weight = np.float32(side * math.sqrt(3) * weights.contrast)
        self._features = np.empty((*level.hole.shape, 4), np.float32)
        self._features[..., :3] = level.blurred() * np.float32(side)
        report()
        contrast = level.contrast()
        report()
        self._features[..., 3] = contrast * contrast_weight
        self._wanted = self._features[window.index[1:]].copy()
        self._wanted[..., 3] = prior.expected(level, contrast) * contrast_weight
        self._guidance = np.full(level.targets.shape, weights.guidance**2, np.float32)
        if level.guidance_weight is not None:
            self._guidance *= level.guidance_weight**2
        self._targets = level.targets.view(np.uint8)
        self._sources = np.ascontiguousarray(level.sources).view(np.uint8)
        self.bands = row_bands(level.targets)

    def begin(self) -> NearestNeighbourField:
        """A field without matches yet: for all targets the first source, at a distance that any is below."""
        first = np.flatnonzero(self._sources)[0]
        row, column = divmod(int(first), self._sources.shape[1])
        targets = self._targets.astype(np.int32)
        return NearestNeighbourField(row * targets, column * targets, FAR * targets.astype(np.float32))

    def compare_all(self, nnf: NearestNeighbourField) -> None:
        """Put the nearest of all sources into the field; of as many as there is time for, evenly spread."""
        rows, columns = np.nonzero(self._sources)
        pairs = len(rows) * np.count_nonzero(self._targets)
        step = max(1, -(-pairs // MAX_PAIRS))
        rows = rows[::step].astype(np.int32)
        columns = columns[::step].astype(np.int32)

        def work(band: tuple[int, int], first: int, last: int) -> None:
            compare_all(
                self.painted, self.known, self._wanted, self._features, self._guidance, self._targets, rows, columns,
                nnf.rows, nnf.columns, nnf.distances, self.level.shape.radius, first, last,
            )  # fmt: skip

        run_bands(self.pool, work, self.bands)

    def sweep(self, nnf: NearestNeighbourField, number: int) -> None:
        """Improve the field in one sweep of neighbours' and random trials; `number` counts a level's from 0."""
        old_rows = nnf.rows.copy()
        old_columns = nnf.columns.copy()
        seed = 1000 * self.level.factor + number
        step = 1 - 2 * (number % 2)

        def work(band: tuple[int, int], first: int, last: int) -> None:
            sweep(
                self.painted, self.known, self._wanted, self._features, self._guidance, self._targets, self._sources,
                old_rows, old_columns, nnf.rows, nnf.columns, nnf.distances,
                self.level.shape.radius, seed, step, *band, first, last,
            )  # fmt: skip

        run_bands(self.pool, work, self.bands, backward=step < 0)

    def upscaled(self, coarse_level: PatchLevel, coarse: NearestNeighbourField) -> NearestNeighbourField:
        """The field of a coarser level at this one; a target that was none there starts from the nearest source."""
        nnf = self.begin()
        assert coarse_level.window is not None and self.level.window is not None
        ratio = coarse_level.factor // self.level.factor
        corners = (coarse_level.window.top, coarse_level.window.left, self.level.window.top, self.level.window.left)

        def work(band: tuple[int, int], first: int, last: int) -> None:
            upscale(
                coarse_level.targets.view(np.uint8), coarse.rows, coarse.columns, coarse.distances,
                self._targets, self._sources, nnf.rows, nnf.columns, nnf.distances, ratio, *corners, first, last,
            )  # fmt: skip

        run_bands(self.pool, work, self.bands)
        return nnf

    def picture(self) -> np.ndarray:
        """(h, w, 3): the level's colours, with the hole as painted."""
        level = self.level
        assert level.window is not None
        radius = level.shape.radius
        picture = level.colours.copy()
        painted = self.painted.reshape(len(self.painted), -1, 4)[radius:-radius, radius:-radius, :3]
        hole = level.hole[level.window.index[1:]]
        picture[level.window.index[1:]][hole] = painted[hole]
        return picture


def _bordered(colours: np.ndarray, hole: np.ndarray, radius: int) -> np.ndarray:
    """(h + 2 radius, 4 (w + 2 radius)): colours with repeated edges, and what is unknown in the fourth channel."""
    height, width = hole.shape
    bordered = np.full((height + 2 * radius, width + 2 * radius, 4), np.float32(BORDER_UNKNOWN))
    bordered[..., :3] = np.pad(colours, ((radius, radius), (radius, radius), (0, 0)), mode="edge")
    bordered[radius : radius + height, radius : radius + width, 3] = hole
    return bordered.reshape(len(bordered), -1)


def _set_weights(painted: np.ndarray, level: PatchLevel, filled: float) -> None:
    """The fourth channel of what is painted: 1 for a known pixel, `filled` in the hole, 0 beyond the picture."""
    radius = level.shape.radius
    assert level.window is not None
    height, width = level.hole.shape
    weights = np.zeros((height + 2 * radius, width + 2 * radius), np.float32)
    weights[radius : radius + height, radius : radius + width] = np.where(level.hole, np.float32(filled), 1)
    window = level.window
    painted[:, 3::4] = weights[window.top : window.bottom + 2 * radius, window.left : window.right + 2 * radius]
