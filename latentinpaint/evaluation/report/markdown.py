"""Tables of a comparison as Markdown, for a README or a page of results."""

import math
from collections.abc import Sequence

from latentinpaint.evaluation.statistics import Mean, median
from latentinpaint.evaluation.summary import Summary
from latentinpaint.metrics.pixels import Metric

DIGITS = {"psnr": 2}  # of a metric's figures; all others have four


def table(lines: Sequence[Sequence[str]]) -> str:
    """A table of cells, the first line its head."""
    head, *rest = ("| " + " | ".join(cells) + " |" for cells in lines)
    return "\n".join([head, "|" + "---|" * len(lines[0]), *rest]) + "\n"


def with_interval(mean: Mean, digits: int, sign: str = "") -> str:
    """The mean and its interval in brackets; `sign` "+" writes both signs."""
    if not math.isfinite(mean.value):
        return "–"
    if not math.isfinite(mean.low):
        return f"{mean.value:{sign}.{digits}f}"
    return f"{mean.value:{sign}.{digits}f} [{mean.low:{sign}.{digits}f}, {mean.high:{sign}.{digits}f}]"


def plain(value: float, digits: int) -> str:
    """A number, or a dash where there is none."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


def compact(value: float, signed: bool = False) -> str:
    """A number of any size with as many digits as tell something."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞"
    size = abs(value)
    digits = 0 if size >= 1000 else 2 if size >= 1 else 4
    return f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"


def arrow(higher_is_better: bool) -> str:
    """Where better is."""
    return "↑" if higher_is_better else "↓"


def tables(summary: Summary, metrics: Sequence[Metric]) -> str:
    """Means in the hole, distances and seconds of every row; then the differences to the reference, hole by hole."""
    shown = [metric for metric in metrics if metric.local]
    titles = [f"{m.label} hole {arrow(m.higher_is_better)}" for m in shown]
    rows = list(summary.rows.values())
    distances = list(rows[0].distances)
    means = [["method", *titles, *(f"{name} ↓" for name in distances), "seconds"]]
    for row in rows:
        cells = [with_interval(row.means[f"{m.name}_hole"], DIGITS.get(m.name, 4)) for m in shown]
        cells += [plain(row.distances[name], 1) for name in distances]
        means.append([row.label, *cells, plain(median(row.seconds), 3)])
    if not summary.differences:
        return table(means)
    differences = [[f"less {summary.rows[summary.reference].label}", *titles]]
    for name, found in summary.differences.items():
        cells = [with_interval(found[f"{m.name}_hole"].mean, DIGITS.get(m.name, 4), "+") for m in shown]
        differences.append([summary.rows[name].label, *cells])
    return table(means) + "\n" + table(differences)
