"""The metrics as torchmetrics objects: `update(...)` batch by batch, `compute()` at the end, on several processes
too.

    metric = PictureMetric(METRICS["psnr"], region="hole")
    metric.update(fill, truth, mask)
    metric.compute()                # mean over the pictures seen so far, by all processes

    distance = FeatureDistance(SqueezeNet())
    distance.update(fill, truth)
    distance.compute()              # {"FD(squeeze)": …, "KD(squeeze)": …}

Under DDP every picture counts once, whatever process saw it. But PyTorch's own sampler repeats some pictures, so that
all processes see equally many: for exact figures give each process its share without repeats.
"""

from typing import Any

import numpy as np
import torch
import torchmetrics
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.hole import is_hole
from latentinpaint.metrics.distances import frechet_distance, kernel_distance
from latentinpaint.metrics.features import FeatureNetwork
from latentinpaint.metrics.picture_checks import check_mask, check_pair
from latentinpaint.metrics.pixels import REGIONS, Metric
from latentinpaint.metrics.regions import band


class PictureMetric(torchmetrics.Metric):
    """The mean of a metric over pictures, of the whole picture or of a region.

    Pictures without a finite value (no hole) are left out and counted in `left_out`. Those whose value is at the
    metric's cap, as a perfect fill's PSNR is, count with it, and are counted in `capped` too.

    Args:
        metric: see `pixels` and `perceptual`.
        region: None for the whole picture, "hole" or "band".
        options: torchmetrics' own, such as `sync_on_compute`.
    """

    full_state_update = False
    total: Tensor
    count: Tensor
    left_out: Tensor
    capped: Tensor

    def __init__(self, metric: Metric, region: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        if not isinstance(metric, Metric):
            raise InputError(f"a metric is one of METRICS or an LPIPS, not {metric!r}")
        if region is not None and (region not in REGIONS or not metric.local):
            raise InputError(f"{metric.label} has no value in the region {region!r}")
        self.metric = metric
        self.region = region
        for name in ("total", "count", "left_out", "capped"):
            self.add_state(name, torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")

    @property
    def higher_is_better(self) -> bool:  # type: ignore[override]  # torchmetrics declares a class attribute
        return self.metric.higher_is_better

    @torch.no_grad()
    def update(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> None:
        """Add pictures (B, 3, H, W) in [0, 1], and their masks (B, 1, H, W) where the region needs them."""
        check_pair(prediction, target)
        region = self._region_of(target, mask)
        pixel_map = self.metric.to(prediction.device).compare(prediction, target)
        values = pixel_map.over_picture() if region is None else pixel_map.over(region)
        finite = values.isfinite()
        self.total += torch.where(finite, values, 0).double().sum()
        self.count += finite.sum()
        self.left_out += (~finite).sum()
        self.capped += (finite & (values >= self.metric.cap)).sum()

    def _region_of(self, target: Tensor, mask: Tensor | None) -> Tensor | None:
        """Where pictures are compared, (B, 1, H, W) bool; None is everywhere."""
        if self.region is None:
            return None
        if mask is None:
            raise InputError(f"the {self.region} is found by a mask: give one")
        check_mask(target, mask)
        hole = is_hole(mask)
        if self.region == "band":
            return band(hole)
        return hole

    def compute(self) -> Tensor:
        """The mean, a float64 scalar; nan before any picture."""
        return self.total / self.count


class FeatureDistance(torchmetrics.Metric):
    """Fréchet and kernel distance between the fills seen so far and their truths.

    Args:
        network: see `features`.
        options: torchmetrics' own.
    """

    full_state_update = False
    higher_is_better = False
    fills: list[Tensor]
    truths: list[Tensor]

    def __init__(self, network: FeatureNetwork, **options: Any) -> None:
        super().__init__(**options)
        self.network = network
        self.add_state("fills", [], dist_reduce_fx="cat")
        self.add_state("truths", [], dist_reduce_fx="cat")

    @torch.no_grad()
    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add pictures (B, 3, H, W) in [0, 1]."""
        check_pair(prediction, target)
        self.network.check(target)
        self.fills.append(self.network(prediction))
        self.truths.append(self.network(target))

    def _sync_dist(self, *arguments: Any, **options: Any) -> None:
        # A process that saw no picture still has to say how wide its features would have been.
        for state in (self.fills, self.truths):
            if not state:
                state.append(torch.zeros(0, self.network.dimension, device=self.device))
        super()._sync_dist(*arguments, **options)

    def compute(self) -> dict[str, float]:
        """The distances by their names; fewer than four pictures have no kernel distance.

        Raises:
            InputError: for fewer than two pictures.
        """
        if not len(self.fills):
            raise InputError("a distance of sets of pictures needs two in each, and there is none")
        # Sorted, because the subsets of the kernel distance are drawn by number, and which process saw which picture
        # must not matter.
        fills = _sorted(torchmetrics.utilities.dim_zero_cat(self.fills).cpu())
        truths = _sorted(torchmetrics.utilities.dim_zero_cat(self.truths).cpu())
        found = {self.network.distance: frechet_distance(fills, truths)}
        if len(fills) >= 4:
            found[self.network.kernel] = kernel_distance(fills, truths).mean
        return found


def _sorted(features: Tensor) -> Tensor:
    """Features (N, d) in order; pictures that are equal in the first eight features count as equal."""
    return features[np.lexsort(features[:, :8].flip(1).numpy().T)]
