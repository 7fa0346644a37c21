r"""What the encoder loses around a hole, made visible.

With E and D on raw features and a hole that is hidden before encoding,

.. math:: D[E(x) - E(m \odot x)]

shows what the masked picture's features lack (Babin, "Image inpainting in latent space", 2024, equation 4.1). The
decoder is not linear and has biases, so D(0), what it makes of nothing, is the honest picture to hold beside it.
The map ``|E(x) - E(m x)|``, in units of each channel's deviation and averaged over the channels, shows where cells
were damaged: beyond the hole by the encoder's receptive field. A mask control is there to repair that ring.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from latentinpaint.models import Autoencoder, MaskControl
from latentinpaint.pipeline import mask_out, pad_to_stride


@dataclass(frozen=True)
class LatentDifference:
    """Pictures (B, 3, H, W) in [0, 1] and maps on the latent grid (B, 1, h, w).

    Attributes:
        masked: the picture with its hole hidden.
        decoded: D[E(x) - E(masked)].
        zero: D(0).
        damage: |E(x) - E(masked)|, mean over channels, in deviations.
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
    masked = mask_out(image, mask)

    def compare(features: Tensor) -> tuple[Tensor, Tensor]:
        lost = whole - features
        deviations = lost / autoencoder.latent_std.view(1, -1, 1, 1)
        return autoencoder.decode_features(lost), deviations.abs().mean(dim=1, keepdim=True)

    decoded, damage = compare(autoencoder.encode_features(masked))
    repaired_decoded, repaired_damage = None, None
    if control is not None:
        repaired_decoded, repaired_damage = compare(autoencoder.encode_features(masked, control(mask)))
    zero = autoencoder.decode_features(torch.zeros_like(whole))
    return LatentDifference(masked, decoded, zero, damage, repaired_decoded, repaired_damage, mask)


def draw_latent_difference(result: LatentDifference, index: int = 0, columns: int | None = None) -> Image.Image:
    """One sheet of the pictures and maps of row `index`, with the hole's outline on the maps.

    Args:
        result: what to draw.
        index: of the row.
        columns: panels side by side, None for all; more rows are as high as the picture needs.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    pictures = {"masked picture": result.masked, "D[E(truth) − E(masked)]": result.decoded, "D(0)": result.zero}
    maps = {"|E(truth) − E(masked)|": result.damage}
    if result.repaired_damage is not None:
        pictures["the same, with mask control"] = result.repaired_decoded
        maps["|E(truth) − E(masked)|, with mask control"] = result.repaired_damage
    hole = result.mask[index, 0].float().cpu().numpy()
    top = float(np.max([m[index].max().item() for m in maps.values()])) or 1.0
    count = len(pictures) + len(maps)
    # A quarter of a pixel more than 340 a panel: some versions cut the width to whole pixels, some round it.
    columns = min(columns or count, count)
    rows = -(-count // columns)
    high = 3.9 if rows == 1 else 3.4 * min(2.0, hole.shape[0] / hole.shape[1]) + 0.5
    size = (3.4 * columns + 0.0025, high * rows)
    figure, axes = plt.subplots(rows, columns, figsize=size, dpi=100, constrained_layout=True, squeeze=False)
    axes = axes.ravel()
    for axis, (title, picture) in zip(axes, pictures.items(), strict=False):
        axis.imshow(picture[index].clamp(0, 1).permute(1, 2, 0).cpu().numpy())
        axis.set_title(title, fontsize=9)
    for axis, (title, cells) in zip(axes[len(pictures) :], maps.items(), strict=False):
        enlarged = F.interpolate(cells[index : index + 1], size=hole.shape, mode="nearest")[0, 0].cpu().numpy()
        shown = axis.imshow(enlarged, cmap="magma", vmin=0, vmax=top)
        if 0 < hole.mean() < 1:
            axis.contour(hole, levels=[0.5], colors="white", linewidths=1)
        axis.set_title(
            f"{title}\nmean in the hole {_mean(enlarged, hole)}, outside {_mean(enlarged, 1 - hole)}", fontsize=9
        )
        figure.colorbar(shown, ax=axis, fraction=0.046, label="standard deviations")
    for axis in axes:
        axis.set_axis_off()
    figure.canvas.draw()
    sheet = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3].copy())
    plt.close(figure)
    return sheet


def _mean(values: np.ndarray, weight: np.ndarray) -> str:
    return f"{(values * weight).sum() / weight.sum():.3f}" if weight.sum() else "–"
