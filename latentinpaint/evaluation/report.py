"""The report that a person reads: one HTML file that needs nothing else, neither files nor a network."""

import base64
import html
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.evaluation.cases import Case
from latentinpaint.evaluation.plots import lines_plot, rank_plot
from latentinpaint.evaluation.statistics import Mean, median
from latentinpaint.evaluation.summary import Row, Summary
from latentinpaint.metrics.distances import KernelDistance
from latentinpaint.metrics.pixels import Metric

LARGEST_SIDE = 512  # pixels of a picture in the gallery
EACH = 3  # cases from each end and from the middle
UP, DOWN = "↑", "↓"


def write_report(
    path: Path,
    summary: Summary,
    metrics: Sequence[Metric],
    settings: dict[str, Any],
    read_case: Callable[[str], Case],
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
        _gallery(summary, _leading(metrics), ordered, read_case, fill_path),
        _settings(settings),
    ]
    page = Template(files("latentinpaint.evaluation").joinpath("report_page.html").read_text(encoding="utf-8"))
    title = f"{len(summary.cases)} holes filled"
    path.write_text(
        page.substitute(title=html.escape(title), body="\n".join(p for p in parts if p)), encoding="utf-8"
    )


@dataclass(frozen=True)
class _Column:
    """A figure of a table: its heading, the cell of a row, and the row that is best."""

    title: str
    cell: Callable[[Row], str]
    best: str | None


def _metric_columns(summary: Summary, metrics: Sequence[Metric], region: str) -> list[_Column]:
    rows = list(summary.rows.values())
    columns = []
    for metric in metrics:
        key = metric.name + region
        if key not in rows[0].figures or not any(row.means[key].count for row in rows):
            continue
        best = _best(rows, [row.means[key].value for row in rows], metric.higher_is_better)
        arrow = UP if metric.higher_is_better else DOWN
        columns.append(_Column(f"{metric.label} {arrow}", lambda row, key=key: _with_interval(row.means[key]), best))
    return columns


def _distance_columns(summary: Summary) -> list[_Column]:
    rows = list(summary.rows.values())
    columns = []
    for name in rows[0].distances:
        best = _best(rows, [row.distances[name] for row in rows], False)
        columns.append(_Column(f"{name} {DOWN}", lambda row, name=name: _number(row.distances[name]), best))
    for name in rows[0].kernels:
        best = _best(rows, [row.kernels[name].mean for row in rows], False)
        columns.append(_Column(f"{name} {DOWN}", lambda row, name=name: _with_deviation(row.kernels[name]), best))
    if any(math.isfinite(row.f1) for row in rows):
        best = _best(rows, [row.f1 for row in rows], True)
        columns.append(_Column(f"F1 of SSIM and FID {UP}", lambda row: _number(row.f1), best))
    return columns


def _cost_columns() -> list[_Column]:
    return [
        _Column("seconds a picture", lambda row: _number(median(row.seconds)), None),
        _Column("MB a fill", lambda row: _number(median(row.megabytes)), None),
        _Column("network evaluations a picture", lambda row: _number(median(row.evaluations)), None),
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
            cells.append(_cell(f"{_number(d.mean.value, True)}<small>{below}</small>", sure))
        lines.append(f"<tr><td>{html.escape(summary.rows[name].label)}</td>{''.join(cells)}</tr>")
    titles = [f"{m.label} {UP if m.higher_is_better else DOWN}" for m in shown]
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
            arrow = UP if metric.higher_is_better else DOWN
            plots.append(lines_plot(f"{metric.label} in the hole {arrow}", ticks, rows, f"{by} (pictures)"))
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
            f"{_number(found['diversity'][0])}. "
            f"Spread over error {ratio:.2f}: {verdict} (1 if the truth were one more sample). "
            f"The truth lies within the samples' range in {100 * found['covered']:.0f} % of the hole's values; "
            f"{100 * found['covered_if_calibrated']:.0f} % would be right.</p>"
            f'<div class="plots">{histogram}</div>'
        )
    return "".join(parts)


def _gallery(
    summary: Summary,
    leading: Metric,
    metrics: Sequence[Metric],
    read_case: Callable[[str], Case],
    fill_path: Callable[[str, str], Path],
) -> str:
    key = f"{leading.name}_hole"
    values = np.array(summary.rows[summary.reference].figures[key], np.float64)
    if not np.isfinite(values).any():
        values = np.array([case["hole_fraction"] for case in summary.cases])
    order = np.argsort(values if leading.higher_is_better else -values, kind="stable")
    order = [int(n) for n in order if np.isfinite(values[n])]
    middle = max(0, len(order) // 2 - EACH // 2)
    chosen: dict[int, str] = {}
    for title, numbers in {
        "worst": order[:EACH],
        "median": order[middle : middle + EACH],
        "best": order[::-1][:EACH][::-1],
    }.items():
        for number in numbers:
            chosen.setdefault(number, title)
    label = html.escape(summary.rows[summary.reference].label)
    parts = [
        f"<h2>Worst, median and best</h2><p>Sorted by {html.escape(leading.label)} in the hole of {label}. Drag the "
        "slider; choose what lies on either side, or click a small picture to put it on the left.</p>"
    ]
    for number, title in chosen.items():
        name = summary.cases[number]["case"]
        try:
            case = read_case(name)
        except InputError:
            continue  # its file has gone since it was judged
        parts.append(_case(summary, number, title, key, case, metrics, fill_path))
    return "".join(parts)


def _case(
    summary: Summary,
    number: int,
    title: str,
    key: str,
    case: Case,
    metrics: Sequence[Metric],
    fill_path: Callable[[str, str], Path],
) -> str:
    about = summary.cases[number]
    damaged = torch.where(case.mask > 0.5, torch.ones_like(case.image), case.image)
    figures = [("truth", "", _embedded(case.image)), ("hole", "", _embedded(damaged))]
    for row in summary.rows.values():
        embedded = _embedded_file(fill_path(row.name, about["case"]))
        if embedded is not None:
            figures.append((row.label, _caption(row, number, metrics), embedded))
    for method in summary.calibration:
        embedded = _embedded_file(fill_path(f"{method}, deviation", about["case"]))
        if embedded is not None:
            figures.append((f"{summary.rows[method].label}, deviation", "white: 0.25 of full scale", embedded))
    left = next((n for n, entry in enumerate(figures) if entry[0] == summary.rows[summary.reference].label), 1)
    options = [f'<option value="{n}">{html.escape(name)}</option>' for n, (name, _, _) in enumerate(figures)]

    def choice(selected: int, side: str) -> str:
        chosen = (o.replace(">", " selected>", 1) if n == selected else o for n, o in enumerate(options))
        return f'<select aria-label="{side}">{"".join(chosen)}</select>'

    thumbs = "".join(
        f'<figure data-name="{html.escape(name)}"><img src="{source}" alt="{html.escape(name)}" loading="lazy">'
        f"<figcaption><b>{html.escape(name)}</b><br>{caption}</figcaption></figure>"
        for name, caption, source in figures
    )
    value = _number(summary.rows[summary.reference].figures[key][number])
    hole = f"the hole is {100 * about['hole_fraction']:.0f} %, {about['width_class']}"
    return (
        f'<div class="case"><h3>{title}: {html.escape(about["case"])} <span class="soft">{value}; {hole}</span></h3>'
        '<div class="pair"><div class="slider">'
        '<div class="stage"><img alt=""><img class="over" alt=""></div>'
        '<input type="range" min="0" max="100" value="50" aria-label="border between left and right">'
        f'<div class="choose">{choice(left, "left")}{choice(0, "right")}</div></div>'
        f'<div class="thumbs">{thumbs}</div></div></div>'
    )


def _caption(row: Row, number: int, metrics: Sequence[Metric]) -> str:
    shown = [m for m in metrics if m.local and (m.name == "psnr" or m.name.startswith("lpips"))]
    return "<br>".join(f"{html.escape(m.label)} {_number(row.figures[m.name + '_hole'][number])}" for m in shown)


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


def _best(rows: Sequence[Row], values: Sequence[float], higher_is_better: bool) -> str | None:
    """The row with the best value; what was chosen by looking at the truth does not compete."""
    fair = [(v, row.name) for row, v in zip(rows, values, strict=True) if math.isfinite(v) and row.kind != "best"]
    if not fair:
        return None
    return (max if higher_is_better else min)(fair, key=lambda entry: entry[0])[1]


def _with_interval(mean: Mean) -> str:
    return f"{_number(mean.value)}<small>{_interval(mean)}</small>"


def _with_deviation(kernel: KernelDistance) -> str:
    return f"{_number(kernel.mean)}<small>± {_number(kernel.deviation)}</small>"


def _cell(text: str, best: bool = False) -> str:
    return f'<td class="best">{text}</td>' if best else f"<td>{text}</td>"


def _interval(mean: Mean, signed: bool = False) -> str:
    return f"{_number(mean.low, signed)} … {_number(mean.high, signed)}" if math.isfinite(mean.low) else "–"


def _number(value: float, signed: bool = False) -> str:
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞"
    size = abs(value)
    digits = 0 if size >= 1000 else 2 if size >= 1 else 4
    return f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"


def _embedded(image: Tensor) -> str:
    pixels = (image[0].clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return _data_address(Image.fromarray(np.ascontiguousarray(pixels)))


def _embedded_file(path: Path) -> str | None:
    try:
        with Image.open(path) as picture:
            return _data_address(picture.convert("RGB"))
    except OSError:  # fills were not kept
        return None


def _data_address(picture: Image.Image) -> str:
    scale = LARGEST_SIDE / max(picture.size)
    if scale < 1:
        picture = picture.resize([max(1, round(side * scale)) for side in picture.size], Image.Resampling.LANCZOS)
    written = io.BytesIO()
    picture.save(written, "WEBP", quality=88, method=4)
    return "data:image/webp;base64," + base64.b64encode(written.getvalue()).decode()
