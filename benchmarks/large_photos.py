"""Large photographs that installed packages carry, thick holes in them, and figures of fills side by side.

scikit-image has most of the photographs, matplotlib one, and scikit-learn two where it is installed; folders can be
added.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from latentinpaint.data.masks import mask_preset
from latentinpaint.evaluation.methods import to_eight_bits
from latentinpaint.evaluation.statistics import mean_with_interval, median, paired_difference
from latentinpaint.images.folders import list_pictures
from latentinpaint.images.image_files import read_picture
from latentinpaint.metrics.perceptual import load_lpips
from latentinpaint.metrics.pixels import PSNR, evaluate_pair
from latentinpaint.runtime.randomness import numbered_generator

CARRIED = {
    "skimage": "data/astronaut.png data/camera.png data/gravel.png data/grass.png data/hubble_deep_field.jpg "
    "data/ihc.png data/moon.png data/motorcycle_left.png data/rocket.jpg",
    "matplotlib": "mpl-data/sample_data/grace_hopper.jpg",
    "sklearn": "datasets/images/china.jpg datasets/images/flower.jpg",
}
FIGURES = {"psnr_hole": True, "lpips_squeeze": False, "lpips_squeeze_hole": False}  # name -> higher is better


@dataclass(frozen=True)
class Case:
    """A photograph (1, 3, H, W) in [0, 1], a hole (1, 1, H, W), and the seed of hole and samples."""

    name: str
    seed: int
    image: Tensor
    mask: Tensor


def large_photos(folders: list[str], least_area: int = 512 * 512) -> dict[str, Tensor]:
    """Pictures (1, 3, H, W) in [0, 1] by name, of at least `least_area` pixels.

    Args:
        folders: of pictures to take besides those that packages carry.
        least_area: smaller pictures are left out.
    """
    paths = [path for folder in folders for path in list_pictures(folder)]
    for package, names in CARRIED.items():
        found = find_spec(package)
        paths += [Path(found.origin).parent / name for name in names.split()] if found else []
    pictures = {path.stem: torch.from_numpy(read_picture(path).rgb()).permute(2, 0, 1)[None] for path in paths}
    return {name: p for name, p in sorted(pictures.items()) if p.shape[-2] * p.shape[-1] >= least_area}


def thick_cases(photos: dict[str, Tensor], seeds: list[int]) -> Iterator[Case]:
    """Every photograph with a hole of the thick preset for 512² for every seed, lengths growing with the picture."""
    for seed in seeds:
        for name, image in photos.items():
            size = image.shape[-2:]
            masks = mask_preset("thick", 512 if min(size) < 768 else min(size))
            yield Case(name, seed, image, masks(*size, numbered_generator(seed, zlib.crc32(name.encode())))[None])


class Table:
    """Figures of several ways to fill the same cases.

    Args:
        reference: the way that the others are compared with.
    """

    def __init__(self, reference: str) -> None:
        self.reference = reference
        self.metrics = [PSNR(), load_lpips("squeeze")]
        self.cases: list[Case] = []
        self.rows: dict[str, list[dict[str, float]]] = {}

    def add(self, case: Case, fills: dict[str, Tensor], costs: dict[str, dict[str, float]] | None = None) -> None:
        """The fills (1, 3, H, W) of one case, by way; `costs` by way are kept beside the figures."""
        self.cases.append(case)
        for way, fill in fills.items():
            found = evaluate_pair(to_eight_bits(fill), case.image, case.mask, self.metrics)
            figures = {name: found[name].item() for name in FIGURES}
            self.rows.setdefault(way, []).append(figures | (costs or {}).get(way, {}))

    def text(self) -> str:
        """As Markdown: mean figures, and differences from the reference with 95 % intervals over photographs."""
        groups = [case.name for case in self.cases]
        lines = [f"{len(groups)} holes in {len(set(groups))} photographs; differences from {self.reference}", ""]
        heads = [head for name in FIGURES for head in (name, "difference, better in")]
        lines += [f"| way | {' | '.join([*heads, 'seconds', 'MB'])} |", "|---" * (len(heads) + 3) + "|"]
        for way, rows in self.rows.items():
            cells = [way]
            for name, higher in FIGURES.items():
                own, other = ([row[name] for row in found] for found in (rows, self.rows[self.reference]))
                gap = paired_difference(own, other, groups, higher)
                digits = 2 if higher else 4
                cells.append(f"{mean_with_interval(own, groups).value:.{digits}f}")
                value, low, high = (f"{x:+.{digits}f}" for x in (gap.mean.value, gap.mean.low, gap.mean.high))
                cells.append(f"{value} ({low} … {high}), {gap.better}/{gap.of}")
            cells.append(f"{median([row.get('seconds', float('nan')) for row in rows]):.2f}")
            cells.append(f"{max(row.get('megabytes', float('nan')) for row in rows):.0f}")
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines)
