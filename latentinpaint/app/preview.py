"""Previews: what the page shows of a photo, and holes that are painted on them.

A preview has 8 bits, is upright, and its longer side is at most `PREVIEW_SIDE`. A painted hole has the preview's size
and is resized to the photo's by nearest neighbour; where both sizes are equal it is used as it is.

Painted is what has at least half of the brush's opacity. Less is the soft rim of a stroke, what an eraser left, or
noise: browsers that protect against fingerprinting change what a page reads of a canvas by a level or two,
everywhere.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from latentinpaint.app.uploads import Photo
from latentinpaint.errors import InputError
from latentinpaint.images.image_files import write_image
from latentinpaint.images.picture import Picture

PREVIEW_SIDE = 1536
BRUSH_OPACITY = 0.65
TINT = (230, 30, 60)  # colour of the brush, and of a hole from a mask file


def preview_size(height: int, width: int, longest: int = PREVIEW_SIDE) -> tuple[int, int]:
    """Height and width of the preview of a photo of this height and width."""
    factor = min(1.0, longest / max(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor))


def make_preview(picture: Picture, hole: np.ndarray | None = None, longest: int = PREVIEW_SIDE) -> Image.Image:
    """An RGB image of 8 bits that a browser can show, over white where the picture is transparent.

    Args:
        picture: any picture.
        hole: (H, W) bool, tinted.
        longest: the longer side in pixels, at most.
    """
    pixels = _over_white(picture)
    if hole is not None and hole.any():
        pixels = pixels.copy()
        pixels[hole] = np.rint((1 - BRUSH_OPACITY) * pixels[hole] + BRUSH_OPACITY * np.array(TINT)).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    height, width = preview_size(pixels.shape[0], pixels.shape[1], longest)
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    profile = picture.icc_profile or b""
    if profile[16:20] == b"RGB ":
        image.info["icc_profile"] = profile
    return image


def _over_white(picture: Picture) -> np.ndarray:
    """(H, W, 3) uint8."""
    pixels = picture.rgb8()
    alpha = picture.alpha()
    if alpha is None:
        return pixels
    opacity = alpha[..., None]
    return np.rint(pixels * opacity + 255 * (1 - opacity)).astype(np.uint8)


def save_preview(image: Image.Image, path: Path) -> str:
    """Write a preview with its colour profile; returns the path."""
    write_image(image, path, icc_profile=image.info.get("icc_profile"), compress_level=3)
    return str(path)


def painted_hole(layers: Sequence[Image.Image], photo: Photo) -> np.ndarray:
    """The hole that was painted on a photo's preview, at the photo's size.

    Args:
        layers: images of the preview's size; a hole is where any of them is painted.
        photo: what the preview shows.

    Returns:
        (H, W) bool, True = hole.

    Raises:
        InputError: if a painted layer has another size, as after the photo was replaced.
    """
    height, width = photo.size
    hole = np.zeros((height, width), bool)
    for layer in layers:
        painted = np.asarray(layer.convert("RGBA"))[..., 3] >= 255 * BRUSH_OPACITY / 2
        if painted.shape == preview_size(height, width):
            hole |= _resize_nearest(painted, height, width)
        elif painted.any():
            raise InputError("the painted mask belongs to another photo: clear it and paint it again")
    return hole


def _resize_nearest(hole: np.ndarray, height: int, width: int) -> np.ndarray:
    """Every pixel takes the value at its centre, in whole-number arithmetic."""
    rows = (2 * np.arange(height) + 1) * hole.shape[0] // (2 * height)
    columns = (2 * np.arange(width) + 1) * hole.shape[1] // (2 * width)
    return hole[np.ix_(rows, columns)]
