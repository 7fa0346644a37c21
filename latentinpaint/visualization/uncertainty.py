r"""Where several samples of one hole differ.

With samples :math:`x_1 \dots x_K` of one hole the map is, at every pixel, their standard deviation (K - 1 in the
denominator), averaged over the channels. It is 0 where all agree; values in [0, 1] deviate by 0.71 at most.
"""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.hole import check_unit_mask, is_hole
from latentinpaint.metrics.calibration import standard_deviation_map
from latentinpaint.visualization.canvas import as_picture, canvas

FADED = 0.35  # of the photo's grey around the hole


def uncertainty_map(samples: Tensor, hole: Tensor) -> Tensor:
    """The standard deviation of samples (K, C, H, W), averaged over the channels: (H, W) float32, 0 outside the hole.

    Args:
        samples: at least 2, in [0, 1].
        hole: (H, W), 1 or True = hole.

    Raises:
        InputError: if there is one sample only, or the hole has another size.
    """
    if samples.ndim != 4 or len(samples) < 2:
        raise InputError("how uncertain a fill is shows from two samples on")
    if hole.shape != samples.shape[-2:]:
        raise InputError(f"the hole is {tuple(hole.shape)}, the samples are {tuple(samples.shape[-2:])} large")
    check_unit_mask(hole)
    mask = is_hole(hole)[None, None].to(samples.device, torch.float32)
    return standard_deviation_map(samples.float(), mask)[0, 0]


def draw_uncertainty(spread: np.ndarray, hole: np.ndarray, photo: Image.Image) -> Image.Image:
    """The map in colours on the faded photo, with its scale beside it.

    Args:
        spread: (H, W), as `uncertainty_map` has it.
        hole: (H, W) bool.
        photo: of the same shape, in any size; the drawing has its size in pixels, and the scale.
    """
    size = photo.size
    shown = np.asarray(Image.fromarray(spread.astype(np.float32)).resize(size, Image.Resampling.BOX))
    inside = np.asarray(Image.fromarray(hole.astype(np.float32)).resize(size, Image.Resampling.BOX))
    grey = np.asarray(photo.convert("L")) / 255 * FADED
    top = float(spread.max()) or 1.0
    width, height = size
    with canvas(width / 100 + 0.9, height / 100) as (figure, (axis,)):
        axis.imshow(grey, cmap="gray", vmin=0, vmax=1)
        map_shown = axis.imshow(np.ma.masked_where(inside == 0, shown), cmap="magma", vmin=0, vmax=top)
        figure.colorbar(map_shown, ax=axis, fraction=0.046, label="standard deviation (white is 1)")
        axis.set_axis_off()
        return as_picture(figure)
