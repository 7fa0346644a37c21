"""The columns of the report's tables: the figures of every row, and which of them is surely the best."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from latentinpaint.evaluation.evaluator import BEST
from latentinpaint.evaluation.report.markdown import arrow, compact, decimals, item_count, plain
from latentinpaint.evaluation.statistics import Mean, median, paired_difference
from latentinpaint.evaluation.summary import Summary
from latentinpaint.evaluation.table_rows import TableRow
from latentinpaint.metrics.pixels import Metric

UP, DOWN = arrow(True), arrow(False)


@dataclass(frozen=True)
class Figure:
    """A row's entry in a column: its text, the lines below it, and the value with the ends of its interval."""

    text: str
    below: tuple[str, ...] = ()
    values: tuple[float, ...] = ()


@dataclass
class TableColumn:
    """A column of a table: its heading, a figure for each row, and the row that is surely the best, if one is."""

    title: str
    figures: list[Figure] = field(default_factory=list)
    best: str | None = None

    def add(self, text: str, *values: float, below: tuple[str, ...] = ()) -> None:
        """Append a row's figure."""
        self.figures.append(Figure(text, below, values))


def metric_columns(summary: Summary, metrics: Sequence[Metric], region: str) -> list[TableColumn]:
    """A column for each metric that has values in a region."""
    rows = list(summary.rows.values())
    columns = []
    for metric in metrics:
        key = metric.name + region
        if key not in rows[0].scores or not rows[0].means[key].count:
            continue
        digits = decimals(metric)
        title = f"{metric.label} {arrow(metric.higher_is_better)}{item_count(rows, key)}"
        of_metric = TableColumn(title, best=surely_best(rows, key, metric.higher_is_better))
        for row in rows:
            mean = row.means[key]
            text = plain(mean.value, digits)
            of_metric.add(text, mean.value, mean.low, mean.high, below=_below(mean, digits))
        columns.append(of_metric)
    return columns


def surely_best(rows: Sequence[TableRow], key: str, higher_is_better: bool) -> str | None:
    """The row with the best mean of a metric, if every other's paired difference to it is clear of zero.

    Oracles, which were chosen by looking at the truth, do not compete. None where another row is as good within the
    interval, where there are too few pictures for one, and where nothing competes.
    """
    competing = []
    for row in rows:
        if row.kind != BEST and math.isfinite(row.means[key].value):
            competing.append(row)
    if len(competing) < 2:
        return None
    choose_best = max if higher_is_better else min
    best = choose_best(competing, key=lambda row: row.means[key].value)
    for row in competing:
        if row is best:
            continue
        found = paired_difference(row.scores[key], best.scores[key], row.groups, higher_is_better, row.cap(key))
        if not found.mean.is_clear_of_zero:
            return None
    return best.name


def distance_columns(summary: Summary) -> list[TableColumn]:
    """Fréchet and kernel distances, and F1 of SSIM and FID where it is known."""
    columns: dict[str, TableColumn] = {}
    f1 = TableColumn(f"F1 of SSIM and FID {UP}")
    has_f1 = False
    for row in summary.rows.values():
        found = row.distances
        for name, value in found.frechet.items():
            columns.setdefault(name, TableColumn(f"{name} {DOWN}")).add(compact(value), value)
        for name, kernel in found.kernels.items():
            below = (f"± {compact(kernel.standard_deviation)}",)
            column = columns.setdefault(name, TableColumn(f"{name} {DOWN}"))
            column.add(compact(kernel.mean), kernel.mean, below=below)
        f1.add(compact(found.f1), found.f1)
        has_f1 = has_f1 or math.isfinite(found.f1)
    if has_f1:
        columns["F1"] = f1
    return list(columns.values())


def cost_columns(summary: Summary) -> list[TableColumn]:
    """Seconds, memory and evaluations of the networks."""
    seconds = TableColumn("seconds a picture")
    megabytes = TableColumn("MB a fill")
    evaluations = TableColumn("network evaluations a picture")
    for row in summary.rows.values():
        for column, values in ((seconds, row.seconds), (megabytes, row.megabytes), (evaluations, row.evaluations)):
            column.add(compact(median(values)), median(values))
    return [seconds, megabytes, evaluations]


def interval_text(mean: Mean, digits: int, sign: str = "") -> str:
    """The interval of a mean, a dash where there is none."""
    if not math.isfinite(mean.low):
        return "–"
    return f"{plain(mean.low, digits, sign)} … {plain(mean.high, digits, sign)}"


def _below(mean: Mean, digits: int) -> tuple[str, ...]:
    """What stands under a mean: its interval, and of how many values it is capped, if of any."""
    if not mean.capped:
        return (interval_text(mean, digits),)
    return interval_text(mean, digits), f"{mean.capped} of {mean.count} capped"
