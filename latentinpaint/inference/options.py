"""How a hole is to be filled: what the command line reads, a folder's job holds and `Inpainter` takes."""

from dataclasses import dataclass

import numpy as np

from latentinpaint.errors import InputError
from latentinpaint.inference.blending import Widening
from latentinpaint.inference.crops import Crop, Window
from latentinpaint.inference.feature_refinement import Refinement
from latentinpaint.inference.texture import PatchTexture


@dataclass(frozen=True)
class FillOptions:
    """How a hole is to be filled, see `Inpainter.__call__`."""

    num_samples: int = 1
    seed: int = 0
    steps: int | None = None
    refine: bool | Refinement = False
    crop: str | int | None = "auto"
    dilate: int = 0
    feather: int = 0
    texture: bool | None = None

    def __post_init__(self) -> None:
        if self.num_samples < 1:
            raise InputError(f"the number of samples starts at 1, not {self.num_samples}")
        if self.steps is not None and self.steps < 1:
            raise InputError(f"the number of steps starts at 1, not {self.steps}")
        whole = isinstance(self.crop, int | np.integer) and not isinstance(self.crop, bool) and self.crop >= 0
        if not (whole or self.crop in (None, "auto")):
            raise InputError(f"crop is 'auto', None or the pixels of context around a hole, not {self.crop!r}")
        if not isinstance(self.refine, bool | Refinement):
            raise InputError(f"refine is True, False or a Refinement, not {self.refine!r}")
        if not (self.texture is None or isinstance(self.texture, bool)):
            raise InputError(f"texture is True, False or None (as the model has it), not {self.texture!r}")
        _ = self.widening

    @property
    def refinement(self) -> Refinement | None:
        """How to refine; None if nothing is refined."""
        if isinstance(self.refine, Refinement):
            return self.refine
        return Refinement() if self.refine else None

    @property
    def widening(self) -> Widening:
        """How the hole is widened before it is filled."""
        return Widening(self.dilate, self.feather)

    def windows(self, hole: np.ndarray, stride: int) -> list[Window]:
        """The parts of a picture that are filled, for a hole (H, W) bool."""
        if self.crop is None:
            return [Window(0, 0, *hole.shape)]
        if self.crop == "auto":
            return Crop().windows(hole, stride)
        return Crop(int(self.crop), fraction=0.0, least_side=2 * stride, share=1.0).windows(hole, stride)

    def chosen_texture(self, own: PatchTexture | None) -> PatchTexture | None:
        """The texture that fills get of a model whose own is `own`."""
        if self.texture is None:
            return own
        if not self.texture:
            return None
        return own or PatchTexture()
