"""How close a filled picture is to the true one: L1, PSNR, SSIM, MS-SSIM; LPIPS is in `perceptual`.

Conventions. Pictures are float tensors `(B,3,H,W)` in [0,1], never clamped here; masks are `(B,1,H,W)`,
1 = hole. With `x` the prediction, `y` the truth and `R` a region (the whole picture, the hole, or the band along
its border, see `regions`), a metric makes one map over the pixels and averages it over `R`, one number a picture:

    l1       mean_R |x - y|                                     the map is the mean over the channels
    psnr     -10 log10( mean_R (x - y)^2 )                      decibels, data range 1; at most `PSNR_CAP`
    ssim     mean_R (2 m_x m_y + C1)(2 s_xy + C2) / ((m_x^2 + m_y^2 + C1)(s_x^2 + s_y^2 + C2))
             Gaussian window 11x11 with sigma 1.5, population covariance, C1 = 0.01^2, C2 = 0.03^2, every
             channel by itself and then their mean. Wang, Bovik, Sheikh, Simoncelli, "Image quality
             assessment: from error visibility to structural similarity", 2004,
             https://doi.org/10.1109/TIP.2003.819861
    ms_ssim  the product over five scales, each half as large as the one before, of the contrast and structure terms'
             means, the last with the luminance term, to the powers .0448, .2856, .3001, .2363, .1333; negative
             means count as 0. For the whole picture only: a product of scales has no place. By torchmetrics, whose
             last scale is averaged over every pixel, the picture reflected at its edges, where others leave out the
             pixels whose window does not fit. Wang, Simoncelli, Bovik, "Multi-scale structural similarity for image
             quality assessment", 2003, https://doi.org/10.1109/ACSSC.2003.1292216
    lpips_*  the mean over R of sum_l w_l . |f_l(x) - f_l(y)|^2, f_l unit-length features of a frozen network.
             Zhang, Isola, Efros, Shechtman, Wang, "The unreasonable effectiveness of deep features as a
             perceptual metric", 2018, https://arxiv.org/abs/1801.03924

Two metrics have a customary number for the whole picture that is not quite the mean of their map, and the
customary number is the one reported:
- SSIM over the picture leaves out the 5 border pixels whose window does not fit, as scikit-image and the
  2004 paper do; it is scikit-image's value up to float32. The map itself covers every pixel, with the
  picture reflected at its edges, so that a hole at the border counts.
- LPIPS over the picture averages each layer at its own resolution. The map is the sum of the layers
  enlarged bilinearly to the picture's size (`spatial=True` of the `lpips` package).

PSNR has a cap, 60 dB. A fill that is exact would have an infinite one, which no mean can hold; and leaving it out of
a mean would punish a method for what it did perfectly. 60 dB is a root mean squared error of a quarter of an 8-bit
step (0.255 / 255). Rounding to 8 bits alone leaves the root of a twelfth, 0.289 steps or 58.9 dB: a truth in an 8-bit
file is itself no closer to what was photographed, and what lies above is exact for all that such files can tell.

A region without a pixel (no hole) gives nan: there is nothing to measure, and nan cannot pass for perfect.
SSIM and LPIPS look around a pixel, so their value inside the hole also depends on a rim of known pixels.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from kornia.metrics import ssim as kornia_ssim
from torch import Tensor
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

from latentinpaint.errors import InputError
from latentinpaint.hole import is_hole
from latentinpaint.metrics.picture_checks import check_mask, check_pair
from latentinpaint.metrics.regions import band

SSIM_WINDOW = 11
SCALES = 5
REGIONS = ("hole", "band")
PSNR_CAP = 60.0  # dB; see the module's text


def _unchanged(mean: Tensor) -> Tensor:
    return mean


def decibels(mean_squared_error: Tensor) -> Tensor:
    """The PSNR of mean squared errors of pictures in [0, 1]: in dB, at most `PSNR_CAP`; nan stays nan."""
    return (-10 * torch.log10(mean_squared_error)).clamp(max=PSNR_CAP)


@dataclass(frozen=True)
class PixelMap:
    """A metric spread over the pixels, from which its value over any region is read.

    values: `(B,1,H,W)`, the quantity that is averaged (the squared error for PSNR); None for a metric that is the
    whole picture's alone.
    picture_mean: `(B,)`, its average over the whole picture by the metric's own definition.
    finish: turns an average into the metric's value (the logarithm for PSNR).
    """

    values: Tensor | None
    picture_mean: Tensor
    finish: Callable[[Tensor], Tensor] = _unchanged

    def over_picture(self) -> Tensor:
        """The metric of the whole picture, `(B,)`."""
        return self.finish(self.picture_mean)

    def over(self, region: Tensor) -> Tensor:
        """The metric of the pixels where `region` `(B,1,H,W)` is above 0.5: `(B,)`, nan if there are none.

        Raises `InputError` for a metric that only the whole picture has.
        """
        if self.values is None:
            raise InputError("this metric is the whole picture's alone and has no value in a region")
        check_mask(self.values, region)
        inside = is_hole(region)
        total = torch.where(inside, self.values, 0).sum(dim=(1, 2, 3))
        return self.finish(total / inside.sum(dim=(1, 2, 3)))


class Metric(ABC):
    """Compares pictures `(B,3,H,W)` in [0,1] with the true ones; a subclass implements `pixel_map`.

    name: the key in results and files. label: the name for people. unit: the unit, empty where there is none.
    smallest_side: pixels a picture needs. local: whether it has a value inside a region. cap: the largest value; what
    lies above counts as much. clamped: whether it looks at the pictures that 8-bit files would hold.
    """

    name: str
    label: str
    unit: str = ""
    higher_is_better: bool
    smallest_side: int = 1
    local: bool = True
    cap: float = math.inf
    clamped: bool = True

    @property
    def keys(self) -> list[str]:
        """The names of its figures: of the whole picture, and of each region that it has a value in."""
        if not self.local:
            return [self.name]
        return [self.name, f"{self.name}_hole", f"{self.name}_band"]

    def __call__(self, prediction: Tensor, target: Tensor) -> PixelMap:
        """The map of `prediction` against `target`, both `(B,3,H,W)` in [0,1]."""
        check_pair(prediction, target)
        return self.compare(prediction, target)

    def compare(self, prediction: Tensor, target: Tensor) -> PixelMap:
        """As a call, for pictures that `check_pair` has let through: their values are not looked at again."""
        if min(target.shape[2:]) < self.smallest_side:
            raise InputError(
                f"{self.label} needs pictures of at least {self.smallest_side} pixels a side, "
                f"but these have {target.shape[2]}x{target.shape[3]}."
            )
        dtype = torch.promote_types(torch.promote_types(prediction.dtype, target.dtype), torch.float32)
        return self.pixel_map(prediction.to(dtype), target.to(dtype))

    @abstractmethod
    def pixel_map(self, prediction: Tensor, target: Tensor) -> PixelMap:
        """The map, for checked pictures of one shape and one dtype of at least 32 bits."""

    def to(self, device: torch.device | str) -> Metric:
        """Move what the metric keeps (a network) to `device`; returns itself."""
        return self


class L1(Metric):
    """Mean absolute error: `mean |x - y|`, from 0 (equal) to 1."""

    name = "l1"
    label = "L1"
    higher_is_better = False

    def pixel_map(self, prediction: Tensor, target: Tensor) -> PixelMap:
        values = (prediction - target).abs().mean(dim=1, keepdim=True)
        return PixelMap(values, values.mean(dim=(1, 2, 3)))


class PSNR(Metric):
    """Peak signal-to-noise ratio: `-10 log10 mean (x - y)^2` in dB, at most `PSNR_CAP`, as for equal pictures."""

    name = "psnr"
    label = "PSNR"
    unit = "dB"
    cap = PSNR_CAP
    higher_is_better = True

    def pixel_map(self, prediction: Tensor, target: Tensor) -> PixelMap:
        values = (prediction - target).square().mean(dim=1, keepdim=True)
        return PixelMap(values, values.mean(dim=(1, 2, 3)), decibels)


def squared_errors(prediction: Tensor, target: Tensor, holes: Tensor | None = None) -> dict[str, float | int | None]:
    """The mean squared error "mse" over all that was filled, and "psnr", the mean of the pictures' own, in dB.

    "capped" is how many pictures count with `PSNR_CAP`, "left_out" how many have no hole and so no PSNR. Without any
    hole "mse" and "psnr" are None.

    Args:
        prediction, target: (N, C, H, W) in [0, 1].
        holes: (N, 1, H, W), 1 = hole; None compares whole pictures.
    """
    pixels = PSNR()(prediction, target)
    assert pixels.values is not None
    where = torch.ones_like(pixels.values, dtype=torch.bool)
    if holes is not None:
        where = is_hole(holes)
    each = pixels.over(where)
    known = each[~each.isnan()]
    found: dict[str, float | int | None] = {"mse": None, "psnr": None}
    if len(known):
        found["mse"] = float((pixels.values * where).sum() / where.sum())
        found["psnr"] = float(known.mean())
    return found | {"capped": int((known >= PSNR_CAP).sum()), "left_out": len(each) - len(known)}


class SSIM(Metric):
    """Structural similarity, at most 1 (equal); see the module's text for the window and the border."""

    name = "ssim"
    label = "SSIM"
    higher_is_better = True
    smallest_side = SSIM_WINDOW

    def pixel_map(self, prediction: Tensor, target: Tensor) -> PixelMap:
        # eps = 0: C1 C2 = 9e-8 already keeps the quotient finite, and kornia's 1e-12 beside it would cost
        # equal dark pictures 1e-5 of their 1.
        values = kornia_ssim(prediction, target, SSIM_WINDOW, max_val=1.0, eps=0.0).mean(dim=1, keepdim=True)
        border = SSIM_WINDOW // 2
        interior = values[..., border:-border, border:-border]
        return PixelMap(values, interior.mean(dim=(1, 2, 3)))


class MSSSIM(Metric):
    """Structural similarity at five scales, from 0 to 1 (equal), of the whole picture; see the module's text."""

    name = "ms_ssim"
    label = "MS-SSIM"
    higher_is_better = True
    local = False
    smallest_side = SSIM_WINDOW * 2 ** (SCALES - 1)

    def pixel_map(self, prediction: Tensor, target: Tensor) -> PixelMap:
        values = multiscale_structural_similarity_index_measure(
            prediction, target, kernel_size=SSIM_WINDOW, sigma=1.5, data_range=1.0, reduction="none"
        )
        return PixelMap(None, values.reshape(len(target)))


METRICS: dict[str, Metric] = {metric.name: metric for metric in (L1(), PSNR(), SSIM(), MSSSIM())}
"""The metrics that need no weights, by name. LPIPS is added by whoever has loaded it."""


@torch.no_grad()
def evaluate_pair(
    prediction: Tensor, target: Tensor, mask: Tensor, metrics: Iterable[Metric] | None = None
) -> dict[str, Tensor]:
    """Every metric over the picture (`psnr`), in the hole (`psnr_hole`) and in its band (`psnr_band`), `(B,)` each.

    A region without a pixel, and a picture too small for a metric, give nan.

    Args:
        prediction, target: `(B,3,H,W)` in [0,1].
        mask: `(B,1,H,W)`, 1 = hole.
        metrics: by default those of `METRICS`.
    """
    check_pair(prediction, target)
    check_mask(target, mask)
    if metrics is None:
        metrics = METRICS.values()
    return compare_regions(prediction, target, mask, metrics)


@torch.no_grad()
def compare_regions(prediction: Tensor, target: Tensor, mask: Tensor, metrics: Iterable[Metric]) -> dict[str, Tensor]:
    """`evaluate_pair` without a look at the values, which may lie outside [0, 1]."""
    hole = is_hole(mask)  # of a bool mask no values have to be checked
    regions = {"hole": hole, "band": band(hole)}
    results: dict[str, Tensor] = {}
    for metric in metrics:
        if min(target.shape[2:]) < metric.smallest_side:
            nothing = torch.full_like(target[:, :1], torch.nan, dtype=torch.float32)
            pixel_map = PixelMap(nothing, nothing.mean(dim=(1, 2, 3)))
        else:
            pixel_map = metric.compare(prediction, target)
        results[metric.name] = pixel_map.over_picture()
        if not metric.local:
            continue
        for name, region in regions.items():
            results[f"{metric.name}_{name}"] = pixel_map.over(region)
    return results
