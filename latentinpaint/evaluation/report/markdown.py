"""Tables of a comparison as Markdown, for a README or a page of results."""

import math
from collections.abc import Mapping, Sequence

from latentinpaint.evaluation.statistics import Mean, median
from latentinpaint.evaluation.summary import Summary
from latentinpaint.metrics.pixels import Metric

DIGITS = {"psnr": 2}  # of a metric's figures; all others have four


def table(lines: Sequence[Sequence[str]]) -> str:
    """A table of cells, the first line its head."""
    written = []
    for cells in lines:
        written.append("| " + " | ".join(cells) + " |")
    written.insert(1, "|" + "---|" * len(lines[0]))
    return "\n".join(written) + "\n"


def with_interval(mean: Mean, digits: int, sign: str = "") -> str:
    """The mean and its interval in brackets; `sign` "+" writes both signs."""
    if not math.isfinite(mean.value):
        return "–"
    if not math.isfinite(mean.low):
        return f"{mean.value:{sign}.{digits}f}"
    return f"{mean.value:{sign}.{digits}f} [{mean.low:{sign}.{digits}f}, {mean.high:{sign}.{digits}f}]"


def plain(value: float, digits: int) -> str:
    """A number, or a dash where there is none."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.{digits}f}"


def compact(value: float | None, sign: str = "") -> str:
    """A number of any size with as many digits as are of use; `sign` "+" writes both signs."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞"
    digits = 4
    if abs(value) >= 1:
        digits = 2
    if abs(value) >= 1000:
        digits = 0
    return f"{value:{sign}.{digits}f}"


def arrow(higher_is_better: bool) -> str:
    """Where better is."""
    if higher_is_better:
        return "↑"
    return "↓"


def tables(summary: Summary, metrics: Sequence[Metric]) -> str:
    """Means in the hole, distances and seconds of every row; then the differences to the reference, hole by hole."""
    shown = [metric for metric in metrics if metric.local]
    titles = []
    for metric in shown:
        titles.append(f"{metric.label} hole {arrow(metric.higher_is_better)}")
    rows = list(summary.rows.values())
    head = ["method", *titles]
    for name in rows[0].distances.frechet:
        head.append(f"{name} ↓")
    means = [[*head, "seconds"]]
    for row in rows:
        cells = _cells(shown, row.means)
        for distance in row.distances.frechet.values():
            cells.append(plain(distance, 1))
        means.append([row.label, *cells, plain(median(row.seconds), 3)])
    if not summary.differences:
        return table(means)
    differences = [[f"less {summary.rows[summary.reference].label}", *titles]]
    for name, found in summary.differences.items():
        of_row = {key: difference.mean for key, difference in found.items()}
        differences.append([summary.rows[name].label, *_cells(shown, of_row, "+")])
    return table(means) + "\n" + table(differences)


def _cells(metrics: Sequence[Metric], means: Mapping[str, Mean], sign: str = "") -> list[str]:
    """The means of metrics in the hole."""
    cells = []
    for metric in metrics:
        digits = DIGITS.get(metric.name, 4)
        cells.append(with_interval(means[f"{metric.name}_hole"], digits, sign))
    return cells
