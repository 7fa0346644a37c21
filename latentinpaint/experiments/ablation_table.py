"""The ablation's table: what each variant reached over its seeds, beside the published figures.

Published: Babin, "Image inpainting in latent space", 2024, Table 5.1 (256 x 256 pictures of Places2, LaMa's masks,
FID of Inception, hours of training as ratios to the first) and Table A.1 (the delta variant). Other pictures, sizes,
steps and features stand here, so only the order of the rows can be compared, never a figure with a figure.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from latentinpaint.evaluation.report.markdown import plain, table, with_interval
from latentinpaint.evaluation.statistics import Difference, Mean, mean_with_interval, paired_difference
from latentinpaint.evaluation.summary import Summary
from latentinpaint.evaluation.table_rows import TableRow


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
# Which differences answer a question: the first less the second.
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


@dataclass
class Variant:
    """One configuration over its seeds: `rows` are the seeds' rows of the summary, in order."""

    name: str
    rows: list[TableRow]
    step_seconds: float = math.nan
    distances: dict[str, list[float]] = field(default_factory=dict)

    def of_cases(self, key: str) -> np.ndarray:
        """A metric of every case, averaged over the seeds."""
        return np.mean([row.scores[key] for row in self.rows], axis=0)

    def mean(self, key: str) -> Mean:
        """Mean over seeds and cases, and its interval over pictures."""
        return mean_with_interval(self.of_cases(key).tolist(), self.rows[0].groups)

    def seeds(self, key: str, digits: int) -> str:
        """Every seed's own mean."""
        return ", ".join(f"{row.means[key].value:.{digits}f}" for row in self.rows)


def variants_of(summary: Summary, runs: Mapping[str, Sequence[str]], seconds: Mapping[str, float]) -> list[Variant]:
    """The variants of a comparison.

    Args:
        summary: of the comparison.
        runs: for each variant, the names of its rows, one a seed.
        seconds: of a training step.
    """
    found = []
    for name, names in runs.items():
        rows = [summary.rows[row] for row in names]
        distances = {key: [row.distances.frechet[key] for row in rows] for key in rows[0].distances.frechet}
        found.append(Variant(name, rows, seconds.get(name, math.nan), distances))
    return found


def difference(one: Variant, other: Variant, key: str, higher_is_better: bool) -> Difference:
    """Paired difference of two variants, each averaged over its seeds, over pictures."""
    return paired_difference(one.of_cases(key), other.of_cases(key), one.rows[0].groups, higher_is_better)


def markdown(variants: Sequence[Variant], perceptual: str | None) -> str:
    """Three tables as Markdown: means beside the published figures, paired differences, and every seed by itself.

    Args:
        variants: in the order of the table.
        perceptual: the key of the LPIPS to show, None without.
    """
    keys = [("ssim", "SSIM ↑", 4), ("psnr_hole", "PSNR hole ↑", 2), ("ssim_hole", "SSIM hole ↑", 4)]
    if perceptual is not None:
        keys = [(perceptual, "LPIPS ↓", 4), *keys, (f"{perceptual}_hole", "LPIPS hole ↓", 4)]
    titles = [title for _, title, _ in keys]
    distances = list(variants[0].distances)
    first = variants[0].step_seconds
    published = [("time", "time", 2), ("fid", "FID", 1), ("lpips", "LPIPS", 3), ("ssim", "SSIM", 3)]
    heads = ["variant", "step", *(f"{name} ↓" for name in distances), *titles]
    means = [[*heads, *(f"published {title}" for _, title, _ in published)]]
    seeds = [["each seed", *(f"{name} ↓" for name in distances), *titles]]
    for v in variants:
        known = PUBLISHED.get(v.name, Published())
        means.append(
            [
                v.name,
                plain(v.step_seconds / first, 2),
                *(plain(float(np.mean(v.distances[name])), 1) for name in distances),
                *(with_interval(v.mean(key), digits) for key, _, digits in keys),
                *(plain(getattr(known, name), digits) for name, _, digits in published),
            ]
        )
        of_seeds = (", ".join(f"{value:.1f}" for value in v.distances[name]) for name in distances)
        seeds.append([v.name, *of_seeds, *(v.seeds(key, digits) for key, _, digits in keys)])
    named = {v.name: v for v in variants}
    pairs = [["difference", *titles]]
    for one, other in PAIRS:
        if one in named and other in named:
            found = [difference(named[one], named[other], key, title.endswith("↑")).mean for key, title, _ in keys]
            cells = (with_interval(mean, digits, "+") for mean, (_, _, digits) in zip(found, keys, strict=True))
            pairs.append([f"{one} less {other}", *cells])
    return "\n".join(table(lines) for lines in (means, pairs, seeds) if len(lines) > 1)


def as_json(variants: Sequence[Variant]) -> dict[str, Any]:
    """The table's numbers."""
    return {
        v.name: {
            "step_seconds": v.step_seconds if math.isfinite(v.step_seconds) else None,
            "distances": v.distances,
            "means_of_seeds": {key: [row.means[key].value for row in v.rows] for key in v.rows[0].scores},
        }
        for v in variants
    }
