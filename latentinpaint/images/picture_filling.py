"""How a fill gets into a `Picture`: samples change inside the hole only, so what is known stays equal bit for bit.

That holds under zero alpha too, and palette pixels keep their index. The alpha of a hole is filled like its colours,
alike for alpha channels, palettes and a transparent colour.
"""

from dataclasses import replace

import numpy as np

from latentinpaint.errors import InputError
from latentinpaint.images import palette
from latentinpaint.images.modes import ALPHA_MODES, PALETTE_MODES, sample_step, to_samples
from latentinpaint.images.picture import Picture
from latentinpaint.runtime.progress import report

FILLED_AT_ONCE = 2**20  # pixels of a fill that are put into a picture at once: memory, and the progress reported


def fill_picture(picture: Picture, fill: np.ndarray, hole: np.ndarray, alpha: np.ndarray | None = None) -> Picture:
    """The picture with `fill` in its hole; every sample outside it stays as it is.

    Args:
        fill: (H, W, 3) float in [0, 1] (clipped), rounded to the nearest sample value. Grey modes take
            its luminance, mode 1 whether that is above 0.5. A palette gets new colours in entries that no
            known pixel uses, as many as there are (a 4-bit PNG has 16), and the nearest colour otherwise.
        hole: (H, W) bool, True where to fill.
        alpha: (H, W) float in [0, 1] for the hole of a picture with transparency, rounded to the nearest alpha
            that the picture can have: one of its palette's, or all or nothing by a transparent colour. None makes
            the hole opaque.

    Raises:
        InputError: if sizes differ, `fill` is not finite in the hole, or a palette has no opaque entry.
    """
    size = (picture.height, picture.width)
    if fill.shape != (*size, 3) or hole.shape != size or hole.dtype != bool:
        sizes = f"fill {fill.shape} or hole {hole.shape} {hole.dtype}"
        raise InputError(f"{picture.name} is {picture.width}x{picture.height}: {sizes} do not fit it")
    if alpha is None:
        alpha = np.broadcast_to(np.float64(1), size)
    if picture.mode in PALETTE_MODES:
        return _filled_by_palette(picture, _colours_in_hole(picture, fill, hole), alpha[hole], hole)
    samples = picture.samples.copy()
    count = max(1, FILLED_AT_ONCE // picture.width)
    for first in range(0, picture.height, count):
        report()
        rows = slice(first, first + count)
        _fill_rows(picture, samples[rows], fill[rows], hole[rows], alpha[rows])
    return replace(picture, samples=samples)


def _fill_rows(picture: Picture, samples: np.ndarray, fill: np.ndarray, hole: np.ndarray, alpha: np.ndarray) -> None:
    """Put some rows of a fill and its alpha into the same rows of samples, of any mode without a palette."""
    colours = _colours_in_hole(picture, fill, hole)
    new = to_samples(colours, picture.mode, picture.sample_range, sample_step(picture.mode, picture.bits))
    key = picture.colour_key()
    if key is not None:
        key.give(new, alpha[hole] < 0.5)
    if samples.ndim == 2:
        samples[hole] = new
        return
    if new.ndim == 1:
        new = new[:, None]
    samples[..., : new.shape[-1]][hole] = new
    if picture.mode in ALPHA_MODES:
        samples[..., -1][hole] = np.rint(alpha[hole] * picture.full_scale).astype(samples.dtype)


def _colours_in_hole(picture: Picture, fill: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Those colours of `fill` that are inside the hole, (N, 3) float64 in [0, 1]; see `fill_picture`."""
    colours = np.asarray(fill[hole], np.float64)
    if not np.isfinite(colours).all():
        raise InputError(f"the fill for {picture.name} holds values that are not finite")
    return np.clip(colours, 0.0, 1.0)


def _filled_by_palette(picture: Picture, colours: np.ndarray, alpha: np.ndarray, hole: np.ndarray) -> Picture:
    """The picture, of mode P or PA, with `colours` (N, 3) and `alpha` (N,) in [0, 1] in its hole of N pixels."""
    if picture.palette is None:
        raise ValueError(f"a picture of mode {picture.mode} has a palette")
    colours8 = np.rint(colours * 255).astype(np.uint8)
    alpha8 = np.rint(alpha * 255).astype(np.uint8)
    known = picture.palette_indices()[~hole]
    capacity = 1 << (picture.bits or 8)
    fill = palette.fill_palette(picture.palette, picture.palette_alpha, colours8, alpha8, known, capacity)
    if fill is None:
        raise InputError(f"the palette of {picture.name} has no opaque colour left to fill the hole with")
    filled = replace(picture, samples=picture.samples.copy(), palette=fill.palette, palette_alpha=fill.alpha)
    filled.palette_indices()[hole] = fill.indices
    if picture.mode == "PA":
        filled.samples[..., 1][hole] = alpha8
    return filled
