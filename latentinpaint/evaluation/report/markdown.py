"""Tables of a comparison as Markdown, for a README or a page of results."""

import math
from collections.abc import Mapping, Sequence

from latentinpaint.evaluation.report.page_words import METRIC_CONVENTIONS
from latentinpaint.evaluation.statistics import Mean, median
from latentinpaint.evaluation.summary import Summary
from latentinpaint.evaluation.table_rows import TableRow, cap_notes
from latentinpaint.metrics.pixels import Metric


def table(lines: Sequence[Sequence[str]]) -> str:
    """A table of cells, the first line its head."""
    written = []
    for cells in lines:
        written.append("| " + " | ".join(cells) + " |")
    written.insert(1, "|" + "---|" * len(lines[0]))
    return "\n".join(written) + "\n"


def with_interval(mean: Mean, digits: int, sign: str = "") -> str:
    """The mean, its interval in brackets, and how many values of it are capped; `sign` "+" writes both signs."""
    if not math.isfinite(mean.value):
        return "–"
    text = f"{mean.value:{sign}.{digits}f}"
    if math.isfinite(mean.low):
        text += f" [{mean.low:{sign}.{digits}f}, {mean.high:{sign}.{digits}f}]"
    return text + capped_count(mean)


def capped_count(mean: Mean) -> str:
    """What stands behind a mean of which some values are capped."""
    if not mean.capped:
        return ""
    return f" ({mean.capped} capped)"


def item_count(rows: Sequence[TableRow], key: str) -> str:
    """What stands in a column's heading if not all items have a value of a metric; the rows have the same."""
    mean = rows[0].means[key]
    if not mean.left_out:
        return ""
    return f" ({mean.count} of {mean.count + mean.left_out})"


def plain(value: float, digits: int, sign: str = "") -> str:
    """A number, or a dash where there is none; `sign` "+" writes both signs."""
    if not math.isfinite(value):
        return "–"
    return f"{value:{sign}.{digits}f}"


def decimals(metric: Metric) -> int:
    """How many decimals a metric's figures have."""
    if metric.unit == "dB":
        return 2
    return 4


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
    """Means in the hole, distances and seconds of every row; then the differences to the reference, hole by hole.

    Where a method has several samples, a table of how they differ comes last.
    """
    shown = [metric for metric in metrics if metric.local]
    rows = list(summary.rows.values())
    titles = []
    for metric in shown:
        count = item_count(rows, f"{metric.name}_hole")
        titles.append(f"{metric.label} hole {arrow(metric.higher_is_better)}{count}")
    head = ["method", *titles]
    for name in rows[0].distances.frechet:
        head.append(f"{name} ↓")
    means = [[*head, "seconds"]]
    for row in rows:
        cells = _cells(shown, row.means)
        for distance in row.distances.frechet.values():
            cells.append(plain(distance, 1))
        means.append([row.label, *cells, plain(median(row.seconds), 3)])
    text = table(means)
    for note in (*cap_notes(rows, metrics), *METRIC_CONVENTIONS):
        text += f"\n{note}\n"
    if summary.differences:
        text += "\n" + _differences(summary, titles, shown)
    if summary.calibration:
        text += "\n" + _calibration(summary)
    return text


def _differences(summary: Summary, titles: Sequence[str], shown: Sequence[Metric]) -> str:
    """Each row's differences to the reference."""
    differences = [[f"less {summary.rows[summary.reference].label}", *titles]]
    for name, found in summary.differences.items():
        of_row = {key: difference.mean for key, difference in found.items()}
        differences.append([summary.rows[name].label, *_cells(shown, of_row, "+")])
    return table(differences)


def _calibration(summary: Summary) -> str:
    """How the samples of a hole differ, and whether that is how wrong they are."""
    lines = [["samples", "diversity (LPIPS)", "spread / error", "covered", "covered if calibrated"]]
    for method, found in summary.calibration.items():
        label = f"{summary.rows[method].label}, {found['samples']} samples"
        diversity, low, high = found["diversity"]
        cells = [with_interval(Mean(diversity, low, high, found["diversity_of"], 0), 4)]
        cells.append(plain(found["spread_to_error"], 2))
        cells.append(plain(found["covered"], 2))
        cells.append(plain(found["covered_if_calibrated"], 2))
        lines.append([label, *cells])
    return table(lines)


def _cells(metrics: Sequence[Metric], means: Mapping[str, Mean], sign: str = "") -> list[str]:
    """The means of metrics in the hole."""
    cells = []
    for metric in metrics:
        cells.append(with_interval(means[f"{metric.name}_hole"], decimals(metric), sign))
    return cells
