"""Modes of pictures: which kind each is, and colours as samples of one."""

import numpy as np
from PIL import Image

from latentinpaint.images.high_depth import SIXTEEN_BIT_MODES
from latentinpaint.images.sample_range import SampleRange

LUMINANCE = np.array([0.299, 0.587, 0.114])
GREY_MODES = ("1", "F", "I", "I;16", "I;16B", "L", "LA", "LA;16")  # with or without alpha
ALPHA_MODES = ("LA", "PA", "RGBA", "LA;16", "RGBA;16")
PALETTE_MODES = ("P", "PA")
DEEP_MODES = ("I", "F", *SIXTEEN_BIT_MODES)


def sample_step(mode: str, bits: int | None) -> int:
    """Distance of neighbouring sample values: Pillow spreads 2- and 4-bit grey over 0..255."""
    if mode == "L" and bits in (2, 4):
        return 255 // ((1 << bits) - 1)
    return 1


def to_samples(colours: np.ndarray, mode: str, sample_range: SampleRange, step: int = 1) -> np.ndarray:
    """Colours (..., 3) float64 in [0, 1] as samples of a mode without its alpha: (...) grey or (..., C)."""
    if mode in ("CMYK", "YCbCr"):
        return _to_samples_by_pillow(colours, mode)
    values = colours
    if not mode.startswith("RGB"):
        values = colours @ LUMINANCE
    if mode == "1":
        return values > 0.5
    samples = sample_range.to_samples(values)
    if mode == "F":
        return samples.astype(np.float32)
    return (np.rint(samples / step) * step).astype(_type_of_samples(mode))


def _to_samples_by_pillow(colours: np.ndarray, mode: str) -> np.ndarray:
    """Colours (..., 3) float64 in [0, 1] as (..., C) uint8 by Pillow's formulas."""
    shape = (*colours.shape[:-1], Image.getmodebands(mode))
    if not len(colours):
        return np.empty(shape, np.uint8)
    image = Image.fromarray(np.rint(colours.reshape(1, -1, 3) * 255).astype(np.uint8))
    return np.asarray(image.convert(mode)).reshape(shape)


def _type_of_samples(mode: str) -> type[np.integer]:
    """The type of a mode's samples, of those that are whole numbers."""
    if mode in SIXTEEN_BIT_MODES:
        return np.uint16
    if mode == "I":
        return np.int32
    return np.uint8
