"""What is drawn for visitors: where samples differ, and what the latent loses around a hole."""

import threading
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from latentinpaint.images.encode import encode_image
from latentinpaint.images.image_format import PNG
from latentinpaint.images.picture import Picture
from latentinpaint.inference.crops import Box
from latentinpaint.inpainter import Inpainter
from latentinpaint.service.outgoing import part_of, reduced, shown

_DRAWING_SIDE = 640  # pixels
_OVERLAY_SIDE = 1024
_LATENT_SIDE = 512
_LEAST_SURROUNDINGS = 96  # pixels around a hole whose latent is drawn, wider than its damage reaches
_DRAWING = threading.Lock()  # Matplotlib draws in one thread at a time


def uncertainty_drawing(samples: Sequence[Picture], hole: np.ndarray) -> bytes:
    """A PNG of the standard deviation of samples, drawn on the faded photo with its scale, 640 pixels at most."""
    from latentinpaint.visualization import draw_uncertainty  # takes seconds to import

    spread = np.zeros(hole.shape, np.float32)
    box = _box_around(hole)
    spread[box.index] = _spread(samples, hole, box)
    with _DRAWING:
        drawing = draw_uncertainty(spread, hole, shown(samples[0], _DRAWING_SIDE))
    return encode_image(drawing, PNG)


def uncertainty_overlay(samples: Sequence[Picture], hole: np.ndarray) -> bytes:
    """A PNG of the standard deviation of samples in the hole's bounding box, transparent outside the hole."""
    from matplotlib import colormaps

    box = _box_around(hole)
    spread = _spread(samples, hole, box)
    colours = colormaps["magma"](spread / (spread.max() or 1.0), bytes=True)
    colours[..., 3] = 255 * hole[box.index]
    return encode_image(reduced(Image.fromarray(colours), _OVERLAY_SIDE), PNG)


def latent_drawing(inpainter: Inpainter, picture: Picture, hole: np.ndarray) -> bytes:
    """A PNG of what a model's latent loses around a hole of a whole picture: see `visualization.latent_difference`.

    It is of the hole and its surroundings, scaled down to 512 pixels.

    Args:
        inpainter: the model.
        picture: without damage, or filled.
        hole: (H, W) bool, not empty.
    """
    from latentinpaint.visualization import draw_latent_difference, latent_difference

    box = _box_around(hole)
    margin = max(_LEAST_SURROUNDINGS, max(box.size) // 2)
    box = box.extended(margin, hole.shape)
    image = shown(part_of(picture, box), _LATENT_SIDE)
    coverage = Image.fromarray(hole[box.index].astype(np.float32)).resize(image.size, Image.Resampling.BOX)
    pixels = torch.from_numpy(np.asarray(image, np.float32) / 255).permute(2, 0, 1)
    mask = torch.from_numpy((np.asarray(coverage) > 0).astype(np.float32))  # a line must not get lost
    pipeline = inpainter.pipeline
    difference = latent_difference(
        pipeline.autoencoder,
        pixels[None].to(inpainter.device),
        mask[None, None].to(inpainter.device),
        pipeline.control,
    )
    columns = 2 if pipeline.control is None else 3
    with _DRAWING:
        return encode_image(draw_latent_difference(difference, columns=columns), PNG)


def _box_around(hole: np.ndarray) -> Box:
    box = Box.around(hole)
    assert box is not None
    return box


def _spread(samples: Sequence[Picture], hole: np.ndarray, box: Box) -> np.ndarray:
    """The standard deviation in a box (h, w), outside of which all samples are equal: in it alone, to save memory."""
    from latentinpaint.visualization import uncertainty_map

    stack = []
    for picture in samples:
        stack.append(torch.from_numpy(part_of(picture, box).rgb()).permute(2, 0, 1))
    return uncertainty_map(torch.stack(stack), torch.from_numpy(hole[box.index])).numpy()
