"""The pictures of a report: worst, median and best, each with a slider between any two answers."""

import base64
import html
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.evaluation.dataset import DatasetItem
from latentinpaint.evaluation.report.markdown import compact
from latentinpaint.evaluation.summary import Summary, TableRow
from latentinpaint.metrics.pixels import Metric

LARGEST_SIDE = 512  # pixels of a picture
EACH = 3  # cases from each end and from the middle


def gallery(
    summary: Summary,
    leading: Metric,
    metrics: Sequence[Metric],
    read_case: Callable[[str], DatasetItem],
    fill_path: Callable[[str, str], Path],
) -> str:
    """The section of a page: cases from either end and from the middle, sorted by a metric of the reference.

    Args:
        summary: what was found.
        leading: what the cases are sorted by, in the hole.
        metrics: for what stands under the pictures.
        read_case: a case by its name.
        fill_path: the file of a row's fill of a case.
    """
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
    case: DatasetItem,
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
    value = compact(summary.rows[summary.reference].figures[key][number])
    hole = f"the hole is {100 * about['hole_fraction']:.0f} %, {about['width_class']}"
    return (
        f'<div class="case"><h3>{title}: {html.escape(about["case"])} <span class="soft">{value}; {hole}</span></h3>'
        '<div class="pair"><div class="slider">'
        '<div class="stage"><img alt=""><img class="over" alt=""></div>'
        '<input type="range" min="0" max="100" value="50" aria-label="border between left and right">'
        f'<div class="choose">{choice(left, "left")}{choice(0, "right")}</div></div>'
        f'<div class="thumbs">{thumbs}</div></div></div>'
    )


def _caption(row: TableRow, number: int, metrics: Sequence[Metric]) -> str:
    shown = [m for m in metrics if m.local and (m.name == "psnr" or m.name.startswith("lpips"))]
    return "<br>".join(f"{html.escape(m.label)} {compact(row.figures[m.name + '_hole'][number])}" for m in shown)


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
