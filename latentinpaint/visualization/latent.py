r"""What the encoder loses around a hole, made visible.

With E and D on raw features and a hole that is hidden before encoding,

.. math:: D[E(x) - E(m \odot x)]

shows what the masked picture's features lack (Babin, "Image inpainting in latent space", 2024, equation 4.1). The
decoder is not linear and has biases, so D(0), what it makes of nothing, is the honest picture to hold beside it.
The map ``|E(x) - E(m x)|``, in units of each channel's standard deviation and averaged over the channels, shows where
cells were damaged: beyond the hole by the encoder's receptive field. A mask control is there to repair that ring.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from latentinpaint.models import Autoencoder, MaskControl
from latentinpaint.pipeline import mask_out, pad_to_stride
from latentinpaint.visualization.canvas import as_picture, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class LatentDifference:
    """Pictures (B, 3, H, W) in [0, 1] and maps on the latent grid (B, 1, h, w).

    Attributes:
        masked: the picture with its hole hidden.
        decoded: D[E(x) - E(masked)].
        zero: D(0).
        damage: |E(x) - E(masked)|, mean over channels, in standard deviations.
        repaired_decoded, repaired_damage: the same with the mask control's features added, None without one.
        mask: (B, 1, H, W), 1 = hole.
    """

    masked: Tensor
    decoded: Tensor
    zero: Tensor
    damage: Tensor
    repaired_decoded: Tensor | None
    repaired_damage: Tensor | None
    mask: Tensor


@torch.no_grad()
def latent_difference(
    autoencoder: Autoencoder, image: Tensor, mask: Tensor, control: MaskControl | None = None
) -> LatentDifference:
    """Compare the latents of a picture and of the same picture with a hole.

    Args:
        autoencoder: in evaluation mode.
        image: (B, 3, H, W) in [0, 1], any size; it is padded to the stride, as are the results.
        mask: (B, 1, H, W), 1 = hole.
        control: a trained mask control of this autoencoder.
    """
    image = pad_to_stride(image, autoencoder.stride).contiguous()
    mask = pad_to_stride(mask, autoencoder.stride)
    whole = autoencoder.encode_features(image)
    masked = mask_out(image, mask, autoencoder.hole_value)

    def compare(features: Tensor) -> tuple[Tensor, Tensor]:
        lost = whole - features
        relative = lost / autoencoder.latent_std.view(1, -1, 1, 1)
        return autoencoder.decode_features(lost), relative.abs().mean(dim=1, keepdim=True)

    decoded, damage = compare(autoencoder.encode_features(masked))
    zero = autoencoder.decode_features(torch.zeros_like(whole))
    if control is None:
        return LatentDifference(masked, decoded, zero, damage, None, None, mask)
    repaired_decoded, repaired_damage = compare(autoencoder.encode_features(masked, control(mask)))
    return LatentDifference(masked, decoded, zero, damage, repaired_decoded, repaired_damage, mask)


def draw_latent_difference(result: LatentDifference, index: int = 0, columns: int | None = None) -> Image.Image:
    """One sheet of the pictures and maps of item `index`, with the hole's outline on the maps.

    Args:
        result: what to draw.
        index: of the item.
        columns: panels side by side, None for all; more rows are as high as the picture needs.
    """
    pictures = {"masked picture": result.masked, "D[E(truth) − E(masked)]": result.decoded, "D(0)": result.zero}
    maps = {"|E(truth) − E(masked)|": result.damage}
    if result.repaired_decoded is not None and result.repaired_damage is not None:
        pictures["the same, with mask control"] = result.repaired_decoded
        maps["|E(truth) − E(masked)|, with mask control"] = result.repaired_damage
    hole = result.mask[index, 0].float().cpu().numpy()
    top = float(np.max([m[index].max().item() for m in maps.values()])) or 1.0
    count = len(pictures) + len(maps)
    columns = min(columns or count, count)
    rows = math.ceil(count / columns)
    row_height = 3.9
    if rows > 1:
        row_height = 3.4 * min(2.0, hole.shape[0] / hole.shape[1]) + 0.5
    # A quarter of a pixel more than 340 a panel: some versions cut the width to whole pixels, some round it.
    with canvas(3.4 * columns + 0.0025, row_height * rows, rows, columns) as (figure, axes):
        for axis, (title, picture) in zip(axes, pictures.items(), strict=False):
            axis.imshow(picture[index].clamp(0, 1).permute(1, 2, 0).cpu().numpy())
            axis.set_title(title, fontsize=9)
        for axis, (title, cells) in zip(axes[len(pictures) :], maps.items(), strict=False):
            _draw_map(axis, title, cells[index : index + 1], hole, top)
        for axis in axes:
            axis.set_axis_off()
        return as_picture(figure)


def _draw_map(axis: "Axes", title: str, cells: Tensor, hole: np.ndarray, top: float) -> None:
    """A map (1, 1, h, w) enlarged to the hole's size (H, W), with its means and its scale up to `top`."""
    enlarged = F.interpolate(cells, size=hole.shape, mode="nearest")[0, 0].cpu().numpy()
    shown = axis.imshow(enlarged, cmap="magma", vmin=0, vmax=top)
    if 0 < hole.mean() < 1:
        axis.contour(hole, levels=[0.5], colors="white", linewidths=1)
    inside = _mean(enlarged, hole)
    outside = _mean(enlarged, 1 - hole)
    axis.set_title(f"{title}\nmean in the hole {inside}, outside {outside}", fontsize=9)
    axis.figure.colorbar(shown, ax=axis, fraction=0.046, label="standard deviations")


def _mean(values: np.ndarray, weight: np.ndarray) -> str:
    total = weight.sum()
    return f"{(values * weight).sum() / total:.3f}" if total else "–"
