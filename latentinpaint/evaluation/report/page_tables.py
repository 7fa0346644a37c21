"""The tables of a report as data: what stands in them, for the page, for LaTeX and for spreadsheets alike."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from latentinpaint.evaluation.report.markdown import arrow, decimals, plain
from latentinpaint.evaluation.report.table_columns import (
    TableColumn,
    cost_columns,
    distance_columns,
    interval_text,
    metric_columns,
)
from latentinpaint.evaluation.statistics import Difference
from latentinpaint.evaluation.summary import Summary
from latentinpaint.metrics.pixels import Metric


@dataclass(frozen=True)
class Cell:
    """A figure of a table.

    Attributes:
        text: as it is shown.
        below: what stands under it, in lines.
        figures: by name, what spreadsheets get: the value and, where there is one, its interval.
        bold: whether it stands out.
    """

    text: str
    below: tuple[str, ...] = ()
    figures: tuple[float, ...] = ()
    bold: bool = False


@dataclass(frozen=True)
class TableLine:
    """A line of a table: its name, its cells, and whether it is the reference."""

    name: str
    cells: list[Cell]
    is_reference: bool = False

    @property
    def texts(self) -> list[str]:
        """The cells' texts."""
        return [cell.text for cell in self.cells]


@dataclass(frozen=True)
class PageTable:
    """A table.

    Attributes:
        key: the beginning of its files' names.
        title: its heading.
        head: headings of the columns, the first that of the lines' names.
        lines: one after another.
        about: a sentence below the heading.
    """

    key: str
    title: str
    head: list[str]
    lines: list[TableLine] = field(default_factory=list)
    about: str = ""


def page_tables(summary: Summary, metrics: Sequence[Metric]) -> list[PageTable]:
    """All tables of a comparison that have a column: by region, what it costs, and hole by hole.

    Args:
        summary: what was found.
        metrics: in the order of the columns.
    """
    columns = {
        ("hole", "In the hole"): metric_columns(summary, metrics, "_hole"),
        ("picture", "The whole picture"): metric_columns(summary, metrics, "") + distance_columns(summary),
        ("border", "Along the hole's border"): metric_columns(summary, metrics, "_band"),
        ("cost", "What it costs"): cost_columns(summary),
    }
    tables = []
    for (key, title), found in columns.items():
        if found:
            head = ["method"]
            for column in found:
                head.append(column.title)
            tables.append(PageTable(key, title, head, _lines(summary, found)))
    if summary.differences:
        tables.append(_differences(summary, metrics))
    return tables


def _lines(summary: Summary, columns: Sequence[TableColumn]) -> list[TableLine]:
    lines = []
    for number, row in enumerate(summary.rows.values()):
        cells = []
        for column in columns:
            figure = column.figures[number]
            cells.append(Cell(figure.text, figure.below, figure.values, bold=row.name == column.best))
        lines.append(TableLine(row.label, cells, is_reference=row.name == summary.reference))
    return lines


def _differences(summary: Summary, metrics: Sequence[Metric]) -> PageTable:
    shown = [metric for metric in metrics if metric.local]
    head = ["method"]
    for metric in shown:
        head.append(f"{metric.label} {arrow(metric.higher_is_better)}")
    lines = []
    for name, found in summary.differences.items():
        cells = []
        for metric in shown:
            cells.append(_difference_cell(found[f"{metric.name}_hole"], decimals(metric)))
        lines.append(TableLine(summary.rows[name].label, cells))
    return PageTable(
        "differences",
        f"Hole by hole against {summary.rows[summary.reference].label}",
        head,
        lines,
        "Each method less the reference, in the same holes. Bold where the interval does not touch zero.",
    )


def _difference_cell(difference: Difference, digits: int) -> Cell:
    mean = difference.mean
    below = [interval_text(mean, digits, "+")]
    if mean.capped:
        below.append(f"{mean.capped} of {mean.count} capped")
    below.append(f"better on {difference.better} of {difference.of}")
    figures = (mean.value, mean.low, mean.high)
    return Cell(plain(mean.value, digits, "+"), tuple(below), figures, bold=mean.is_clear_of_zero)


def numbers(cell: Cell) -> list[str]:
    """A cell's value and the ends of its interval as a spreadsheet reads them, "" where there is none.

    A cell without figures, as of several seeds, is its text.
    """
    if not cell.figures:
        return [cell.text, "", ""]
    written = []
    for position in range(3):
        value = math.nan
        if position < len(cell.figures):
            value = cell.figures[position]
        written.append("" if math.isnan(value) else f"{value:.6g}")
    return written
