"""Inpainting without training: what a model has to beat.

    mean    every hole pixel is the mean colour of the known pixels of its picture
    telea   OpenCV's fast marching: Telea, "An image inpainting technique based on the fast marching
            method", 2004, https://doi.org/10.1080/10867651.2004.10487596
    ns      OpenCV's fluid dynamics: Bertalmio, Bertozzi, Sapiro, "Navier-Stokes, fluid dynamics, and image
            and video inpainting", 2001, https://doi.org/10.1109/CVPR.2001.990497
    biharmonic  scikit-image's solution of the biharmonic equation in each connected hole: Damelin, Hoang, "On
            surface completion and image inpainting by biharmonic functions", 2018, arXiv 1707.06567. Slow for
            large holes.
    patchmatch  copies patches from elsewhere in the picture: Barnes, Shechtman, Finkelstein, Goldman, "PatchMatch",
            2009, https://doi.org/10.1145/1531326.1531330, as the package `pypatchmatch` has it, where it is installed

Conventions. Images are `(B,3,H,W)` in [0,1], masks `(B,1,H,W)` with 1 = hole. Known pixels come back bit for
bit; what stood in the hole is blanked before a method sees it. A picture without a known pixel becomes
mid-grey, 0.5, and one without a hole comes back as it is.
"""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod

import cv2
import numpy as np
import torch
from skimage.restoration import inpaint_biharmonic
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.hole import is_hole
from latentinpaint.metrics.picture_checks import check_mask


class Baseline(ABC):
    """Fills holes; the base class hides the hole and keeps the known pixels, a method is one `_fill`.

    name: the key in results and files. label: the name for people.
    """

    name: str
    label: str

    def check(self) -> None:  # noqa: B027
        """Raise `InputError` if the method is not installed; most always are."""

    @torch.no_grad()
    def __call__(self, image: Tensor, mask: Tensor) -> Tensor:
        """The images `(B,3,H,W)` in [0,1] with the hole of `mask` `(B,1,H,W)` filled: a new tensor like `image`."""
        check_mask(image, mask)
        if image.shape[1] != 3 or not image.is_floating_point():
            raise InputError(
                f"Pictures to fill must be floating point of shape (B, 3, H, W), "
                f"but these are {image.dtype} of shape {tuple(image.shape)}."
            )
        hole = is_hole(mask)
        damaged = torch.where(hole, 0, image)
        filled = torch.stack([self._fill_one(x, h) for x, h in zip(damaged, hole, strict=True)])
        return torch.where(hole, filled, image)

    def _fill_one(self, damaged: Tensor, hole: Tensor) -> Tensor:
        if hole.all():
            return torch.full_like(damaged, 0.5)
        if not hole.any():
            return damaged
        return self._fill(damaged, hole)

    @abstractmethod
    def _fill(self, damaged: Tensor, hole: Tensor) -> Tensor:
        """Fill one picture `(3,H,W)`, 0 in the hole `(1,H,W)` (bool; some pixels are, some are not).

        Only the hole's pixels of what it returns are used.
        """


class MeanColour(Baseline):
    """The mean colour of the known pixels."""

    name = "mean"
    label = "mean colour"

    def _fill(self, damaged: Tensor, hole: Tensor) -> Tensor:
        mean = damaged.sum(dim=(1, 2), keepdim=True) / (~hole).sum()
        return mean.expand_as(damaged)


class OpenCVInpaint(Baseline):
    """`cv2.inpaint` on the picture rounded to 8 bits; `radius` in pixels is the neighbourhood it looks at."""

    flag: int

    def __init__(self, radius: float = 3) -> None:
        self.radius = radius

    def _fill(self, damaged: Tensor, hole: Tensor) -> Tensor:
        pixels = (damaged.float() * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0)
        filled = cv2.inpaint(
            np.ascontiguousarray(pixels.cpu().numpy()),
            hole[0].cpu().numpy().astype(np.uint8),
            self.radius,
            self.flag,
        )
        return torch.from_numpy(filled).permute(2, 0, 1).to(damaged) / 255


class Telea(OpenCVInpaint):
    """Telea's fast marching method.

    OpenCV adds up to 1.4 of 255 levels along the gradient at every step of the march, however faint the
    gradient is, so even an even area comes back some levels off, the more the deeper the hole.
    """

    name = "telea"
    label = "OpenCV Telea"
    flag = cv2.INPAINT_TELEA


class NavierStokes(OpenCVInpaint):
    """Bertalmio, Bertozzi and Sapiro's method, as OpenCV has it."""

    name = "ns"
    label = "OpenCV Navier–Stokes"
    flag = cv2.INPAINT_NS


class Biharmonic(Baseline):
    """The smoothest surface over the hole, as scikit-image has it."""

    name = "biharmonic"
    label = "biharmonic"

    def _fill(self, damaged: Tensor, hole: Tensor) -> Tensor:
        pixels = damaged.double().permute(1, 2, 0).cpu().numpy()
        where = hole[0].cpu().numpy()
        filled = inpaint_biharmonic(pixels, where, split_into_regions=True, channel_axis=2)
        return torch.from_numpy(filled).permute(2, 0, 1).to(damaged).clamp(0, 1)


class PatchMatch(Baseline):
    """Patches of 2 `radius` + 1 pixels a side from elsewhere in the picture, rounded to 8 bits.

    Where hardly as much as a patch is known, its package leaves part of the hole black.
    """

    name = "patchmatch"
    label = "PatchMatch"

    def __init__(self, radius: int = 3) -> None:
        self.radius = radius

    def check(self) -> None:
        if importlib.util.find_spec("patchmatch") is None:
            raise InputError("PatchMatch is in a package of its own: pip install pypatchmatch")

    def _fill(self, damaged: Tensor, hole: Tensor) -> Tensor:
        self.check()
        from patchmatch import patch_match

        # Its random numbers are its own: seeded here, so that a picture's fill does not depend on those before it.
        patch_match.set_random_seed(0)
        pixels = (damaged.float() * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0)
        where = hole[0].cpu().numpy().astype(np.uint8)
        filled = patch_match.inpaint(np.ascontiguousarray(pixels.cpu().numpy()), where, patch_size=self.radius)
        return torch.from_numpy(filled).permute(2, 0, 1).to(damaged) / 255


BASELINES: dict[str, Baseline] = {
    method.name: method for method in (MeanColour(), Telea(), NavierStokes(), Biharmonic(), PatchMatch())
}
"""The methods that need no training, by name."""
