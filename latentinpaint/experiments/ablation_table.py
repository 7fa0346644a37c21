"""The ablation's table: what each variant reached over its seeds, beside the published figures.

Published: Babin, "Image inpainting in latent space", 2024, Table 5.1 (256 x 256 pictures of Places2, LaMa's masks,
FID of Inception, hours of training as ratios to the first) and Table A.1 (the delta variant). Other pictures, sizes,
steps and features stand here, so only the order of the rows can be compared, never a figure with a figure.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from latentinpaint.evaluation.report.markdown import plain, table, with_interval
from latentinpaint.evaluation.report.page_tables import Cell, PageTable, TableLine
from latentinpaint.evaluation.statistics import Difference, Mean, mean_with_interval, paired_difference
from latentinpaint.evaluation.summary import Summary
from latentinpaint.evaluation.table_rows import TableRow
from latentinpaint.metrics.pixels import PSNR_CAP


@dataclass(frozen=True)
class Published:
    """The thesis's figures of a variant: time ratio, FID, LPIPS, SSIM; nan where it has none."""

    time: float = math.nan
    fid: float = math.nan
    lpips: float = math.nan
    ssim: float = math.nan


PUBLISHED = {
    "1_pixel_alpha": Published(1.0, 16.6, 0.155, 0.865),
    "2_pixel_control": Published(6.4 / 6, 16.0, 0.153, 0.884),
    "3_latent_alpha": Published(4 / 6, 18.3, 0.163, 0.878),
    "4_latent_control": Published(4.3 / 6, 12.4, 0.149, 0.888),
    "4_latent_control_delta": Published(fid=19.06),
}
# The differences of interest: the first less the second.
PAIRS = (
    ("4_latent_control", "1_pixel_alpha"),
    ("2_pixel_control", "1_pixel_alpha"),
    ("3_latent_alpha", "1_pixel_alpha"),
    ("4_latent_control", "2_pixel_control"),
    ("4_latent_control", "3_latent_alpha"),
    ("1_pixel_alpha_delta", "1_pixel_alpha"),
    ("4_latent_control_delta", "4_latent_control"),
    ("6_flow_control", "5_flow_plain"),
)


@dataclass(frozen=True)
class Column:
    """A column of a table: the key of its figures, its title and its digits."""

    key: str
    title: str
    digits: int

    @property
    def higher_is_better(self) -> bool:
        return self.title.endswith("↑")


METRICS = (
    Column("ssim", "SSIM ↑", 4),
    Column("psnr_hole", "PSNR hole ↑", 2),
    Column("ssim_hole", "SSIM hole ↑", 4),
)
PUBLISHED_COLUMNS = (
    Column("time", "published time", 2),
    Column("fid", "published FID", 1),
    Column("lpips", "published LPIPS", 3),
    Column("ssim", "published SSIM", 3),
)


@dataclass
class Variant:
    """One configuration over its seeds: `rows` are the seeds' rows of the summary, in order."""

    name: str
    rows: list[TableRow]
    step_seconds: float = math.nan
    distances: dict[str, list[float]] = field(default_factory=dict)

    def of_cases(self, key: str) -> list[float]:
        """A metric of every case, averaged over the seeds."""
        return np.mean([row.scores[key] for row in self.rows], axis=0).tolist()

    def capped(self, key: str) -> np.ndarray:
        """Of which cases, bool, some seed's value of a metric is at its cap."""
        cap = self.rows[0].cap(key)
        found = np.zeros(len(self.rows[0].scores[key]), bool)
        for row in self.rows:
            found |= np.greater_equal(row.scores[key], cap)
        return found

    def mean(self, key: str) -> Mean:
        """Mean over seeds and cases, and its interval over pictures."""
        mean = mean_with_interval(self.of_cases(key), self.rows[0].groups)
        return replace(mean, capped=int(self.capped(key).sum()))

    def seed_means(self, key: str) -> list[float]:
        """Every seed's own mean."""
        means = []
        for row in self.rows:
            means.append(row.means[key].value)
        return means

    def seed_caps(self, key: str) -> list[int]:
        """For every seed, of how many cases its own value of a metric is at the cap."""
        counts = []
        for row in self.rows:
            counts.append(row.means[key].capped)
        return counts


def variants_of(summary: Summary, runs: Mapping[str, Sequence[str]], seconds: Mapping[str, float]) -> list[Variant]:
    """The variants of a comparison.

    Args:
        summary: of the comparison.
        runs: for each variant, the names of its rows, one for each seed.
        seconds: of a training step.
    """
    variants = []
    for name, titles in runs.items():
        variant = Variant(name, [], seconds.get(name, math.nan))
        for title in titles:
            row = summary.rows[title]
            variant.rows.append(row)
            for key, distance in row.distances.frechet.items():
                variant.distances.setdefault(key, []).append(distance)
        variants.append(variant)
    return variants


def difference(one: Variant, other: Variant, key: str, higher_is_better: bool) -> Difference:
    """Paired difference of two variants, each averaged over its seeds, over pictures."""
    found = paired_difference(one.of_cases(key), other.of_cases(key), one.rows[0].groups, higher_is_better)
    capped = int((one.capped(key) | other.capped(key)).sum())
    return replace(found, mean=replace(found.mean, capped=capped))


def ablation_tables(variants: Sequence[Variant], perceptual: str | None) -> list[PageTable]:
    """Three tables: means beside the published figures, paired differences, and every seed by itself.

    Args:
        variants: in the order of the table.
        perceptual: the key of the LPIPS to show, None without.
    """
    metrics: tuple[Column, ...] = METRICS
    if perceptual is not None:
        lpips = Column(perceptual, "LPIPS ↓", 4)
        metrics = (lpips, *METRICS, Column(f"{perceptual}_hole", "LPIPS hole ↓", 4))
    about = ""
    if _any_capped(variants, metrics):
        about = f"capped: cases of which a seed's PSNR is above {PSNR_CAP:g} dB and counts as {PSNR_CAP:g} dB"
    distances = _distance_titles(variants[0])
    head = ["variant", "step", *distances, *_titles(metrics), *_titles(PUBLISHED_COLUMNS)]
    tables = [PageTable("means", "Means beside the published figures", head, _means(variants, metrics), about)]
    differences = _differences(variants, metrics)
    if differences:
        tables.append(PageTable("differences", "Differences", ["difference", *_titles(metrics)], differences))
    head = ["each seed", *distances, *_titles(metrics)]
    tables.append(PageTable("seeds", "Every seed", head, _seeds(variants, metrics)))
    return tables


def markdown(tables: Sequence[PageTable]) -> str:
    """Tables as Markdown, one after another."""
    texts = []
    for each in tables:
        lines = [each.head]
        for line in each.lines:
            lines.append([line.name, *line.texts])
        text = table(lines)
        if each.about:
            text += f"\n{each.about}\n"
        texts.append(text)
    return "\n".join(texts)


def as_json(variants: Sequence[Variant]) -> dict[str, Any]:
    """The table's numbers."""
    numbers = {}
    for variant in variants:
        means = {}
        capped = {}
        for key in variant.rows[0].scores:
            means[key] = list(map(_or_none, variant.seed_means(key)))
            capped[key] = variant.seed_caps(key)
        numbers[variant.name] = {
            "step_seconds": _or_none(variant.step_seconds),
            "distances": variant.distances,
            "means_of_seeds": means,
            "capped_of_seeds": capped,
        }
    return numbers


def _or_none(value: float) -> float | None:
    """A number, None where there is none: JSON knows no NaN."""
    if math.isfinite(value):
        return value
    return None


def _means(variants: Sequence[Variant], metrics: Sequence[Column]) -> list[TableLine]:
    """Every variant's means and distances beside the published figures."""
    lines = []
    for variant in variants:
        cells = [_number(variant.step_seconds / variants[0].step_seconds, 2)]
        for values in variant.distances.values():
            cells.append(_number(float(np.mean(values)), 1))
        for column in metrics:
            cells.append(_mean(variant.mean(column.key), column.digits))
        published = PUBLISHED.get(variant.name, Published())
        for column in PUBLISHED_COLUMNS:
            cells.append(_number(getattr(published, column.key), column.digits))
        lines.append(TableLine(variant.name, cells))
    return lines


def _differences(variants: Sequence[Variant], metrics: Sequence[Column]) -> list[TableLine]:
    """The differences of `PAIRS` whose variants are both there; bold where the interval does not touch zero."""
    named = {variant.name: variant for variant in variants}
    lines = []
    for one, other in PAIRS:
        if one not in named or other not in named:
            continue
        cells = []
        for column in metrics:
            found = difference(named[one], named[other], column.key, column.higher_is_better)
            cells.append(_mean(found.mean, column.digits, "+", bold=found.mean.is_clear_of_zero))
        lines.append(TableLine(f"{one} less {other}", cells))
    return lines


def _seeds(variants: Sequence[Variant], metrics: Sequence[Column]) -> list[TableLine]:
    """Every seed's own distances and means."""
    lines = []
    for variant in variants:
        cells = []
        for values in variant.distances.values():
            cells.append(Cell(_joined(values, 1)))
        for column in metrics:
            cells.append(Cell(_joined(variant.seed_means(column.key), column.digits)))
        lines.append(TableLine(variant.name, cells))
    return lines


def _number(value: float, digits: int) -> Cell:
    return Cell(plain(value, digits), figures=(value,))


def _mean(mean: Mean, digits: int, sign: str = "", bold: bool = False) -> Cell:
    return Cell(with_interval(mean, digits, sign), figures=(mean.value, mean.low, mean.high), bold=bold)


def _any_capped(variants: Sequence[Variant], metrics: Sequence[Column]) -> bool:
    for variant in variants:
        for column in metrics:
            if variant.capped(column.key).any():
                return True
    return False


def _titles(columns: Sequence[Column]) -> list[str]:
    return [column.title for column in columns]


def _distance_titles(variant: Variant) -> list[str]:
    titles = []
    for name in variant.distances:
        titles.append(f"{name} ↓")
    return titles


def _joined(values: Sequence[float], digits: int) -> str:
    texts = []
    for value in values:
        texts.append(plain(value, digits))
    return ", ".join(texts)
