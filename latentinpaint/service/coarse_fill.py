"""A coarse fill that is there in a moment, to be looked at while the fill itself is computed."""

import numpy as np
from PIL import Image

from latentinpaint.images.encode import encode_image
from latentinpaint.images.image_format import PNG
from latentinpaint.images.picture import Picture
from latentinpaint.inference.crops import Box
from latentinpaint.inference.options import FillOptions
from latentinpaint.inpainter import Inpainter
from latentinpaint.service.outgoing import part_of

SIDE = 256  # pixels of the longer side of what the networks see


def coarse_fill(inpainter: Inpainter, picture: Picture, hole: np.ndarray, options: FillOptions) -> bytes:
    """A PNG of the hole's bounding box at low resolution, transparent outside the hole.

    The networks see the box around the hole with as much again on every side, scaled down to `SIDE`; no texture, one
    sample.

    Args:
        inpainter: the model.
        picture: any.
        hole: (H, W) bool with at least one pixel, dilated.
        options: of the fill that it precedes: its seed and steps are used.
    """
    around = Box.around(hole)
    assert around is not None
    window = around.extended(max(around.size), hole.shape)
    scale = min(1.0, SIDE / max(window.size))
    pixels = part_of(picture.with_range_of(~hole), window).rgb8()
    image = _resized(Image.fromarray(np.ascontiguousarray(pixels)), scale)
    # A pixel of the smaller hole is hole as soon as a part of it is.
    coverage = _resized(Image.fromarray(hole[window.index].astype(np.float32)), scale)
    quick = FillOptions(seed=options.seed, steps=options.steps, crop=None, texture=False, ignore_problems=True)
    small = Picture.from_pil(image)
    (filled,) = inpainter.fill(small, np.asarray(coverage) > 0, quick)
    colours = Image.fromarray(filled.rgb8())
    colours.putalpha(Image.fromarray(np.rint(np.asarray(coverage) * 255).astype(np.uint8)))
    left, top = around.left - window.left, around.top - window.top
    edges = (left, top, left + around.size[1], top + around.size[0])
    shown = colours.resize(
        (max(1, round(around.size[1] * scale)), max(1, round(around.size[0] * scale))),
        Image.Resampling.BILINEAR,
        box=_clipped(edges, scale, colours.size),
    )
    return encode_image(shown, PNG, compress_level=1)


def _resized(image: Image.Image, scale: float) -> Image.Image:
    if scale == 1:
        return image
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.BOX)


def _clipped(
    edges: tuple[int, int, int, int], scale: float, size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """Left, top, right and bottom scaled, inside an image of this width and height."""
    left, top, right, bottom = (edge * scale for edge in edges)
    return left, top, min(right, size[0]), min(bottom, size[1])
