"""How a hole is to be filled: what the command line builds, a folder's tasks hold and `Inpainter` takes."""

from dataclasses import dataclass

import numpy as np

from latentinpaint.errors import InputError, check_at_least
from latentinpaint.inference.blending import MaskDilation
from latentinpaint.inference.crops import Box, CropPolicy
from latentinpaint.inference.feature_refinement import Refinement
from latentinpaint.inference.texture import PatchTexture


@dataclass(frozen=True)
class FillOptions:
    """How a hole is to be filled, see `Inpainter.__call__`.

    Raises:
        InputError: if a value is out of range.
    """

    num_samples: int = 1
    seed: int = 0
    steps: int | None = None
    refine: bool | Refinement = False
    crop: str | int | None = "auto"
    dilate: int = 0
    feather: int = 0
    texture: bool | None = None
    ignore_problems: bool = False

    def __post_init__(self) -> None:
        check_at_least("the number of samples", self.num_samples, 1)
        if self.steps is not None:
            check_at_least("the number of steps", self.steps, 1)
        is_whole = isinstance(self.crop, int | np.integer) and not isinstance(self.crop, bool) and self.crop >= 0
        if not is_whole and self.crop not in (None, "auto"):
            raise InputError(f"crop is 'auto', None or the pixels of context around a hole, not {self.crop!r}")
        if not isinstance(self.refine, bool | Refinement):
            raise InputError(f"refine is True, False or a Refinement, not {self.refine!r}")
        if self.texture is not None and not isinstance(self.texture, bool):
            raise InputError(f"texture is True, False or None (as the model has it), not {self.texture!r}")
        _ = self.dilation

    @property
    def refinement(self) -> Refinement | None:
        """How to refine; None if nothing is refined."""
        if isinstance(self.refine, Refinement):
            return self.refine
        return Refinement() if self.refine else None

    @property
    def dilation(self) -> MaskDilation:
        """How the mask is dilated before the hole is filled."""
        return MaskDilation(self.dilate, self.feather)

    def crops(self, mask: np.ndarray, stride: int) -> list[Box]:
        """The parts of a picture that are filled, for a mask (H, W) bool."""
        if self.crop is None:
            height, width = mask.shape
            return [Box(0, 0, height, width)]
        policy = CropPolicy()
        if self.crop != "auto":
            policy = CropPolicy(int(self.crop), fraction=0.0, min_side=2 * stride, max_area=1.0)
        return policy.crops(mask, stride)

    def choose_texture(self, own: PatchTexture | None) -> PatchTexture | None:
        """The texture of the fills of a model whose own texture is `own`."""
        if self.texture is None:
            return own
        if not self.texture:
            return None
        return own or PatchTexture()
