"""`Inpainter`: a trained model and any kind of picture in, the same kind of picture out."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentinpaint.device import choose_device
from latentinpaint.errors import InputError, choose, shown
from latentinpaint.files import user_path
from latentinpaint.images.any_picture import (
    AnyPicture,
)
from latentinpaint.images.image_files import Picture
from latentinpaint.inference.feature_refinement import Refinement
from latentinpaint.inference.fill import fill_holes
from latentinpaint.inference.fill_input import FillInput, expanded_input, fill_input, picture_input
from latentinpaint.inference.options import FillOptions
from latentinpaint.inference.outpainting import Side
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.models.fast.fuse import fuse
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.progress import ProgressCallback, reporting
from latentinpaint.weights import PIPELINE_FILE, Model, load_model, save_model

# The type that convolutions are computed in; None is the weights' own.
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16}


class Inpainter:
    """Fills holes with a trained model. Several threads may use one at the same time.

    Args:
        pipeline: the model's networks.
        device: where it runs, such as "cpu" or "cuda"; None takes a GPU if there is one.
        precision: a key of `PRECISIONS`. "bfloat16" is faster where the processor has instructions for it, and
            differs by about a step of 8 bits.
        texture: paints fills anew with patches of the picture; None leaves them as the networks make them.
        recipe: how the model was made, for its file.

    Attributes:
        pipeline: the networks as they were trained, in evaluation mode.
        texture, recipe: as given; they may be changed.

    Raises:
        InputError: if there is no such device or precision.
    """

    def __init__(
        self,
        pipeline: InpaintPipeline,
        device: str | torch.device | None = None,
        precision: str = "float32",
        texture: PatchTexture | None = None,
        recipe: dict[str, Any] | None = None,
    ) -> None:
        if not isinstance(pipeline, InpaintPipeline):
            raise InputError(
                f"an Inpainter takes an InpaintPipeline, as from_pretrained loads it, not {shown(pipeline)}"
            )
        self._dtype = choose(PRECISIONS, precision, "precision")
        self.device = choose_device(device)
        self.precision = precision
        self.pipeline = pipeline.to(self.device).eval()
        self.texture = texture
        self.recipe = recipe or {}
        self._fused: InpaintPipeline | None = None
        self._fused_state: list[tuple[int, int]] = []
        self._fusing = threading.Lock()

    @property
    def fused(self) -> InpaintPipeline:
        """A faster copy of the pipeline that computes the fills, made anew when weights change; see `models.fast`."""
        state = []
        for value in (*self.pipeline.parameters(), *self.pipeline.buffers()):
            version = 0 if value.is_inference() else value._version
            state.append((value.data_ptr(), version))
        with self._fusing:
            if self._fused is None or state != self._fused_state:
                self._fused = fuse(self.pipeline, self._dtype)
                self._fused.report_layers()
                self._fused_state = state
            return self._fused

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path = "default",
        device: str | torch.device | None = None,
        precision: str = "float32",
    ) -> "Inpainter":
        """The model that comes with the package ("default"), or that of a run's folder or of one `.safetensors` file.

        Args:
            model: what to load; a folder of the name goes before a model of the package.
            device, precision: see the class.

        Raises:
            InputError: if there is no such file, or it is not a model of this package.
        """
        loaded = load_model(model)
        return cls(loaded.pipeline, device, precision, loaded.texture, loaded.recipe)

    def save_pretrained(self, folder_or_file: str | Path) -> Path:
        """Write the model so that `from_pretrained` reads it: a folder for model.safetensors, or a .safetensors file.

        Raises:
            InputError: if it cannot be written.
        """
        path = user_path(folder_or_file)
        if path.suffix != ".safetensors":
            path = path / PIPELINE_FILE
        save_model(Model(self.pipeline, self.texture, self.recipe), path)
        return path

    def __call__(
        self,
        image: AnyPicture | Sequence[AnyPicture],
        mask: object,
        num_samples: int = 1,
        seed: int = 0,
        steps: int | None = None,
        refine: bool | Refinement = False,
        crop: str | int | None = "auto",
        dilate: int = 0,
        feather: int = 0,
        texture: bool | None = None,
        ignore_problems: bool = False,
        progress: ProgressCallback | None = None,
    ) -> AnyPicture | list[AnyPicture] | list[list[AnyPicture]]:
        """Fill the hole; every pixel outside it comes back bit for bit.

        Args:
            image: a Pillow picture of any mode; an array (H, W), (H, W, 3) or (H, W, 4) of uint8 or uint16, or
                (H, W) of int32 or float32, of which known values say what is black and white; a float tensor
                (3, H, W) or (B, 3, H, W) in [0, 1]; or a list of any of these, of any sizes.
            mask: 1, True or white is the hole: a Pillow picture, an array (H, W) or (H, W, 1), or a tensor (H, W),
                (1, H, W) or (B, 1, H, W). What is above half of its scale is the hole; the scale is the smallest of
                1, 255 and 65535 that nothing exceeds. With a list of pictures a list of as many masks, or one for
                all. The result has the frame of the mask, see `any_picture.as_upright_mask`.
            num_samples: how many fills; only a stochastic refiner gives different ones.
            seed: equal seeds give equal fills.
            steps: solver steps of a flow, None for the model's own.
            refine: whether pictures larger than those the model was trained on are refined from coarse to fine, and
                how; see `feature_refinement`. Takes many times as long.
            crop: "auto" lets only crops around small holes pass the networks, see `crops.CropPolicy`; None the whole
                picture; a number crops with so many pixels of context. Their fills differ: docs/large_pictures.md.
            dilate: pixels that the mask is dilated by before; known is what lies outside of the dilated mask.
            feather: pixels of blending inside the dilated mask, see `blending`; alone it dilates by as much.
            texture: whether fills are painted anew with patches of the picture, see `texture`; None as the model
                has it.
            ignore_problems: whether to fill also what the doctor calls a problem, see `doctor.examine`.
            progress: called in this thread, often, with the share that is done, rising from 0 to 1. An exception that
                it raises cancels the fill and passes through.

        Returns:
            A picture of the kind that came in, or a list of `num_samples` of them if that is above 1. An empty mask
            gives the picture back. For a list of pictures a list of the same for each, equal to asking one by one.

        Raises:
            InputError: if sizes differ, values of the mask leave open what is the hole (labels, NaN), known samples
                are negative or not finite, the doctor finds a problem, or an argument is out of range.
        """
        options = FillOptions(num_samples, seed, steps, refine, crop, dilate, feather, texture, ignore_problems)
        if not isinstance(image, list | tuple):
            with reporting(progress):
                return _unwrap(self._run([fill_input(image, mask, options)], options)[0])
        masks = [mask] * len(image)
        if isinstance(mask, list | tuple):
            masks = list(mask)
        if len(masks) != len(image):
            raise InputError(f"{len(masks)} masks for {len(image)} pictures")
        with reporting(progress):
            inputs = [fill_input(*pair, options) for pair in zip(image, masks, strict=True)]
            return [_unwrap(samples) for samples in self._run(inputs, options)]

    def expand(
        self,
        image: AnyPicture,
        sides: Side | Sequence[Side],
        mask: object = None,
        progress: ProgressCallback | None = None,
        **options: Any,
    ) -> AnyPicture | list[AnyPicture]:
        """Outpaint: the picture grows, and what is new is filled; every known pixel comes back bit for bit.

        Args:
            image: as for calling, but no list.
            sides: (left, top, right, bottom), or one for all four: whole numbers of pixels, or texts such as "10%",
                of the width for left and right, of the height for top and bottom. At most the picture's own side.
                Sides are those of the upright picture.
            mask: as for calling, of the size of `image`: a hole to be filled besides; None for none, then the result
                is upright.
            progress: as for calling.
            options: any other arguments of calling. With `dilate` or `feather` the hole, which the new margin
                belongs to, reaches that far into the picture.

        Returns:
            As calling. New pixels are as opaque as what they continue.

        Raises:
            InputError: as calling, and as `outpainting.Padding.of`.
        """
        fill_options = FillOptions(**options)
        with reporting(progress):
            request = expanded_input(image, sides, mask, fill_options)
            return _unwrap(self._run([request], fill_options)[0])

    def fill(
        self,
        picture: Picture,
        mask: np.ndarray,
        options: FillOptions | None = None,
        progress: ProgressCallback | None = None,
    ) -> list[Picture]:
        """The filled samples of a picture that `read_picture` read and its mask (H, W) bool, True = hole.

        `progress` is as for calling.
        """
        options = options or FillOptions()
        with reporting(progress):
            return self._run([picture_input(picture, mask, options, lambda filled: filled)], options)[0]

    def _run(self, inputs: Sequence[FillInput], options: FillOptions) -> list[list[Any]]:
        """The `num_samples` outputs of every input."""
        images: list[Tensor] = []
        masks: list[Tensor] = []
        hidden: list[Tensor] = []
        for item in inputs:
            images.extend(item.images)
            masks.extend(item.masks)
            hidden.extend(item.hidden)
        filled = fill_holes(self.fused, images, masks, options, self.texture, self.device, hidden)
        outputs = []
        first = 0
        for item in inputs:
            batch = filled[first][None]
            if len(item.images) > 1:  # of one, which may be large, there is no copy
                batch = torch.stack(filled[first : first + len(item.images)])
            first += len(item.images)
            outputs.append([item.to_output(sample) for sample in batch.unbind(1)])
        return outputs


def _unwrap(samples: list[Any]) -> Any:  # noqa: ANN401  whatever the outputs are
    """The only one of several outputs, or all."""
    return samples[0] if len(samples) == 1 else samples
