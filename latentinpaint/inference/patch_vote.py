# ruff: noqa: ANN001, ANN202
"""Votes: how a nearest-neighbour field becomes a picture.

The patches over a pixel of the hole vote for it, each for the pixel of its source there, unless that lies in the hole
itself. A patch counts more the more alike it is to its source, the less deep it lies, and the nearer its centre is.
At full scale the first patch wins while texture is being synthesised. At coarser scales, where the layout is made,
and at the end the pixel becomes the mode of all votes, by the mean shift from the winner's colour (Fukunaga,
Hostetler, "The estimation of the gradient of a density function", 1975,
https://doi.org/10.1109/TIT.1975.1055330), so that neighbours with different winners leave no seam.
"""

import math

import numpy as np

from latentinpaint.inference.compilation import compiled
from latentinpaint.inference.patch_match import NearestNeighbourField, PatchSearch, run_bands

WIDTH = 0.2  # of the mode: the distance of two colours at which a vote counts 1 / sqrt(e), of 1
SHIFTS = 2  # steps of the mean shift


def vote_winners(search: PatchSearch, nnf: NearestNeighbourField) -> None:
    """Paint every pixel of the hole in the colour that the first patch has for it."""
    median = _median_distance(search, nnf)
    costs = np.log(nnf.distances / median + np.float32(1e-3)) + search.level.depth_penalty
    _vote(search, nnf, costs, 0)


def vote_modes(search: PatchSearch, nnf: NearestNeighbourField) -> None:
    """Paint every pixel of the hole in the mode of what its patches have for it."""
    median = _median_distance(search, nnf)
    costs = nnf.distances / median + search.level.depth_penalty
    _vote(search, nnf, costs, SHIFTS)


def _median_distance(search: PatchSearch, nnf: NearestNeighbourField) -> np.float32:
    return np.float32(max(float(np.median(nnf.distances[search.level.targets])), 1e-9))


def _vote(search: PatchSearch, nnf: NearestNeighbourField, costs: np.ndarray, shifts: int) -> None:
    window = search.level.window
    assert window is not None
    hole = np.ascontiguousarray(search.level.hole[window.index[1:]]).view(np.uint8)
    radius = search.level.shape.radius
    beside = np.arange(-radius, radius + 1) ** 2 / radius**2
    place_costs = np.log1p(beside[:, None] + beside).astype(np.float32)

    def work(band: tuple[int, int], first: int, last: int) -> None:
        _paint(
            search.painted, search.known, hole, search.level.targets.view(np.uint8), nnf.rows, nnf.columns, costs,
            place_costs, shifts, 0.5 / WIDTH**2, first, last,
        )  # fmt: skip

    run_bands(search.pool, work, search.bands)


@compiled(
    "void(float32[:, ::1], float32[:, ::1], uint8[:, ::1], uint8[:, ::1], int32[:, ::1], int32[:, ::1],"
    " float32[:, ::1], float32[:, ::1], int64, float32, int64, int64)"
)
def _paint(
    painted, known, hole, targets, rows, columns, costs, place_costs, shifts, sharpness, first, last,
):  # fmt: skip
    """Paint the hole's pixels of some rows; without shifts the winner's colour."""
    side = len(place_costs)
    radius = side // 2
    colours = np.empty((side * side, 3), np.float32)
    votes = np.empty(side * side, np.float32)
    for row in range(first, last):
        for column in range(hole.shape[1]):
            if not hole[row, column]:
                continue
            count = 0
            winner = 0
            for down in range(side):
                patch_row = row + radius - down
                if patch_row < 0 or patch_row >= hole.shape[0]:
                    continue
                for right in range(side):
                    patch_column = column + radius - right
                    if patch_column < 0 or patch_column >= hole.shape[1] or not targets[patch_row, patch_column]:
                        continue
                    line = known[rows[patch_row, patch_column] + down]
                    place = 4 * (columns[patch_row, patch_column] + right)
                    if line[place + 3] > 0:
                        continue
                    votes[count] = costs[patch_row, patch_column] + place_costs[down, right]
                    for channel in range(3):
                        colours[count, channel] = line[place + channel]
                    if votes[count] < votes[winner]:
                        winner = count
                    count += 1
            red = colours[winner, 0]
            green = colours[winner, 1]
            blue = colours[winner, 2]
            least = votes[winner]
            if shifts > 0:
                for number in range(count):
                    votes[number] = math.exp(least - votes[number])
            for _ in range(shifts):
                total = np.float32(0)
                sum_red = np.float32(0)
                sum_green = np.float32(0)
                sum_blue = np.float32(0)
                for number in range(count):
                    off = (colours[number, 0] - red) ** 2
                    off += (colours[number, 1] - green) ** 2 + (colours[number, 2] - blue) ** 2
                    weight = votes[number] * math.exp(-off * sharpness)
                    total += weight
                    sum_red += weight * colours[number, 0]
                    sum_green += weight * colours[number, 1]
                    sum_blue += weight * colours[number, 2]
                red = sum_red / total
                green = sum_green / total
                blue = sum_blue / total
            line = painted[row + radius]
            place = 4 * (column + radius)
            line[place] = red
            line[place + 1] = green
            line[place + 2] = blue
