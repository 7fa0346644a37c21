"""The columns of the report's tables: the cells of every row, and which of them are the best."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from latentinpaint.evaluation.evaluator import BEST
from latentinpaint.evaluation.report.markdown import arrow, compact, item_count
from latentinpaint.evaluation.statistics import Mean, median
from latentinpaint.evaluation.summary import Summary
from latentinpaint.evaluation.table_rows import TableRow
from latentinpaint.metrics.pixels import Metric

UP, DOWN = arrow(True), arrow(False)


@dataclass
class TableColumn:
    """A column of a table: its heading, a cell for each row, and the values that compete for the best.

    What was chosen by looking at the truth does not compete.
    """

    title: str
    higher_is_better: bool = False
    cells: list[str] = field(default_factory=list)
    competing: dict[str, float] = field(default_factory=dict)

    def add(self, row: TableRow, cell: str, value: float = math.nan) -> None:
        """Append a row's cell; `value` competes, if it is finite."""
        self.cells.append(cell)
        if row.kind != BEST and math.isfinite(value):
            self.competing[row.name] = value

    @property
    def best(self) -> list[str]:
        """The rows with the best value: several, where it is the same."""
        if not self.competing:
            return []
        choose_best = min
        if self.higher_is_better:
            choose_best = max
        best = choose_best(self.competing.values())
        return [name for name, value in self.competing.items() if value == best]


def metric_columns(summary: Summary, metrics: Sequence[Metric], region: str) -> list[TableColumn]:
    rows = list(summary.rows.values())
    columns = []
    for metric in metrics:
        key = metric.name + region
        if key not in rows[0].scores:
            continue
        if not rows[0].means[key].count:
            continue
        title = f"{metric.label} {arrow(metric.higher_is_better)}{item_count(rows, key)}"
        of_metric = TableColumn(title, metric.higher_is_better)
        for row in rows:
            mean = row.means[key]
            below = f"<small>{interval_text(mean)}{capped_below(mean)}</small>"
            of_metric.add(row, f"{compact(mean.value)}{below}", mean.value)
        columns.append(of_metric)
    return columns


def distance_columns(summary: Summary) -> list[TableColumn]:
    columns: dict[str, TableColumn] = {}
    f1 = TableColumn(f"F1 of SSIM and FID {UP}", higher_is_better=True)
    for row in summary.rows.values():
        found = row.distances
        for name, value in found.frechet.items():
            columns.setdefault(name, TableColumn(f"{name} {DOWN}")).add(row, compact(value), value)
        for name, kernel in found.kernels.items():
            text = f"{compact(kernel.mean)}<small>± {compact(kernel.standard_deviation)}</small>"
            columns.setdefault(name, TableColumn(f"{name} {DOWN}")).add(row, text, kernel.mean)
        f1.add(row, compact(found.f1), found.f1)
    if f1.best:
        columns["F1"] = f1
    return list(columns.values())


def cost_columns(summary: Summary) -> list[TableColumn]:
    seconds = TableColumn("seconds a picture")
    megabytes = TableColumn("MB a fill")
    evaluations = TableColumn("network evaluations a picture")
    for row in summary.rows.values():
        seconds.add(row, compact(median(row.seconds)))
        megabytes.add(row, compact(median(row.megabytes)))
        evaluations.add(row, compact(median(row.evaluations)))
    return [seconds, megabytes, evaluations]


def capped_below(mean: Mean) -> str:
    """A line below a mean of which some values are capped."""
    if not mean.capped:
        return ""
    return f"<br>{mean.capped} of {mean.count} capped"


def interval_text(mean: Mean, sign: str = "") -> str:
    if not math.isfinite(mean.low):
        return "–"
    return f"{compact(mean.low, sign)} … {compact(mean.high, sign)}"
