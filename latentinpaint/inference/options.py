"""How a hole is to be filled: what the command line builds, a folder's tasks hold and `Inpainter` takes."""

from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from latentinpaint.errors import InputError, shown, whole_number, yes_or_no
from latentinpaint.inference.blending import MaskDilation
from latentinpaint.inference.crops import Box, CropPolicy
from latentinpaint.inference.feature_refinement import Refinement
from latentinpaint.inference.texture import PatchTexture


class FillArguments(TypedDict, total=False):
    """What calls of an `Inpainter` take by name; `FillOptions` has the same with its defaults.

    Attributes:
        seed: equal seeds give equal fills.
        steps: solver steps of a flow, None for the model's own.
        refine: whether pictures larger than those the model was trained on are refined from coarse to fine, and how;
            see `feature_refinement`. Takes many times as long.
        crop: "auto" lets only crops around small holes pass the networks, see `crops.CropPolicy`; None the whole
            picture; a number crops with so many pixels of context. What a model sees decides its fill, so the three
            differ; docs/large_pictures.md says by how much.
        dilate: pixels that the mask is dilated by before; known is what lies outside of the dilated mask.
        feather: pixels of blending inside the dilated mask, see `blending`; alone it dilates by as much.
        texture: whether fills are painted anew with patches of the picture, see `texture`; None as the model has it.
        ignore_problems: whether to fill also what the doctor calls a problem, see `doctor.examine`.
    """

    seed: int
    steps: int | None
    refine: bool | Refinement
    crop: str | int | None
    dilate: int
    feather: int
    texture: bool | None
    ignore_problems: bool


@dataclass(frozen=True)
class FillOptions:
    """How a hole is to be filled: so many samples, and otherwise see `FillArguments`.

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
        self._set("num_samples", whole_number("the number of samples", self.num_samples, 1))
        self._set("seed", whole_number("the seed", self.seed))
        if self.steps is not None:
            self._set("steps", whole_number("the number of steps", self.steps, 1))
        self._set("crop", _checked_crop(self.crop))
        if not isinstance(self.refine, Refinement):
            self._set("refine", _switch("refine", self.refine, "a Refinement"))
        if self.texture is not None:
            self._set("texture", _switch("texture", self.texture, "None (as the model has it)"))
        self._set("ignore_problems", yes_or_no("ignore_problems", self.ignore_problems))
        dilation = self.dilation
        self._set("dilate", dilation.dilate)
        self._set("feather", dilation.feather)

    def _set(self, name: str, value: object) -> None:
        """Set an attribute to the plain Python value of what was given, such as an int for a NumPy integer."""
        object.__setattr__(self, name, value)

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


def _switch(name: str, value: object, otherwise: str) -> bool:
    """A truth value; `otherwise` is what else could have been given, for the message."""
    try:
        return yes_or_no(name, value)
    except InputError as error:
        raise InputError(f"{name} is True, False or {otherwise}, not {shown(value)}") from error


def _checked_crop(crop: object) -> str | int | None:
    if crop is None or (isinstance(crop, str) and crop == "auto"):
        return crop
    try:
        return whole_number("crop", crop, 0)
    except InputError as error:
        raise InputError(f"crop is 'auto', None or the pixels of context around a hole, not {shown(crop)}") from error
