"""The tables of a report as data."""

import math

from latentinpaint.evaluation.report.page_tables import Cell, numbers, page_tables
from latentinpaint.metrics.pixels import METRICS


def test_tables_hold_the_summary_s_figures(report):
    _, summary = report
    metrics = [metric for metric in METRICS.values() if metric.name in summary.labels]
    tables = {table.key: table for table in page_tables(summary, metrics)}
    assert list(tables) == ["hole", "picture", "border", "cost", "differences"]
    hole = tables["hole"]
    assert [line.name for line in hole.lines] == [row.label for row in summary.rows.values()]
    assert [line.is_reference for line in hole.lines] == [name == summary.reference for name in summary.rows]
    position = hole.head.index("PSNR ↑") - 1
    for line, row in zip(hole.lines, summary.rows.values(), strict=True):
        mean = row.means["psnr_hole"]
        assert line.cells[position].figures == (mean.value, mean.low, mean.high)
    difference = summary.differences["telea"]["psnr_hole"].mean
    (line,) = [line for line in tables["differences"].lines if line.name == "OpenCV Telea"]
    cell = line.cells[tables["differences"].head.index("PSNR ↑") - 1]
    assert cell.figures == (difference.value, difference.low, difference.high)
    assert cell.bold == (difference.low > 0 or difference.high < 0)


def test_numbers_of_a_cell():
    assert numbers(Cell("–", figures=(math.nan,))) == ["", "", ""]
    assert numbers(Cell("1.23", figures=(1.23456789, -math.inf, 2.0))) == ["1.23457", "-inf", "2"]
