"""The report that a person reads: one HTML file that needs nothing else, neither files nor a network."""

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from latentinpaint.evaluation.dataset import DatasetItem
from latentinpaint.evaluation.report.gallery import gallery
from latentinpaint.evaluation.report.markdown import arrow, compact
from latentinpaint.evaluation.report.plots import lines_plot, rank_plot
from latentinpaint.evaluation.statistics import Mean, median
from latentinpaint.evaluation.summary import Summary, TableRow
from latentinpaint.metrics.distances import KernelDistance
from latentinpaint.metrics.pixels import Metric

UP, DOWN = arrow(True), arrow(False)


def write_report(
    path: Path,
    summary: Summary,
    metrics: Sequence[Metric],
    settings: dict[str, Any],
    read_case: Callable[[str], DatasetItem],
    fill_path: Callable[[str, str], Path],
) -> None:
    """Write the page.

    Args:
        path: where to, overwritten.
        summary: what was found.
        metrics: what was measured.
        settings: what was asked for and what it was done with, shown as it is.
        read_case: a case by its name.
        fill_path: the file of a row's fill of a case.
    """
    ordered = sorted(metrics, key=_importance)
    parts = [
        _heading(summary, settings),
        _tables(summary, ordered),
        _notes(summary),
        _differences(summary, ordered),
        _plots(summary, ordered),
        _calibration(summary),
        gallery(summary, _leading(metrics), ordered, read_case, fill_path),
        _settings(settings),
    ]
    page = Template(files("latentinpaint.evaluation.report").joinpath("report_page.html").read_text(encoding="utf-8"))
    title = f"{len(summary.cases)} holes filled"
    path.write_text(
        page.substitute(title=html.escape(title), body="\n".join(p for p in parts if p)), encoding="utf-8"
    )


@dataclass(frozen=True)
class _Column:
    """A figure of a table: its heading, the cell of a row, and the row that is best."""

    title: str
    cell: Callable[[TableRow], str]
    best: str | None


def _metric_columns(summary: Summary, metrics: Sequence[Metric], region: str) -> list[_Column]:
    rows = list(summary.rows.values())
    columns = []
    for metric in metrics:
        key = metric.name + region
        if key not in rows[0].figures or not any(row.means[key].count for row in rows):
            continue
        best = _best(rows, [row.means[key].value for row in rows], metric.higher_is_better)
        title = f"{metric.label} {arrow(metric.higher_is_better)}"
        columns.append(_Column(title, lambda row, key=key: _with_interval(row.means[key]), best))
    return columns


def _distance_columns(summary: Summary) -> list[_Column]:
    rows = list(summary.rows.values())
    columns = []
    for name in rows[0].distances:
        best = _best(rows, [row.distances[name] for row in rows], False)
        columns.append(_Column(f"{name} {DOWN}", lambda row, name=name: compact(row.distances[name]), best))
    for name in rows[0].kernels:
        best = _best(rows, [row.kernels[name].mean for row in rows], False)
        columns.append(_Column(f"{name} {DOWN}", lambda row, name=name: _with_deviation(row.kernels[name]), best))
    if any(math.isfinite(row.f1) for row in rows):
        best = _best(rows, [row.f1 for row in rows], True)
        columns.append(_Column(f"F1 of SSIM and FID {UP}", lambda row: compact(row.f1), best))
    return columns


def _cost_columns() -> list[_Column]:
    return [
        _Column("seconds a picture", lambda row: compact(median(row.seconds)), None),
        _Column("MB a fill", lambda row: compact(median(row.megabytes)), None),
        _Column("network evaluations a picture", lambda row: compact(median(row.evaluations)), None),
    ]


def _importance(metric: Metric) -> int:
    """Where a metric stands in a table: the usual one first, then what agrees best with people."""
    order = ("psnr", "lpips", "ssim", "ms_ssim", "l1")
    return next((n for n, name in enumerate(order) if metric.name.startswith(name)), len(order))


def _leading(metrics: Sequence[Metric]) -> Metric:
    """What the gallery is sorted by: LPIPS if there is one, for it agrees best with people."""
    return next((m for m in metrics if m.name.startswith("lpips")), metrics[0])


def _heading(summary: Summary, settings: dict[str, Any]) -> str:
    labels = ", ".join(html.escape(row.label) for row in summary.rows.values())
    fraction = median([case["hole_fraction"] for case in summary.cases])
    holes = html.escape(str(settings.get("holes", "")))
    return (
        f"<h1>How well {len(summary.cases)} holes were filled</h1>"
        f'<p class="soft">{labels}. Holes: {holes}; half of them cover more than {100 * fraction:.0f} % of the '
        "picture. Every method saw the same pictures and the same holes; only the hole is replaced, and fills are "
        "judged as 8-bit files. Under a figure stands its 95 % bootstrap interval over pictures; "
        f"{UP} more is better, {DOWN} less is better; bold is the best of the column, oracles apart.</p>"
    )


def _tables(summary: Summary, metrics: Sequence[Metric]) -> str:
    parts = {
        "In the hole": _metric_columns(summary, metrics, "_hole"),
        "The whole picture": _metric_columns(summary, metrics, "") + _distance_columns(summary),
        "Along the hole's border": _metric_columns(summary, metrics, "_band"),
        "What it costs": _cost_columns(),
    }
    left_out = {
        f"{row.label}: {mean.left_out} of {len(row.groups)} values of {key} are not finite and left out of its mean"
        for row in summary.rows.values()
        for key, mean in row.means.items()
        if mean.left_out and mean.count
    }
    after = "".join(f"<li>{html.escape(text)}</li>" for text in sorted(left_out)[:12])
    tables = (f"<h2>{title}</h2>{_table(summary, columns)}" for title, columns in parts.items() if columns)
    return "".join(tables) + (f'<ul class="notes soft">{after}</ul>' if after else "")


def _table(summary: Summary, columns: Sequence[_Column]) -> str:
    lines = []
    for row in summary.rows.values():
        mark = ' class="reference"' if row.name == summary.reference else ""
        cells = "".join(_cell(column.cell(row), row.name == column.best) for column in columns)
        lines.append(f"<tr{mark}><td>{html.escape(row.label)}</td>{cells}</tr>")
    return _framed(["method", *(column.title for column in columns)], lines)


def _framed(titles: Sequence[str], lines: Sequence[str]) -> str:
    head = "".join(f"<th>{title}</th>" for title in titles)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _notes(summary: Summary) -> str:
    if not summary.notes:
        return ""
    return (
        '<h2>To be known</h2><ul class="notes">'
        + "".join(f"<li>{html.escape(n)}</li>" for n in summary.notes)
        + "</ul>"
    )


def _differences(summary: Summary, metrics: Sequence[Metric]) -> str:
    if not summary.differences:
        return ""
    shown = [metric for metric in metrics if metric.local]
    lines = []
    for name, found in summary.differences.items():
        cells = []
        for metric in shown:
            d = found[f"{metric.name}_hole"]
            sure = math.isfinite(d.mean.low) and (d.mean.low > 0 or d.mean.high < 0)
            below = f"{_interval(d.mean, True)}<br>better on {d.better} of {d.of}"
            cells.append(_cell(f"{compact(d.mean.value, True)}<small>{below}</small>", sure))
        lines.append(f"<tr><td>{html.escape(summary.rows[name].label)}</td>{''.join(cells)}</tr>")
    titles = [f"{m.label} {arrow(m.higher_is_better)}" for m in shown]
    return (
        f"<h2>Hole by hole against {html.escape(summary.rows[summary.reference].label)}</h2>"
        "<p>Each method less the reference, in the same holes. Bold where the interval does not touch zero.</p>"
        + _framed(["method", *titles], lines)
    )


def _plots(summary: Summary, metrics: Sequence[Metric]) -> str:
    """Over hole area and width, for the metrics inside the hole."""
    sorted_ways: dict[str, list[tuple[str, list[bool]]]] = {}
    for by, kind, where in summary.classes():
        sorted_ways.setdefault(by, []).append((kind, where))
    chosen = [m for m in metrics if m.name in ("psnr", "ssim") or m.name.startswith("lpips")]
    plots = []
    for by, kinds in sorted_ways.items():
        ticks = [f"{kind}\n({sum(where)})" for kind, where in kinds]
        for metric in chosen:
            key = f"{metric.name}_hole"
            rows = {row.label: [row.mean(key, where) for _, where in kinds] for row in summary.rows.values()}
            title = f"{metric.label} in the hole {arrow(metric.higher_is_better)}"
            plots.append(lines_plot(title, ticks, rows, f"{by} (pictures)"))
    return (
        "<h2>Over the hole's area and width</h2>"
        '<p class="soft">Area as a share of the picture; width is that of the hole\'s widest place as a share of the '
        "shorter side: scratch below 1/16, narrow below 1/8, medium below 1/4, wide.</p>"
        f'<div class="plots">{"".join(plots)}</div>'
    )


def _calibration(summary: Summary) -> str:
    if not summary.calibration:
        return ""
    parts = ["<h2>What the samples know of their own error</h2>"]
    for method, found in summary.calibration.items():
        label = html.escape(summary.rows[method].label)
        ratio, low, high = found["spread_to_error"], 0.9, 1.1
        verdict = "too sure" if ratio < low else "about right" if ratio <= high else "too unsure"
        histogram = rank_plot(f"{summary.rows[method].label}: ranks of the truth", found["rank_shares"])
        parts.append(
            f"<p><b>{label}</b>, {found['samples']} samples a hole. Standard deviation between samples "
            f"{found['deviation'][0]:.4f} of full scale; diversity (LPIPS between samples) "
            f"{compact(found['diversity'][0])}. "
            f"Spread over error {ratio:.2f}: {verdict} (1 if the truth were one more sample). "
            f"The truth lies within the samples' range in {100 * found['covered']:.0f} % of the hole's values; "
            f"{100 * found['covered_if_calibrated']:.0f} % would be right.</p>"
            f'<div class="plots">{histogram}</div>'
        )
    return "".join(parts)


def _settings(settings: dict[str, Any]) -> str:
    entries = "".join(
        f"<dt>{html.escape(str(key).replace('_', ' '))}</dt><dd>{html.escape(_plain(value))}</dd>"
        for key, value in settings.items()
        if value not in (None, [], {})
    )
    return f"<h2>How it was done</h2><dl>{entries}</dl>"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(map(_plain, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _best(rows: Sequence[TableRow], values: Sequence[float], higher_is_better: bool) -> str | None:
    """The row with the best value; what was chosen by looking at the truth does not compete."""
    fair = [(v, row.name) for row, v in zip(rows, values, strict=True) if math.isfinite(v) and row.kind != "best"]
    if not fair:
        return None
    return (max if higher_is_better else min)(fair, key=lambda entry: entry[0])[1]


def _with_interval(mean: Mean) -> str:
    return f"{compact(mean.value)}<small>{_interval(mean)}</small>"


def _with_deviation(kernel: KernelDistance) -> str:
    return f"{compact(kernel.mean)}<small>± {compact(kernel.deviation)}</small>"


def _cell(text: str, best: bool = False) -> str:
    return f'<td class="best">{text}</td>' if best else f"<td>{text}</td>"


def _interval(mean: Mean, signed: bool = False) -> str:
    return f"{compact(mean.low, signed)} … {compact(mean.high, signed)}" if math.isfinite(mean.low) else "–"
