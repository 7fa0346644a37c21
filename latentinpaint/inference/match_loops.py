# ruff: noqa: ANN001, ANN201, ANN202
"""Compiled loops of the search for sources, see `patch_match`.

What they share: `painted` and `known` are the window and the level with a border of a patch's radius, four channels a
pixel in one line; `wanted` (a, b, 4) and `features` (h, w, 4) are the blurred colours and the contrast of targets and
sources; `guidance` (a, b) is the square of its weight; `targets` (a, b) and `sources` (h, w) are 1 at their centres;
`rows`, `columns` and `distances` (a, b) are the field. Rows `first` to `last` of the window are worked on.
"""

import numpy as np

from latentinpaint.inference.compilation import compiled, inlined

SEARCH_RADIUS = 64  # of the random search, pixels; halved down to 1
TRIALS = 4 + 7  # of a target in a sweep: its neighbours' and those at random
FAR = np.float32(3e38)


@inlined
def read_target(painted, row, column, side, target, weights):
    """Copy a target's pixels (side, 4 side), and their weights for each channel; that of the fourth is 1."""
    for down in range(side):
        line = painted[row + down, 4 * column : 4 * (column + side)]
        for pixel in range(side):
            weight = line[4 * pixel + 3]
            for channel in range(3):
                target[down, 4 * pixel + channel] = line[4 * pixel + channel]
                weights[down, 4 * pixel + channel] = weight
            target[down, 4 * pixel + 3] = 0
            weights[down, 4 * pixel + 3] = weight


@inlined
def _sum_of_line(target, weights, line, length):
    total = np.float32(0)
    for place in range(length):
        difference = target[place] - line[place]
        total += weights[place] * difference * difference
    return total


@inlined
def pixel_distance(target, weights, known, row, column, side, enough):
    """The weighted squared difference of a target's pixels and those of a source, as far as it is below `enough`."""
    total = np.float32(0)
    for down in range(side):
        line = known[row + down, 4 * column : 4 * (column + side)]
        if side == 5:  # lengths that are known beforehand are compiled to straight code
            total += _sum_of_line(target[down], weights[down], line, 20)
        elif side == 7:
            total += _sum_of_line(target[down], weights[down], line, 28)
        else:
            total += _sum_of_line(target[down], weights[down], line, 4 * side)
        if total >= enough:
            break
    return total


@inlined
def feature_distance(wanted, features, row, column, source_row, source_column, guidance):
    """What blurred colours and contrast add to the distance of a target and a source."""
    red = wanted[row, column, 0] - features[source_row, source_column, 0]
    green = wanted[row, column, 1] - features[source_row, source_column, 1]
    blue = wanted[row, column, 2] - features[source_row, source_column, 2]
    contrast = wanted[row, column, 3] - features[source_row, source_column, 3]
    return guidance * (red * red + green * green + blue * blue) + contrast * contrast


_SHARED = "float32[:, ::1], float32[:, ::1], float32[:, :, ::1], float32[:, :, ::1], float32[:, ::1], uint8[:, ::1]"
_FIELD = "int32[:, ::1], int32[:, ::1], float32[:, ::1]"


@compiled(f"void({_SHARED}, int32[::1], int32[::1], {_FIELD}, int64, int64, int64)")
def compare_all(
    painted, known, wanted, features, guidance, targets, source_rows, source_columns, rows, columns, distances,
    radius, first, last,
):  # fmt: skip
    """The nearest of the sources for the targets of some rows, and of those that the field holds before."""
    side = 2 * radius + 1
    target = np.empty((side, 4 * side), np.float32)
    weights = np.empty((side, 4 * side), np.float32)
    for row in range(first, last):
        for column in range(targets.shape[1]):
            if not targets[row, column]:
                continue
            read_target(painted, row, column, side, target, weights)
            pull = guidance[row, column]
            best_row = rows[row, column]
            best_column = columns[row, column]
            best = feature_distance(wanted, features, row, column, best_row, best_column, pull)
            best += pixel_distance(target, weights, known, best_row, best_column, side, FAR)
            for number in range(len(source_rows)):
                distance = feature_distance(
                    wanted, features, row, column, source_rows[number], source_columns[number], pull
                )
                if distance >= best:
                    continue
                distance += pixel_distance(
                    target, weights, known, source_rows[number], source_columns[number], side, best - distance
                )
                if distance < best:
                    best = distance
                    best_row = source_rows[number]
                    best_column = source_columns[number]
            rows[row, column] = best_row
            columns[row, column] = best_column
            distances[row, column] = best


@inlined
def _mixed(number):
    """A random number of 64 bits for each number: the last steps of MurmurHash3, which is in the public domain."""
    number ^= number >> np.uint64(33)
    number *= np.uint64(0xFF51AFD7ED558CCD)
    number ^= number >> np.uint64(33)
    number *= np.uint64(0xC4CEB9FE1A85EC53)
    number ^= number >> np.uint64(33)
    return number


@inlined
def _beside(trial, step, row, column, first, last, targets, rows, columns, old_rows, old_columns):
    """The place beside the source of a target's neighbour; -1 where there is none. The first two lie before it."""
    down = np.int64(0)
    right = np.int64(0)
    if trial % 2 == 0:
        right = step
    else:
        down = step
    if trial < 2:
        down = -down
        right = -right
    near_row = row + down
    near_column = column + right
    if near_row < 0 or near_row >= targets.shape[0] or near_column < 0 or near_column >= targets.shape[1]:
        return np.int64(-1), np.int64(-1)
    if not targets[near_row, near_column]:
        return np.int64(-1), np.int64(-1)
    if first <= near_row < last:
        return rows[near_row, near_column] - down, columns[near_row, near_column] - right
    return old_rows[near_row, near_column] - down, old_columns[near_row, near_column] - right


@inlined
def _around(trial, seed, place, row, column):
    """A random place around one, the nearer the later the trial."""
    radius = SEARCH_RADIUS >> (trial - 4)
    drawn = _mixed(
        np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15)
        + np.uint64(place) * np.uint64(0xD1B54A32D192ED03)
        + np.uint64(trial)
    )
    span = np.uint64(2 * radius + 1)
    down = np.int64(drawn % span) - radius
    right = np.int64((drawn >> np.uint64(32)) % span) - radius
    return row + down, column + right


@compiled(
    f"void({_SHARED}, uint8[:, ::1], int32[:, ::1], int32[:, ::1], {_FIELD},"
    " int64, int64, int64, int64, int64, int64, int64)"
)
def sweep(
    painted, known, wanted, features, guidance, targets, sources, old_rows, old_columns, rows, columns, distances,
    radius, seed, step, band_first, band_last, first, last,
):  # fmt: skip
    """Neighbours' and random trials for the targets of some rows of a band, forward (step 1) or backward (-1).

    `old_rows` and `old_columns` are the matches before the sweep: those of other bands are taken from there.
    """
    side = 2 * radius + 1
    target = np.empty((side, 4 * side), np.float32)
    weights = np.empty((side, 4 * side), np.float32)
    height, width = sources.shape
    size = targets.shape[1]
    first_row = first
    first_column = 0
    if step < 0:
        first_row = last - 1
        first_column = size - 1
    for row_number in range(last - first):
        row = first_row + step * row_number
        for column_number in range(size):
            column = first_column + step * column_number
            if not targets[row, column]:
                continue
            read_target(painted, row, column, side, target, weights)
            pull = guidance[row, column]
            best_row = np.int64(rows[row, column])
            best_column = np.int64(columns[row, column])
            best = feature_distance(wanted, features, row, column, best_row, best_column, pull)
            best += pixel_distance(target, weights, known, best_row, best_column, side, FAR)
            for trial in range(TRIALS):
                if trial < 4:
                    try_row, try_column = _beside(
                        trial, step, row, column, band_first, band_last, targets, rows, columns, old_rows, old_columns
                    )
                else:
                    try_row, try_column = _around(trial, seed, row * size + column, best_row, best_column)
                if try_row < 0 or try_row >= height or try_column < 0 or try_column >= width:
                    continue
                if not sources[try_row, try_column] or (try_row == best_row and try_column == best_column):
                    continue
                distance = feature_distance(wanted, features, row, column, try_row, try_column, pull)
                if distance >= best:
                    continue
                distance += pixel_distance(target, weights, known, try_row, try_column, side, best - distance)
                if distance < best:
                    best = distance
                    best_row = try_row
                    best_column = try_column
            rows[row, column] = best_row
            columns[row, column] = best_column
            distances[row, column] = best


@inlined
def _nearest_source(sources, row, column):
    """Position (row * width + column) of a source on the smallest square around a place that has one."""
    height, width = sources.shape
    for reach in range(max(height, width)):
        for down in range(-reach, reach + 1):
            step = max(1, 2 * reach)
            if abs(down) == reach:
                step = 1
            for right in range(-reach, reach + 1, step):
                there = row + down
                across = column + right
                if 0 <= there < height and 0 <= across < width and sources[there, across]:
                    return there * width + across
    return np.int64(0)


@compiled(
    "void(uint8[:, ::1], int32[:, ::1], int32[:, ::1], float32[:, ::1], uint8[:, ::1], uint8[:, ::1],"
    f" {_FIELD}, int64, int64, int64, int64, int64, int64, int64)"
)
def upscale(
    coarse_targets, coarse_rows, coarse_columns, coarse_distances, targets, sources, rows, columns, distances, ratio,
    coarse_top, coarse_left, top, left, first, last,
):  # fmt: skip
    """Fill some rows of a field with the matches of the coarser one, and with the nearest sources elsewhere."""
    width = sources.shape[1]
    for row in range(first, last):
        for column in range(targets.shape[1]):
            if not targets[row, column]:
                continue
            source_row = top + row
            source_column = left + column
            coarse_row = source_row // ratio - coarse_top
            coarse_column = source_column // ratio - coarse_left
            distance = np.float32(1)
            inside = 0 <= coarse_row < coarse_targets.shape[0] and 0 <= coarse_column < coarse_targets.shape[1]
            if inside and coarse_targets[coarse_row, coarse_column]:
                source_row = coarse_rows[coarse_row, coarse_column] * ratio + source_row % ratio
                source_column = coarse_columns[coarse_row, coarse_column] * ratio + source_column % ratio
                distance = coarse_distances[coarse_row, coarse_column]
            position = _nearest_source(sources, source_row, source_column)
            rows[row, column] = position // width
            columns[row, column] = position % width
            distances[row, column] = distance
