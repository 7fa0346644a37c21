"""Compare a method of your own with the default model and with OpenCV's, on the same holes.

    python examples/benchmark_method.py photos report

The report is `report/report.html`. A run that was stopped goes on where it was: figures are kept for each photograph.
"""

import sys
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from latentinpaint.evaluation.benchmark_config import BenchmarkConfig
from latentinpaint.evaluation.dataset import DatasetItem
from latentinpaint.evaluation.method_comparison import compare
from latentinpaint.evaluation.methods import Method
from latentinpaint.evaluation.runner import Runner
from latentinpaint.evaluation.summary import Summary
from latentinpaint.pipeline import composite


class BlurredSurroundings(Method):
    """The mean of what is known around a pixel, from a square that grows until it holds something.

    Args:
        radius: half the side of the first square, in pixels.
    """

    name = "blurred"
    label = "blurred surroundings"

    def __init__(self, radius: int = 8) -> None:
        self.radius = radius

    def fill(self, item: DatasetItem, num_samples: int = 1) -> Tensor:
        known = 1 - item.mask
        radius = self.radius
        while True:
            share = _mean(known, radius)
            if share.min() > 0:
                return composite(item.image, _mean(item.image * known, radius) / share, item.mask)
            radius *= 2

    def identity(self, item: DatasetItem) -> str:
        return f"blurred surroundings from {self.radius}"


def _mean(x: Tensor, radius: int) -> Tensor:
    """(1, C, H, W) averaged over squares of 2 radius + 1 pixels a side; beyond the border nothing counts."""
    return F.avg_pool2d(x, 2 * radius + 1, stride=1, padding=radius, count_include_pad=False)


class OwnRunner(Runner):
    """A benchmark of the named methods and of one more."""

    def open_methods(self) -> list[Method]:
        return [*super().open_methods(), BlurredSurroundings()]


def benchmark(photos: Path, report: Path, size: int | None = None, features: str = "squeeze") -> Summary:
    """Fill a thick hole in every photograph by every method; writes the report."""
    config = BenchmarkConfig(images=str(photos), output=str(report), size=size, features=features, jobs=1)
    return compare(OwnRunner(config, ["default", "telea"])).summary


if __name__ == "__main__":
    summary = benchmark(Path(sys.argv[1]), Path(sys.argv[2]))
    for row in summary.rows:
        print(row)
