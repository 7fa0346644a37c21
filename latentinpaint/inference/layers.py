"""What of a picture passes the networks: its colours, and its alpha where that is not known either.

The alpha of a hole is filled like a grey picture, with the same options, where it varies along the hole's edge (see
`images.transparency`). Colours that are hidden under no alpha are unknown, whether in the hole or not.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from latentinpaint.images.modes import LUMINANCE
from latentinpaint.images.picture import Picture
from latentinpaint.images.transparency import HoleAlpha, hidden, hole_alpha
from latentinpaint.inference.blending import SoftMask


@dataclass(frozen=True, eq=False)
class PictureLayers:
    """A picture as one or two pictures to be filled.

    Attributes:
        images: (1, 3, H, W) float32 in [0, 1], the colours; or (2, 3, H, W) with the alpha, as a grey picture.
        masks: (1 or 2, 1, H, W) bool, what is to be filled.
        hidden: (1 or 2, 1, H, W) bool, what is unknown besides.
        soft: the mask of the hole.
        alpha: the picture's own, (H, W); None where it has none.
        new_alpha: that of the picture with its hole; None where it has none.
    """

    images: Tensor
    masks: Tensor
    hidden: Tensor
    soft: SoftMask
    alpha: np.ndarray | None = None
    new_alpha: HoleAlpha | None = None

    @classmethod
    def of(cls, picture: Picture, soft: SoftMask) -> "PictureLayers":
        """The layers of a picture whose hole has the mask (1, 1, H, W)."""
        colours = torch.from_numpy(picture.rgb()).float().permute(2, 0, 1)[None]
        alpha = picture.alpha()
        if alpha is None:
            return cls(colours, soft.mask, torch.zeros_like(soft.mask), soft)
        new_alpha = hole_alpha(alpha, soft.mask[0, 0].numpy())
        unseen = torch.from_numpy(hidden(alpha))[None, None]
        unknown = torch.from_numpy(new_alpha.unknown)[None, None]
        if not unknown.any():
            return cls(colours, soft.mask, unseen, soft, alpha, new_alpha)
        grey = torch.from_numpy(new_alpha.alpha)[None, None].expand(1, 3, -1, -1)
        return cls(
            torch.cat([colours, grey]),
            torch.cat([soft.mask, unknown]),
            torch.cat([unseen, torch.zeros_like(unseen)]),
            soft,
            alpha,
            new_alpha,
        )

    def blended(self, sample: Tensor) -> tuple[np.ndarray, np.ndarray | None]:
        """Colours (H, W, 3) and alpha (H, W) for the hole, of a filled sample of `images`; None for no alpha."""
        fill = sample[:1]
        blended = fill
        if self.soft.alpha is not None:
            # A colour that nobody saw must not be blended into what is seen.
            blended = torch.where(self.hidden[:1], fill, self.soft.blend(fill, self.images[:1]))
        colours = blended[0].permute(1, 2, 0).numpy()
        if self.alpha is None or self.new_alpha is None:
            return colours, None
        grey = sample[-1].permute(1, 2, 0).numpy() @ LUMINANCE.astype(np.float32)
        completed = torch.from_numpy(self.new_alpha.completed(grey))[None, None]
        return colours, self.soft.blend(completed, torch.from_numpy(self.alpha)[None, None])[0, 0].numpy()
