"""How far a fill may be off: where samples differ, or where a model with one fill expects to be wrong."""

from dataclasses import replace

import numpy as np
import torch

from latentinpaint.errors import InputError
from latentinpaint.inference.fill import expected_error, fill_holes
from latentinpaint.inference.fill_input import FillInput
from latentinpaint.inference.options import FillOptions
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.pipeline import InpaintPipeline

LEVELS = 16384  # of a 16-bit file, for an uncertainty of 1


def measure_uncertainty(
    pipeline: InpaintPipeline,
    item: FillInput,
    options: FillOptions,
    texture: PatchTexture | None = None,
    device: torch.device | None = None,
) -> np.ndarray:
    """The uncertainty of one picture's colours, (H, W) float32, 0 outside the hole.

    Of a stochastic refiner it is the standard deviation of the samples in [0, 1], K - 1 in the denominator, mean over
    the channels. Else it is the mean absolute error that the refiner expects of the latent around each pixel, in
    standard deviations of the latent.

    Args:
        pipeline, texture, device: see `fill_holes`.
        item: the picture; of a batch of tensors there is one.
        options: with two samples at least.

    Raises:
        InputError: if there are several pictures or too few samples, or the refiner neither draws samples nor
            predicts its error.
    """
    if item.count > 1:
        raise InputError(f"an uncertainty is that of one picture, not of {item.count}")
    image = item.images[0]  # an alpha that is filled too lies behind it
    mask = item.masks[0]
    hidden = item.hidden[0]
    if not pipeline.refiner.stochastic:
        error = expected_error(pipeline, image, mask, replace(options, refine=False), texture, device, hidden)
        if error is None:
            raise InputError(
                "this model has one fill for a hole and does not predict its error: its uncertainty is not known"
            )
        return error[0].numpy()
    if options.num_samples < 2:
        raise InputError("how uncertain a fill is shows from two samples on")
    (samples,) = fill_holes(pipeline, [image], [mask], options, texture, device, [hidden])
    # As `metrics.calibration` has it, whose room needs packages that filling does not.
    return torch.where(mask[0], samples.std(dim=0).mean(dim=0), 0).numpy()


def as_levels(uncertainty: np.ndarray) -> np.ndarray:
    """An uncertainty (H, W) as uint16: `LEVELS` times it, rounded, 65535 at most."""
    return np.rint(np.clip(uncertainty * np.float64(LEVELS), 0, 65535)).astype(np.uint16)
