"""`Inpainter`: a trained model and any kind of picture in, the same kind of picture out."""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latentinpaint.device import choose_device
from latentinpaint.doctor.findings import ArgumentNames
from latentinpaint.doctor.refusal import check_pair
from latentinpaint.errors import InputError, check_same_size, choose, shown
from latentinpaint.files import user_path
from latentinpaint.images.any_picture import (
    AnyPicture,
    as_mask,
    as_upright_mask,
    like_input,
    mask_pictures,
    to_picture,
)
from latentinpaint.images.geometry import with_margins
from latentinpaint.images.image_files import Picture
from latentinpaint.images.orientation import turn_upright
from latentinpaint.inference.feature_refinement import Refinement
from latentinpaint.inference.fill import fill_holes
from latentinpaint.inference.layers import PictureLayers
from latentinpaint.inference.options import FillOptions
from latentinpaint.inference.outpainting import Padding, Side
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.models.fast.fuse import fuse
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.weights import PIPELINE_FILE, Model, load_model, save_model

# The type that convolutions are computed in; None is the weights' own.
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16}
_NAMES = ArgumentNames(invert_mask="the mask inverted", ignore_problems="ignore_problems=True")


@dataclass(frozen=True)
class _Input:
    """A picture or a batch of them: what passes the model, and how samples become what came in.

    Attributes:
        images: (B, 3, H, W) float32 in the processor's memory.
        masks: (B, 1, H, W) bool.
        to_output: takes one sample (B, 3, H, W).
        hidden: (B, 1, H, W) bool, where colours mean nothing.
    """

    images: Tensor
    masks: Tensor
    to_output: Callable[[Tensor], Any]
    hidden: Tensor


class Inpainter:
    """Fills holes with a trained model.

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

    @property
    def fused(self) -> InpaintPipeline:
        """A faster copy of the pipeline that computes the fills, made anew when weights change; see `models.fast`."""
        state = []
        for value in (*self.pipeline.parameters(), *self.pipeline.buffers()):
            version = 0 if value.is_inference() else value._version
            state.append((value.data_ptr(), version))
        if self._fused is None or state != self._fused_state:
            self._fused = fuse(self.pipeline, self._dtype)
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
    ) -> AnyPicture | list[AnyPicture] | list[list[AnyPicture]]:
        """Fill the hole; every pixel outside it comes back bit for bit.

        Args:
            image: a Pillow picture of any mode; an array (H, W), (H, W, 3) or (H, W, 4) of uint8 or uint16, or
                (H, W) of int32 or float32, of which known values say what is black and white; a float tensor
                (3, H, W) or (B, 3, H, W) in [0, 1]; or a list of any of these, of any sizes.
            mask: 1, True or white is the hole: a Pillow picture, an array (H, W) or (H, W, 1), or a tensor (H, W),
                (1, H, W) or (B, 1, H, W). What is above half of its scale is the hole; the scale is the smallest of
                1, 255 and 65535 that nothing exceeds. With a list of pictures a list of as many
                masks, or one for all. The result has the frame of the mask, see `any_picture.as_upright_mask`.
            num_samples: how many fills; only a stochastic refiner gives different ones.
            seed: equal seeds give equal fills.
            steps: solver steps of a flow, None for the model's own.
            refine: whether pictures larger than those the model was trained on are refined from coarse to fine, and
                how; see `feature_refinement`. Takes many times as long.
            crop: "auto" lets only crops around small holes pass the networks, see `crops.CropPolicy`; None the whole
                picture; a number crops with so many pixels of context. What a model sees decides its fill, so the
                three differ; docs/large_pictures.md says by how much.
            dilate: pixels that the mask is dilated by before; known is what lies outside of the dilated mask.
            feather: pixels of blending inside the dilated mask, see `blending`; alone it dilates by as much.
            texture: whether fills are painted anew with patches of the picture, see `texture`; None as the model
                has it.
            ignore_problems: whether to fill also what the doctor calls a problem, see `doctor.examine`.

        Returns:
            A picture of the kind that came in, or a list of `num_samples` of them if that is above 1. An empty mask
            gives the picture back. For a list of pictures a list of the same for each, equal to asking one by one.

        Raises:
            InputError: if sizes differ, values of the mask leave open what is the hole (labels, NaN), known samples
                are negative or not finite, the doctor finds a problem, or an argument is out of range.
        """
        options = FillOptions(num_samples, seed, steps, refine, crop, dilate, feather, texture, ignore_problems)
        if not isinstance(image, list | tuple):
            return _unwrap(self._run([_input(image, mask, options)], options)[0])
        masks = [mask] * len(image)
        if isinstance(mask, list | tuple):
            masks = list(mask)
        if len(masks) != len(image):
            raise InputError(f"{len(masks)} masks for {len(image)} pictures")
        inputs = [_input(*pair, options) for pair in zip(image, masks, strict=True)]
        return [_unwrap(samples) for samples in self._run(inputs, options)]

    def expand(
        self, image: AnyPicture, sides: Side | Sequence[Side], mask: object = None, **options: Any
    ) -> AnyPicture | list[AnyPicture]:
        """Outpaint: the picture grows, and what is new is filled; every known pixel comes back bit for bit.

        Args:
            image: as for calling, but no list.
            sides: (left, top, right, bottom), or one for all four: whole numbers of pixels, or texts such as "10%",
                of the width for left and right, of the height for top and bottom. At most the picture's own side.
                Sides are those of the upright picture.
            mask: as for calling, of the size of `image`: a hole to be filled besides; None for none, then the result
                is upright.
            options: any other arguments of calling. With `dilate` or `feather` the hole, which the new margin
                belongs to, reaches that far into the picture.

        Returns:
            As calling. New pixels are as opaque as what they continue.

        Raises:
            InputError: as calling, and as `outpainting.Padding.of`.
        """
        fill_options = FillOptions(**options)
        if isinstance(image, Tensor):
            height, width = image.shape[-2:]
            if mask is None:
                mask = np.zeros((height, width), bool)
            old_mask = as_mask(mask, batched=True)
            _check_masks(None, mask, fill_options, 1)
            check_same_size(old_mask.shape[-2:], (height, width))
            padding = Padding.of(sides, height, width)
            left, top, right, bottom = astuple(padding)
            expanded = F.pad(image, (left, right, top, bottom))
            request = _tensor_input(expanded, padding.pad_mask(old_mask), fill_options)
        else:
            picture = to_picture(image)
            size = (picture.height, picture.width)
            old_mask = np.zeros(size, bool)
            frame = 1
            if mask is not None:
                old_mask, frame = as_upright_mask(mask, image)
                check_same_size(old_mask.shape, size)
                _check_masks(picture, mask, fill_options, frame)
            padding = Padding.of(sides, *size)
            new_mask = padding.pad_mask(old_mask)
            expanded = with_margins(picture, *astuple(padding))
            request = _picture_input(
                expanded, new_mask, fill_options, lambda filled: like_input(filled, image, frame)
            )
        return _unwrap(self._run([request], fill_options)[0])

    def fill(self, picture: Picture, mask: np.ndarray, options: FillOptions | None = None) -> list[Picture]:
        """The filled samples of a picture that `read_picture` read and its mask (H, W) bool, True = hole."""
        options = options or FillOptions()
        return self._run([_picture_input(picture, mask, options, lambda filled: filled)], options)[0]

    def _run(self, inputs: Sequence[_Input], options: FillOptions) -> list[list[Any]]:
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
            batch = torch.stack(filled[first : first + len(item.images)])
            first += len(item.images)
            outputs.append([item.to_output(sample) for sample in batch.unbind(1)])
        return outputs


def _unwrap(samples: list[Any]) -> Any:  # noqa: ANN401  whatever the outputs are
    """The only one of several outputs, or all."""
    return samples[0] if len(samples) == 1 else samples


def _input(image: Any, mask: object, options: FillOptions) -> _Input:  # noqa: ANN401  see `Inpainter.__call__`
    if isinstance(image, Tensor):
        hole = as_mask(mask, batched=True)
        _check_masks(None, mask, options, 1)
        return _tensor_input(image, hole, options)
    picture = to_picture(image)
    hole, frame = as_upright_mask(mask, image)
    _check_masks(picture, mask, options, frame)
    return _picture_input(picture, hole, options, lambda filled: like_input(filled, image, frame))


def _check_masks(picture: Picture | None, mask: object, options: FillOptions, frame: int) -> None:
    """Raise an `InputError` if the doctor finds a problem that is not to be ignored.

    Args:
        picture: upright; None looks at the mask alone.
        mask: as it came, in the frame of the EXIF orientation `frame`.
    """
    if options.ignore_problems:
        return
    for one_mask in mask_pictures(mask):
        upright = np.ascontiguousarray(turn_upright(one_mask.samples, frame))
        check_pair(picture, replace(one_mask, samples=upright), names=_NAMES)


def _picture_input(
    picture: Picture, mask: np.ndarray, options: FillOptions, to_output: Callable[[Picture], Any]
) -> _Input:
    """A picture and its mask (H, W) bool; `to_output` turns the filled one into what came in."""
    check_same_size(mask.shape, (picture.height, picture.width))
    soft = options.dilation.apply(mask[None, None])
    hole = soft.mask[0, 0].numpy()
    # What a hole holds must not even decide what is black and white; what is blended is seen.
    unseen = hole
    if options.feather:
        unseen = mask
    picture = picture.with_range_of(~unseen)
    layers = PictureLayers.of(picture, soft)

    def finish(sample: Tensor) -> Any:  # noqa: ANN401 - whatever `to_output` makes
        fill, alpha = layers.blended(sample)
        return to_output(picture.filled(fill, hole, alpha))

    return _Input(layers.images, layers.masks, finish, layers.hidden)


def _tensor_input(image: Tensor, mask: np.ndarray, options: FillOptions) -> _Input:
    """A tensor (3, H, W) or (B, 3, H, W) and its mask (1 or B, 1, H, W) bool."""
    batch = image if image.ndim == 4 else image[None]
    if batch.ndim != 4 or batch.shape[1] != 3 or not len(batch) or not image.is_floating_point():
        raise InputError(f"a tensor is (3, H, W) or (B, 3, H, W) of floats in [0, 1], not {tuple(image.shape)}")
    check_same_size(mask.shape[-2:], batch.shape[-2:])
    if mask.shape[0] not in (1, len(batch)):
        raise InputError(f"{mask.shape[0]} masks for {len(batch)} pictures")
    soft = options.dilation.apply(mask)
    hole = soft.mask.to(batch.device).expand(len(batch), -1, -1, -1)
    unseen = hole
    if options.feather:  # what is blended is seen
        unseen = torch.as_tensor(mask, device=batch.device)
    _check_range(batch, unseen)
    original = batch.detach().cpu().float()

    def finish(sample: Tensor) -> Tensor:
        # Composited once more on the caller's own numbers: known pixels keep their dtype and bits.
        return torch.where(hole, soft.blend(sample, original).to(batch), batch).reshape(image.shape)

    return _Input(original, hole.cpu(), finish, torch.zeros_like(hole.cpu()))


def _check_range(batch: Tensor, unseen: Tensor) -> None:
    """Raise an `InputError` unless the values that are seen are in [0, 1], or nearly so."""
    if unseen.all():
        return
    # Filled, not indexed: an index of every value takes many times the picture's memory.
    low = batch.masked_fill(unseen, torch.inf).min()
    high = batch.masked_fill(unseen, -torch.inf).max()
    if not (low >= -0.01 and high <= 1.01):  # also where one is NaN
        raise InputError(f"a tensor holds values in [0, 1], not {low:g} to {high:g}")
