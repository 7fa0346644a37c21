"""The pictures of a report: worst, median and best, each with a slider between any two fills."""

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.evaluation.dataset import DatasetItem
from latentinpaint.evaluation.output_folder import WHITE_STANDARD_DEVIATION, deviation_row
from latentinpaint.evaluation.report.markdown import compact
from latentinpaint.evaluation.summary import Summary
from latentinpaint.evaluation.table_rows import TableRow
from latentinpaint.hole import is_hole
from latentinpaint.metrics.pixels import Metric

LARGEST_SIDE = 512  # pixels of a picture
EACH = 3  # items from each end and from the middle


@dataclass(frozen=True)
class GalleryFigure:
    """A picture of the gallery: its name, the lines below it, and its address."""

    name: str
    caption: list[str]
    source: str


@dataclass(frozen=True)
class GalleryItem:
    """An item: its title and name, what is said of it, its figures, and the one on the slider's left."""

    title: str
    name: str
    about: str
    figures: list[GalleryFigure]
    left: int


@dataclass(frozen=True)
class Gallery:
    """Items from either end and from the middle, the metric they are sorted by, and whose fills that is of."""

    metric: str
    reference: str
    items: list[GalleryItem]


def gallery(
    summary: Summary,
    leading: Metric,
    metrics: Sequence[Metric],
    read_item: Callable[[str], DatasetItem],
    fill_path: Callable[[str, str], Path],
) -> Gallery:
    """Items from either end and from the middle, sorted by a metric of the reference.

    Args:
        summary: what was found.
        leading: what the items are sorted by, in the hole.
        metrics: for what stands under the pictures.
        read_item: an item by its name; one whose file has gone since it was evaluated is left out.
        fill_path: the file of a row's fill of an item.
    """
    reference = summary.rows[summary.reference]
    key = f"{leading.name}_hole"
    items = []
    for number, title in _chosen(summary, key, leading.higher_is_better).items():
        about = summary.items[number]
        try:
            item = read_item(about["case"])
        except InputError:
            continue
        hole = f"the hole is {100 * about['hole_fraction']:.0f} %, {about['width_class']}"
        words = f"{leading.label} {compact(reference.scores[key][number])}; {hole}"
        figures = _figures(summary, number, item, metrics, fill_path)
        items.append(GalleryItem(title, item.name, words, figures, _position(figures, reference.label)))
    return Gallery(leading.label, reference.label, items)


def _chosen(summary: Summary, key: str, higher_is_better: bool) -> dict[int, str]:
    """The numbers of the items to show, with their titles, from the worst to the best: rank 1 is the best of all."""
    values = np.array(summary.rows[summary.reference].scores[key], np.float64)
    if not np.isfinite(values).any():
        values = np.array([item["hole_fraction"] for item in summary.items])
    if not higher_is_better:
        values = -values
    order = np.argsort(values, kind="stable")
    order = order[np.isfinite(values[order])]
    ranks = {number: rank for rank, number in enumerate(order[::-1].tolist(), start=1)}
    middle = max(0, len(order) // 2 - EACH // 2)
    groups = {"worst": order[:EACH], "median": order[middle : middle + EACH], "best": order[-EACH:]}
    chosen: dict[int, str] = {}
    for title, numbers in groups.items():
        for number in numbers.tolist():
            chosen.setdefault(number, f"{title}, rank {ranks[number]} of {len(order)}")
    return chosen


def _figures(
    summary: Summary,
    number: int,
    item: DatasetItem,
    metrics: Sequence[Metric],
    fill_path: Callable[[str, str], Path],
) -> list[GalleryFigure]:
    """Truth, hole, every row's fill, and the maps of the samples' standard deviation; what is not kept is missing."""
    damaged = torch.where(is_hole(item.mask), torch.ones_like(item.image), item.image)
    figures = [GalleryFigure("truth", [], _embedded(item.image)), GalleryFigure("hole", [], _embedded(damaged))]
    for row in summary.rows.values():
        embedded = _embedded_file(fill_path(row.name, item.name))
        if embedded is not None:
            figures.append(GalleryFigure(row.label, _caption(row, number, metrics), embedded))
    for method in summary.calibration:
        embedded = _embedded_file(fill_path(deviation_row(method), item.name))
        if embedded is not None:
            name = f"{summary.rows[method].label}, deviation"
            figures.append(GalleryFigure(name, [f"white: {WHITE_STANDARD_DEVIATION} of full scale"], embedded))
    return figures


def _position(figures: Sequence[GalleryFigure], name: str) -> int:
    """The number of the figure of that name; of the hole where there is none."""
    for number, figure in enumerate(figures):
        if figure.name == name:
            return number
    return 1


def _caption(row: TableRow, number: int, metrics: Sequence[Metric]) -> list[str]:
    lines = []
    for metric in metrics:
        if metric.local and (metric.name == "psnr" or metric.name.startswith("lpips")):
            lines.append(f"{metric.label} {compact(row.scores[metric.name + '_hole'][number])}")
    return lines


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
        width, height = picture.size
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    written = io.BytesIO()
    picture.save(written, "WEBP", quality=88, method=4)
    return "data:image/webp;base64," + base64.b64encode(written.getvalue()).decode()
