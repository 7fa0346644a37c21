"""How close a filled picture is to the true one: L1, PSNR, SSIM and LPIPS.

Conventions. Pictures are float tensors `(B,3,H,W)` in [0,1], never clamped here; masks are `(B,1,H,W)`,
1 = hole. With `x` the prediction, `y` the truth and `R` a region (the whole picture, or the hole), a
metric makes one map over the pixels and averages it over `R`, one number a picture:

    l1       mean_R |x - y|                                     the map is the mean over the channels
    psnr     -10 log10( mean_R (x - y)^2 )                      decibels, data range 1; x = y gives inf
    ssim     mean_R (2 m_x m_y + C1)(2 s_xy + C2) / ((m_x^2 + m_y^2 + C1)(s_x^2 + s_y^2 + C2))
             Gaussian window 11x11 with sigma 1.5, population covariance, C1 = 0.01^2, C2 = 0.03^2, every
             channel by itself and then their mean. Wang, Bovik, Sheikh, Simoncelli, "Image quality
             assessment: from error visibility to structural similarity", 2004,
             https://doi.org/10.1109/TIP.2003.819861
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

A region without a pixel (no hole) gives nan: there is nothing to judge, and nan cannot pass for perfect.
SSIM and LPIPS look around a pixel, so their value inside the hole also depends on a rim of known pixels.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lpips
import torch
import torch.nn.functional as F
from kornia.metrics import ssim as kornia_ssim
from torch import Tensor
from torchvision.models import AlexNet_Weights, SqueezeNet1_1_Weights, VGG16_Weights

from latentinpaint.errors import InputError

SSIM_WINDOW = 11


def check_mask(images: Tensor, mask: Tensor) -> None:
    """Raise `InputError` unless `mask` is `(B,1,H,W)` for images `(B,C,H,W)`."""
    expected = (images.shape[0], 1, *images.shape[2:])
    if images.ndim != 4 or mask.shape != expected:
        raise InputError(
            f"The mask has shape {tuple(mask.shape)}, but pictures of shape {tuple(images.shape)} "
            f"need one of shape (B, 1, H, W) with the same batch, height and width."
        )


def _unchanged(mean: Tensor) -> Tensor:
    return mean


def _decibels(mean_squared_error: Tensor) -> Tensor:
    return -10 * torch.log10(mean_squared_error)


@dataclass(frozen=True)
class PixelMap:
    """A metric spread over the pixels, from which its value over any region is read.

    values: `(B,1,H,W)`, the quantity that is averaged (the squared error for PSNR).
    picture_mean: `(B,)`, its average over the whole picture by the metric's own definition.
    finish: turns an average into the metric's value (the logarithm for PSNR).
    """

    values: Tensor
    picture_mean: Tensor
    finish: Callable[[Tensor], Tensor] = _unchanged

    def over_picture(self) -> Tensor:
        """The metric of the whole picture, `(B,)`."""
        return self.finish(self.picture_mean)

    def over(self, region: Tensor) -> Tensor:
        """The metric of the pixels where `region` `(B,1,H,W)` is above 0.5: `(B,)`, nan if there are none."""
        check_mask(self.values, region)
        inside = region > 0.5
        total = torch.where(inside, self.values, 0).sum(dim=(1, 2, 3))
        return self.finish(total / inside.sum(dim=(1, 2, 3)))


class Metric(ABC):
    """Compares pictures `(B,3,H,W)` in [0,1] with the true ones; a subclass implements `pixel_map`.

    name: the key in results and files. label: the name for people. unit: the unit, empty where there is none.
    """

    name: str
    label: str
    unit: str = ""
    higher_is_better: bool
    smallest_side: int = 1

    def __call__(self, prediction: Tensor, target: Tensor) -> PixelMap:
        """The map of `prediction` against `target`, both `(B,3,H,W)` in [0,1]."""
        if prediction.shape != target.shape or target.ndim != 4:
            raise InputError(
                f"The pictures to compare must have one shape (B, 3, H, W), "
                f"but theirs are {tuple(prediction.shape)} and {tuple(target.shape)}."
            )
        if not (prediction.is_floating_point() and target.is_floating_point()):
            raise InputError(
                f"The pictures to compare must be floating point in [0, 1], "
                f"but they are {prediction.dtype} and {target.dtype}."
            )
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

    name, label, higher_is_better = "l1", "L1", False

    def pixel_map(self, prediction: Tensor, target: Tensor) -> PixelMap:
        values = (prediction - target).abs().mean(dim=1, keepdim=True)
        return PixelMap(values, values.mean(dim=(1, 2, 3)))


class PSNR(Metric):
    """Peak signal-to-noise ratio: `-10 log10 mean (x - y)^2` in dB, inf for equal pictures."""

    name, label, unit, higher_is_better = "psnr", "PSNR", "dB", True

    def pixel_map(self, prediction: Tensor, target: Tensor) -> PixelMap:
        values = (prediction - target).square().mean(dim=1, keepdim=True)
        return PixelMap(values, values.mean(dim=(1, 2, 3)), _decibels)


def squared_errors(prediction: Tensor, target: Tensor, holes: Tensor | None = None) -> dict[str, float | int | None]:
    """The mean squared error "mse" over all that was filled, and "psnr", the mean of the pictures' own, in dB.

    Pictures that are exact, whose PSNR is infinite, are left out of its mean and counted as "infinite"; if all are,
    "psnr" is None.

    Args:
        prediction, target: (N, C, H, W) in [0, 1].
        holes: (N, 1, H, W), 1 = hole; None compares whole pictures.
    """
    pixels = PSNR()(prediction, target)
    where = torch.ones_like(pixels.values) if holes is None else holes
    mse = (pixels.values * where).sum() / where.sum()
    each = pixels.over(where)
    finite = each[each.isfinite()]
    psnr = float(finite.mean()) if len(finite) else None
    return {"mse": float(mse), "psnr": psnr, "infinite": len(each) - len(finite)}


class SSIM(Metric):
    """Structural similarity, at most 1 (equal); see the module's text for the window and the border."""

    name, label, higher_is_better = "ssim", "SSIM", True
    smallest_side = SSIM_WINDOW

    def pixel_map(self, prediction: Tensor, target: Tensor) -> PixelMap:
        # eps = 0: C1 C2 = 9e-8 already keeps the quotient finite, and kornia's 1e-12 beside it would cost
        # equal dark pictures 1e-5 of their 1.
        values = kornia_ssim(prediction, target, SSIM_WINDOW, max_val=1.0, eps=0.0).mean(dim=1, keepdim=True)
        border = SSIM_WINDOW // 2
        interior = values[..., border:-border, border:-border]
        return PixelMap(values, interior.mean(dim=(1, 2, 3)))


@dataclass(frozen=True)
class Backbone:
    """A network LPIPS can look through: torchvision's weights for it, and the smallest picture it takes."""

    weights: Any  # a member of torchvision's weights enumeration, for its address
    smallest_side: int

    @property
    def file_name(self) -> str:
        return self.weights.url.rsplit("/", 1)[-1]


LPIPS_BACKBONES: dict[str, Backbone] = {
    "squeeze": Backbone(SqueezeNet1_1_Weights.IMAGENET1K_V1, smallest_side=17),
    "alex": Backbone(AlexNet_Weights.IMAGENET1K_V1, smallest_side=31),
    "vgg": Backbone(VGG16_Weights.IMAGENET1K_V1, smallest_side=16),
}


class LPIPS(Metric):
    """Learned perceptual distance, 0 for equal pictures; build it with `load_lpips`.

    network: an `lpips.LPIPS` with its weights in place. `backbone`: its key in `LPIPS_BACKBONES`.
    """

    higher_is_better = False

    def __init__(self, network: lpips.LPIPS, backbone: str) -> None:
        self.network = network.eval().requires_grad_(False)
        self.name = f"lpips_{backbone}"
        self.label = f"LPIPS({backbone})"
        self.smallest_side = LPIPS_BACKBONES[backbone].smallest_side

    def to(self, device: torch.device | str) -> LPIPS:
        self.network.to(device)
        return self

    def _features(self, images: Tensor) -> list[Tensor]:
        """Unit-length features of every layer, for images in [0,1]; the network wants [-1,1]."""
        scaled = self.network.scaling_layer(2 * images.float() - 1)
        return [lpips.normalize_tensor(layer) for layer in self.network.net(scaled)]

    def pixel_map(self, prediction: Tensor, target: Tensor) -> PixelMap:
        # The network's own forward gives either the number or the map; from the layers' distances, one pass
        # gives both.
        pairs = zip(self.network.lins, self._features(prediction), self._features(target), strict=True)
        layers = [head((a - b).square()) for head, a, b in pairs]  # each (B,1,h,w)
        size = target.shape[2:]
        enlarged = [F.interpolate(d, size=size, mode="bilinear", align_corners=False) for d in layers]
        picture_mean = torch.stack([layer.mean(dim=(1, 2, 3)) for layer in layers]).sum(dim=0)
        return PixelMap(torch.stack(enlarged).sum(dim=0), picture_mean)


def load_lpips(network: str = "squeeze", weights: Path | str | None = None) -> LPIPS:
    """Build LPIPS over a backbone, from files that are on this machine; nothing is ever downloaded.

    network: a key of `LPIPS_BACKBONES`: "squeeze", "alex" or "vgg".
    weights: torchvision's state dict of that network; without it the file is looked for under torchvision's
        name in torch's hub cache, `torch.hub.get_dir()/checkpoints`. The linear heads come with `lpips`.

    Raises `InputError` when the file is missing or is not such a state dict; a caller can report the
    sentence and go on without LPIPS.
    """
    if network not in LPIPS_BACKBONES:
        raise InputError(f"LPIPS network {network!r} is unknown; choose one of {', '.join(LPIPS_BACKBONES)}.")
    backbone = LPIPS_BACKBONES[network]
    path = Path(weights) if weights else Path(torch.hub.get_dir(), "checkpoints", backbone.file_name)
    state = _read_backbone(path, network)
    # The constructor draws random weights, all replaced below: it must not disturb the caller's generator,
    # nor show torchvision's warning about the way lpips calls it.
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        model = lpips.LPIPS(net=network, pnet_rand=True, verbose=False)
    _copy_backbone(model.net, state, path, network)
    return LPIPS(model, network)


def _read_backbone(path: Path, network: str) -> dict[str, Any]:
    """The state dict in `path`."""
    if not path.is_file():
        backbone = LPIPS_BACKBONES[network]
        cache = Path(torch.hub.get_dir(), "checkpoints", backbone.file_name)
        raise InputError(
            f"LPIPS({network}) needs torchvision's weights, and {path} is not there: "
            f"fetch {backbone.weights.url} and save it as {cache}."
        )
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load fails in many ways: unpickling, zip, end of file, permission
        raise InputError(f"{path} cannot be read as weights for LPIPS({network}).") from error
    if not isinstance(state, dict):
        raise InputError(f"{path} does not hold a state dict, so it cannot serve LPIPS({network}).")
    return state


def _copy_backbone(net: torch.nn.Module, state: dict[str, Any], path: Path, network: str) -> None:
    """Copy torchvision's `features.3.weight` into `slice2.3.weight`: lpips keeps the layers' numbers."""
    for name, parameter in net.named_parameters():
        source = state.get("features." + name.split(".", 1)[1])
        if not isinstance(source, Tensor) or source.shape != parameter.shape:
            raise InputError(
                f"{path} does not fit LPIPS({network}): it is not torchvision's state dict of that network "
                f"({LPIPS_BACKBONES[network].file_name})."
            )
        parameter.data.copy_(source)  # float16 in the file becomes the network's float32


METRICS: dict[str, Metric] = {metric.name: metric for metric in (L1(), PSNR(), SSIM())}
"""The metrics that need no weights, by name. LPIPS is added by whoever has loaded it."""


@torch.no_grad()
def evaluate_pair(
    prediction: Tensor, target: Tensor, mask: Tensor, metrics: Iterable[Metric] | None = None
) -> dict[str, Tensor]:
    """Every metric over the picture (`psnr`) and inside the hole (`psnr_hole`), one value `(B,)` a picture.

    prediction, target: `(B,3,H,W)` in [0,1]. mask: `(B,1,H,W)`, 1 = hole; a picture without a hole has nan
    inside it. metrics: those of `METRICS` when not given.
    """
    check_mask(target, mask)
    results: dict[str, Tensor] = {}
    for metric in METRICS.values() if metrics is None else metrics:
        pixel_map = metric(prediction, target)
        results[metric.name] = pixel_map.over_picture()
        results[f"{metric.name}_hole"] = pixel_map.over(mask)
    return results
