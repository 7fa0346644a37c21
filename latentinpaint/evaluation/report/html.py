"""The report that a person reads: one HTML file that needs nothing else, neither files nor a network."""

import html
import math
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from latentinpaint.evaluation.dataset import DatasetItem
from latentinpaint.evaluation.report.gallery import gallery
from latentinpaint.evaluation.report.markdown import arrow, compact
from latentinpaint.evaluation.report.page_words import FILLED_HOLES, PageWords
from latentinpaint.evaluation.report.plots import lines_plot, rank_plot
from latentinpaint.evaluation.report.table_columns import (
    DOWN,
    UP,
    TableColumn,
    capped_below,
    cost_columns,
    distance_columns,
    interval_text,
    metric_columns,
)
from latentinpaint.evaluation.statistics import Difference, median
from latentinpaint.evaluation.summary import HoleClass, Summary
from latentinpaint.evaluation.table_rows import column
from latentinpaint.metrics.pixels import Metric

# What a table begins with: the usual metric first, then what agrees best with people.
ORDER = ("psnr", "lpips", "ssim", "ms_ssim", "l1")
CALIBRATED = (0.9, 1.1)  # the ratios of spread to error that are about right


def report_page(
    summary: Summary,
    metrics: Sequence[Metric],
    settings: dict[str, Any],
    read_item: Callable[[str], DatasetItem],
    fill_path: Callable[[str, str], Path],
    words: PageWords = FILLED_HOLES,
) -> str:
    """The page as HTML.

    Args:
        summary: what was found.
        metrics: what was measured.
        settings: how it was done, shown as it is.
        read_item: an item by its name.
        fill_path: the file of a row's fill of an item.
        words: what the page says of itself.
    """
    ordered = sorted(metrics, key=_importance)
    parts = [
        _heading(summary, settings, words),
        _tables(summary, ordered),
        _notes(summary),
        _differences(summary, ordered),
        _plots(summary, ordered),
        _calibration(summary),
        gallery(summary, _leading(metrics), ordered, read_item, fill_path),
        _settings(settings),
    ]
    page = Template(files("latentinpaint.evaluation.report").joinpath("report_page.html").read_text(encoding="utf-8"))
    title = words.title.format(count=len(summary.items))
    body = "\n".join(filter(None, parts))
    return page.substitute(title=html.escape(title), body=body)


def _importance(metric: Metric) -> int:
    """The position of a metric in a table."""
    for number, name in enumerate(ORDER):
        if metric.name.startswith(name):
            return number
    return len(ORDER)


def _leading(metrics: Sequence[Metric]) -> Metric:
    """What the gallery is sorted by: LPIPS if there is one, for it agrees best with people."""
    for metric in metrics:
        if metric.name.startswith("lpips"):
            return metric
    return metrics[0]


def _heading(summary: Summary, settings: dict[str, Any], words: PageWords) -> str:
    labels = ", ".join(html.escape(row.label) for row in summary.rows.values())
    fraction = median(column(summary.items, "hole_fraction"))
    heading = words.heading.format(count=len(summary.items))
    about = words.about.format(holes=settings.get("holes", ""), percent=f"{100 * fraction:.0f}")
    return (
        f"<h1>{html.escape(heading)}</h1>"
        f'<p class="soft">{labels}. {html.escape(about)} Under a figure stands its 95 % bootstrap interval over '
        f"pictures; {UP} more is better, {DOWN} less is better; bold is the best of the column, oracles apart. All "
        "rows of a column are of the same holes; behind a heading stands how many have a value, if not all have.</p>"
    )


def _tables(summary: Summary, metrics: Sequence[Metric]) -> str:
    parts = {
        "In the hole": metric_columns(summary, metrics, "_hole"),
        "The whole picture": metric_columns(summary, metrics, "") + distance_columns(summary),
        "Along the hole's border": metric_columns(summary, metrics, "_band"),
        "What it costs": cost_columns(summary),
    }
    written = []
    for title, columns in parts.items():
        if columns:
            written.append(f"<h2>{title}</h2>{_table(summary, columns)}")
    return "".join(written)


def _table(summary: Summary, columns: Sequence[TableColumn]) -> str:
    lines = []
    for number, row in enumerate(summary.rows.values()):
        mark = ""
        if row.name == summary.reference:
            mark = ' class="reference"'
        cells = []
        for shown in columns:
            cells.append(_cell(shown.cells[number], row.name in shown.best))
        lines.append(f"<tr{mark}><td>{html.escape(row.label)}</td>{''.join(cells)}</tr>")
    titles = ["method"]
    for shown in columns:
        titles.append(shown.title)
    return _framed(titles, lines)


def _framed(titles: Sequence[str], lines: Sequence[str]) -> str:
    head = "".join(f"<th>{title}</th>" for title in titles)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _list_items(texts: Sequence[str]) -> str:
    return "".join(f"<li>{html.escape(text)}</li>" for text in texts)


def _notes(summary: Summary) -> str:
    if not summary.notes:
        return ""
    return f'<h2>Notes</h2><ul class="notes">{_list_items(summary.notes)}</ul>'


def _differences(summary: Summary, metrics: Sequence[Metric]) -> str:
    if not summary.differences:
        return ""
    shown = []
    titles = ["method"]
    for metric in metrics:
        if metric.local:
            shown.append(metric)
            titles.append(f"{metric.label} {arrow(metric.higher_is_better)}")
    lines = []
    for name, found in summary.differences.items():
        cells = []
        for metric in shown:
            cells.append(_difference_cell(found[f"{metric.name}_hole"]))
        lines.append(f"<tr><td>{html.escape(summary.rows[name].label)}</td>{''.join(cells)}</tr>")
    return (
        f"<h2>Hole by hole against {html.escape(summary.rows[summary.reference].label)}</h2>"
        "<p>Each method less the reference, in the same holes. Bold where the interval does not touch zero.</p>"
        + _framed(titles, lines)
    )


def _difference_cell(difference: Difference) -> str:
    mean = difference.mean
    sure = math.isfinite(mean.low) and (mean.low > 0 or mean.high < 0)
    below = f"{interval_text(mean, '+')}{capped_below(mean)}<br>better on {difference.better} of {difference.of}"
    return _cell(f"{compact(mean.value, '+')}<small>{below}</small>", sure)


def _plots(summary: Summary, metrics: Sequence[Metric]) -> str:
    """Over hole area and width, for the metrics inside the hole."""
    by: dict[str, list[HoleClass]] = {}
    for hole_class in summary.classes():
        by.setdefault(hole_class.by, []).append(hole_class)
    chosen = []
    for metric in metrics:
        if metric.name in ("psnr", "ssim") or metric.name.startswith("lpips"):
            chosen.append(metric)
    plots = []
    for title, classes in by.items():
        for metric in chosen:
            plots.append(_plot(summary, metric, title, classes))
    return (
        "<h2>Over the hole's area and width</h2>"
        '<p class="soft">Area as a share of the picture; width is that of the hole\'s widest place as a share of the '
        "shorter side: scratch below 1/16, narrow below 1/8, medium below 1/4, wide.</p>"
        f'<div class="plots">{"".join(plots)}</div>'
    )


def _plot(summary: Summary, metric: Metric, by: str, classes: Sequence[HoleClass]) -> str:
    lines = {}
    for row in summary.rows.values():
        means = []
        for hole_class in classes:
            means.append(row.mean(f"{metric.name}_hole", hole_class.where))
        lines[row.label] = means
    ticks = []
    for hole_class, mean in zip(classes, next(iter(lines.values())), strict=True):
        ticks.append(f"{hole_class.name}\n({mean.count})")  # of every row the same
    title = f"{metric.label} in the hole {arrow(metric.higher_is_better)}"
    return lines_plot(title, ticks, lines, f"{by} (pictures)")


def _calibration(summary: Summary) -> str:
    if not summary.calibration:
        return ""
    parts = ["<h2>What the samples know of their own error</h2>"]
    for method, found in summary.calibration.items():
        label = summary.rows[method].label
        ratio = found["spread_to_error"]
        histogram = rank_plot(f"{label}: ranks of the truth", found["rank_shares"])
        parts.append(
            f"<p><b>{html.escape(label)}</b>, {found['samples']} samples a hole. Standard deviation between samples "
            f"{found['deviation'][0]:.4f} of full scale; diversity (LPIPS between samples) "
            f"{compact(found['diversity'][0])}{_of_some(found['diversity_of'], found['holes'])}. "
            f"Spread over error {compact(ratio)}: {_verdict(ratio)} (1 if the truth were one more sample). "
            f"The truth lies within the samples' range in {100 * found['covered']:.0f} % of the hole's values; "
            f"{100 * found['covered_if_calibrated']:.0f} % would be right.</p>"
            f'<div class="plots">{histogram}</div>'
        )
    return "".join(parts)


def _of_some(count: int, of: int) -> str:
    """How many holes a figure is of, if it is not of all."""
    if count == of:
        return ""
    return f" (of {count} of {of} holes)"


def _verdict(spread_to_error: float) -> str:
    if math.isnan(spread_to_error):
        return "the samples' mean is exact"
    low, high = CALIBRATED
    if spread_to_error < low:
        return "too sure"
    if spread_to_error <= high:
        return "about right"
    return "too unsure"


def _settings(settings: dict[str, Any]) -> str:
    entries = []
    for key, value in settings.items():
        if value not in (None, [], {}):
            title = html.escape(str(key).replace("_", " "))
            entries.append(f"<dt>{title}</dt><dd>{html.escape(_plain(value))}</dd>")
    return f"<h2>How it was done</h2><dl>{''.join(entries)}</dl>"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        entries = []
        for key, item in value.items():
            entries.append(f"{key} {_plain(item)}")
        return ", ".join(entries)
    if isinstance(value, list | tuple):
        return "; ".join(map(_plain, value))
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)


def _cell(text: str, best: bool = False) -> str:
    if best:
        return f'<td class="best">{text}</td>'
    return f"<td>{text}</td>"
