"""The report that a person reads: one HTML file that needs nothing else, neither files nor a network.

The page is a template of Jinja2, which escapes every text: here is what it is filled with.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from latentinpaint.errors import count_of
from latentinpaint.evaluation.dataset import DatasetItem
from latentinpaint.evaluation.report.gallery import Gallery, gallery
from latentinpaint.evaluation.report.markdown import arrow, compact
from latentinpaint.evaluation.report.page_tables import PageTable, page_tables
from latentinpaint.evaluation.report.page_words import FILLED_HOLES, METRIC_CONVENTIONS, TABLE_CONVENTIONS, PageWords
from latentinpaint.evaluation.report.plots import lines_plot, rank_plot
from latentinpaint.evaluation.statistics import median
from latentinpaint.evaluation.summary import HoleClass, Summary
from latentinpaint.evaluation.table_rows import column
from latentinpaint.metrics.pixels import Metric

# What a table begins with: the usual metric first, then what agrees best with people.
ORDER = ("psnr", "lpips", "ssim", "ms_ssim", "l1")
CALIBRATED = (0.9, 1.1)  # the ratios of spread to error that are about right


@dataclass(frozen=True)
class Calibration:
    """What a method's samples know of their own error: a sentence and the histogram of the truth's ranks (SVG)."""

    label: str
    sentence: str
    histogram: Markup


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
    ordered = by_importance(metrics)
    count = len(summary.items)
    fraction = median(column(summary.items, "hole_fraction"))
    labels = ", ".join(row.label for row in summary.rows.values())
    about = words.about.format(holes=settings.get("holes", ""), percent=f"{100 * fraction:.0f}")
    tables = page_tables(summary, ordered)
    return fill_template(
        title=words.title.format(items=count_of(count, words.noun)),
        heading=words.heading.format(items_were=count_of(count, words.noun, "was/were")),
        about=f"{labels}. {about}",
        conventions=(*TABLE_CONVENTIONS, *METRIC_CONVENTIONS),
        tables=[table for table in tables if table.key != "differences"],
        differences=[table for table in tables if table.key == "differences"],
        notes=summary.notes,
        plots=_plots(summary, ordered),
        calibrations=_calibrations(summary),
        gallery=gallery(summary, _leading(metrics), ordered, read_item, fill_path),
        settings=_settings(settings),
    )


def tables_page(title: str, about: str, tables: Sequence[PageTable]) -> str:
    """A page of tables alone, which looks as a report does.

    Args:
        title: of the page.
        about: the paragraph below it, which says how the tables are read.
        tables: one after another.
    """
    return fill_template(title=title, heading=title, about=about, conventions=METRIC_CONVENTIONS, tables=tables)


def fill_template(
    title: str,
    heading: str,
    about: str,
    conventions: Sequence[str],
    tables: Sequence[PageTable],
    differences: Sequence[PageTable] = (),
    notes: Sequence[str] = (),
    plots: Sequence[Markup] = (),
    calibrations: Sequence[Calibration] = (),
    gallery: Gallery | None = None,
    settings: dict[str, str] | None = None,
) -> str:
    """The page's template with its parts; those that are empty are left out."""
    loader = PackageLoader("latentinpaint.evaluation.report", "")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template("report_page.html").render(
        title=title,
        heading=heading,
        about=about,
        conventions=conventions,
        tables=tables,
        differences=differences,
        notes=notes,
        plots=plots,
        calibrations=calibrations,
        gallery=gallery,
        settings=settings or {},
    )


def by_importance(metrics: Sequence[Metric]) -> list[Metric]:
    """Metrics in the order of a table's columns."""
    return sorted(metrics, key=_importance)


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


def _plots(summary: Summary, metrics: Sequence[Metric]) -> list[Markup]:
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
            plots.append(Markup(_plot(summary, metric, title, classes)))
    return plots


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


def _calibrations(summary: Summary) -> list[Calibration]:
    found = []
    for method, figures in summary.calibration.items():
        label = summary.rows[method].label
        histogram = rank_plot(f"{label}: ranks of the truth", figures["rank_shares"])
        found.append(Calibration(label, _calibration_sentence(figures), Markup(histogram)))
    return found


def _calibration_sentence(found: dict[str, Any]) -> str:
    ratio = found["spread_to_error"]
    return (
        f"{found['samples']} samples a hole. Standard deviation between samples "
        f"{found['deviation'][0]:.4f} of full scale; diversity (LPIPS between samples) "
        f"{compact(found['diversity'][0])}{_of_some(found['diversity_of'], found['holes'])}. "
        f"Spread over error {compact(ratio)}: {_verdict(ratio)} (1 if the truth were one more sample). "
        f"The truth lies within the samples' range in {100 * found['covered']:.0f} % of the hole's values; "
        f"{100 * found['covered_if_calibrated']:.0f} % would be right."
    )


def _of_some(count: int, of: int) -> str:
    """How many holes a figure is of, if it is not of all."""
    if count == of:
        return ""
    return f" (of {count} of {count_of(of, 'hole')})"


def _verdict(spread_to_error: float) -> str:
    if math.isnan(spread_to_error):
        return "the samples' mean is exact"
    low, high = CALIBRATED
    if spread_to_error < low:
        return "too sure"
    if spread_to_error <= high:
        return "about right"
    return "too unsure"


def _settings(settings: dict[str, Any]) -> dict[str, str]:
    """What is set, as words."""
    entries = {}
    for key, value in settings.items():
        if value not in (None, [], {}):
            entries[str(key).replace("_", " ")] = _plain(value)
    return entries


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return _plain_entries(value)
    if isinstance(value, list | tuple):
        return "; ".join(map(_plain, value))
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)


def _plain_entries(value: dict[str, Any]) -> str:
    """The entries of a mapping; where they are mappings themselves, such as methods, it is seen where each begins."""
    entries = []
    separator = ", "
    for key, item in value.items():
        name = key
        if isinstance(item, dict):
            name = f"{key}:"
            separator = "; "
        entries.append(f"{name} {_plain(item)}")
    return separator.join(entries)
