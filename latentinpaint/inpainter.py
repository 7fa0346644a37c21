"""`Inpainter`: a trained model and any kind of picture in, the same kind of picture out."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import torch
from torch import Tensor

from latentinpaint.errors import InputError, count_of
from latentinpaint.images.any_picture import AnyMask, AnyPicture
from latentinpaint.images.image_files import Picture
from latentinpaint.inference.fill import fill_holes
from latentinpaint.inference.fill_input import FillInput, expanded_input, fill_input, picture_input
from latentinpaint.inference.fill_uncertainty import measure_uncertainty
from latentinpaint.inference.options import FillArguments, FillOptions
from latentinpaint.inference.outpainting import Side
from latentinpaint.runtime.progress import ProgressCallback, reporting
from latentinpaint.trained_model import TrainedModel

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Inpainter(TrainedModel):
    """Fills holes with a trained model. Several threads may use one at the same time.

    Arguments, attributes, loading and saving are those of `TrainedModel`.
    """

    # Whether it has been said that all samples are equal.
    _warned_of_equal = False

    @overload
    def __call__(
        self,
        image: AnyPicture,
        mask: AnyMask | Sequence[AnyMask],
        *,
        progress: ProgressCallback | None = None,
        **options: "Unpack[FillArguments]",
    ) -> AnyPicture: ...

    @overload
    def __call__(
        self,
        image: Sequence[AnyPicture],
        mask: AnyMask | Sequence[AnyMask],
        *,
        progress: ProgressCallback | None = None,
        **options: "Unpack[FillArguments]",
    ) -> list[AnyPicture]: ...

    def __call__(
        self,
        image: Any,
        mask: Any,
        *,
        progress: ProgressCallback | None = None,
        **options: "Unpack[FillArguments]",
    ) -> Any:
        """Fill the hole; every pixel outside it comes back bit for bit.

        Args:
            image: a Pillow picture of any mode; an array (H, W), (H, W, 3) or (H, W, 4) of uint8, of uint16 or of
                floats in [0, 1], or (H, W) of int32 or float32, of which known values say what is black and white; a
                float tensor (3, H, W) or (B, 3, H, W) in [0, 1]; or a list of any of these, of any sizes.
            mask: 1, True or white is the hole: a Pillow picture, an array (H, W) or (H, W, 1), or a tensor (H, W),
                (1, H, W) or (B, 1, H, W). What is above half of its scale is the hole; the scale is the smallest of
                1, 255 and 65535 that nothing exceeds. With a list of pictures a list of as many masks, or one for
                all. The result has the frame of the mask, see `any_picture.as_upright_mask`.
            progress: called in this thread, often, with the share that is done, rising from 0 to 1. An exception that
                it raises cancels the fill and passes through.
            options: see `FillArguments`.

        Returns:
            A picture of the kind that came in; an empty mask gives it back. For a list of pictures a list, as asking
            one by one gives it; without texture the networks' rounding may differ in the batch.

        Raises:
            InputError: if sizes differ, values of the mask leave open what is the hole (labels, NaN), known samples
                are negative or not finite, the doctor finds a problem, or an argument is out of range.
        """
        return _firsts(self._fill_any(image, mask, FillOptions(**options), progress))

    @overload
    def samples(
        self,
        image: AnyPicture,
        mask: AnyMask | Sequence[AnyMask],
        count: int,
        *,
        progress: ProgressCallback | None = None,
        **options: "Unpack[FillArguments]",
    ) -> list[AnyPicture]: ...

    @overload
    def samples(
        self,
        image: Sequence[AnyPicture],
        mask: AnyMask | Sequence[AnyMask],
        count: int,
        *,
        progress: ProgressCallback | None = None,
        **options: "Unpack[FillArguments]",
    ) -> list[list[AnyPicture]]: ...

    def samples(
        self,
        image: Any,
        mask: Any,
        count: int,
        *,
        progress: ProgressCallback | None = None,
        **options: "Unpack[FillArguments]",
    ) -> Any:
        """Several fills of the hole, of which the first is that of calling; other arguments are as for calling.

        Args:
            count: how many. A model that has one fill for a hole gives it so often, and warns once.

        Returns:
            A list of `count` pictures of the kind that came in; for a list of pictures a list of such lists.
        """
        fill_options = FillOptions(count, **options)
        self._warn_of_equal(fill_options)
        return self._fill_any(image, mask, fill_options, progress)

    def expand(
        self,
        image: AnyPicture,
        sides: Side | Sequence[Side],
        mask: AnyMask | None = None,
        *,
        progress: ProgressCallback | None = None,
        **options: "Unpack[FillArguments]",
    ) -> AnyPicture:
        """Outpaint: the picture grows, and what is new is filled; every known pixel comes back bit for bit.

        Args:
            image: as for calling, but no list.
            sides: (left, top, right, bottom), or one for all four: whole numbers of pixels, or texts such as "10%",
                of the width for left and right, of the height for top and bottom. At most the picture's own side.
                Sides are those of the upright picture.
            mask: as for calling, of the size of `image`: a hole to be filled besides; None for none, then the result
                is upright.
            progress, options: as for calling. With `dilate` or `feather` the hole, which the new margin belongs to,
                reaches that far into the picture.

        Returns:
            As calling. New pixels are as opaque as what they continue.

        Raises:
            InputError: as calling, and as `outpainting.Padding.of`.
        """
        first, *_ = self._expand(image, sides, mask, FillOptions(**options), progress)
        return first

    def expand_samples(
        self,
        image: AnyPicture,
        sides: Side | Sequence[Side],
        count: int,
        mask: AnyMask | None = None,
        *,
        progress: ProgressCallback | None = None,
        **options: "Unpack[FillArguments]",
    ) -> list[AnyPicture]:
        """Several pictures that grew; the arguments are those of `expand`, and `count` that of `samples`."""
        fill_options = FillOptions(count, **options)
        self._warn_of_equal(fill_options)
        return self._expand(image, sides, mask, fill_options, progress)

    def uncertainty(
        self,
        image: AnyPicture | Picture,
        mask: AnyMask,
        count: int = 8,
        *,
        progress: ProgressCallback | None = None,
        **options: "Unpack[FillArguments]",
    ) -> np.ndarray:
        """How far the fill may be off at every pixel of the upright picture, (H, W) float32, 0 outside the hole.

        For a model with several fills it is the standard deviation of `count` samples, of values in [0, 1]; for one
        that predicts its own error that, in standard deviations of the latent. See `measure_uncertainty`.

        Raises:
            InputError: as calling, if `count` is below 2, and for a model that has neither.
        """
        fill_options = FillOptions(count, **options)
        with reporting(progress):
            item = fill_input(image, mask, fill_options)
            return measure_uncertainty(self.fused, item, fill_options, self.texture, self.device)

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
            return self._run([picture_input(picture, mask, options, lambda filled, hole: filled)], options)[0]

    def _fill_any(self, image: Any, mask: Any, options: FillOptions, progress: ProgressCallback | None) -> list[Any]:
        """The samples of a picture; for a list of pictures a list of those of each."""
        if not isinstance(image, list | tuple):
            with reporting(progress):
                return self._run([fill_input(image, mask, options)], options)[0]
        masks = [mask] * len(image)
        if isinstance(mask, list | tuple):
            masks = list(mask)
        if len(masks) != len(image):
            raise InputError(f"{count_of(len(masks), 'mask')} for {count_of(len(image), 'picture')}")
        with reporting(progress):
            inputs = [fill_input(*pair, options) for pair in zip(image, masks, strict=True)]
            return self._run(inputs, options)

    def _expand(
        self, image: Any, sides: Any, mask: Any, options: FillOptions, progress: ProgressCallback | None
    ) -> list[Any]:
        """The samples of a picture that grows."""
        with reporting(progress):
            return self._run([expanded_input(image, sides, mask, options)], options)[0]

    def _warn_of_equal(self, options: FillOptions) -> None:
        """Warn once if samples are asked for of a model that has one fill for a hole."""
        if self.pipeline.refiner.stochastic or self._warned_of_equal or options.num_samples == 1:
            return
        self._warned_of_equal = True
        warnings.warn("this model has one fill for a hole: all of its samples are equal", stacklevel=3)

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


def _firsts(samples: list[Any]) -> Any:
    """The first sample of a picture, or a list of those of several pictures."""
    if not samples or isinstance(samples[0], list):
        return [first for first, *_ in samples]
    return samples[0]
