"""Palettes: taking one from an image, and making room in one for the colours of a fill.

Conventions
- A palette is (N, 3) uint8, N up to 256, and its alpha (N,) uint8; an index beyond N shows as black.
- `used` and `opaque` say of each of the 256 possible entries whether a known pixel shows it and whether its
  alpha is full. A used entry never changes, and new colours are opaque; a pixel gets an entry of its own alpha.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image


def palette_of(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """Colours (N, 3) and alpha (N,) of a palette, uint8; None for an alpha that is full everywhere."""
    colours = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    alpha = _palette_alpha(image, len(colours))
    if alpha is None or (alpha == 255).all():
        return colours, None
    return colours, alpha


def _palette_alpha(image: Image.Image, count: int) -> np.ndarray | None:
    """The alpha (N,) uint8 of a palette of `count` colours; None where the image states none."""
    transparency = image.info.get("transparency")
    if isinstance(transparency, bytes):
        return np.frombuffer(transparency.ljust(count, b"\xff")[:count], np.uint8)
    if isinstance(transparency, int):
        return np.where(np.arange(count) == transparency, 0, 255).astype(np.uint8)
    if image.palette is not None and image.palette.mode == "RGBA":
        return np.array(image.getpalette("RGBA"), np.uint8)[3::4]
    return None


def entry_alpha(palette_alpha: np.ndarray | None) -> np.ndarray:
    """The alpha of all 256 entries, (256,) uint8, for the alpha (N,) of a palette."""
    alpha = np.full(256, 255, np.uint8)
    if palette_alpha is not None:
        alpha[: len(palette_alpha)] = palette_alpha
    return alpha


def colour_table(palette: np.ndarray | None) -> np.ndarray:
    """The colour of each index, (256, 3) uint8; Pillow shows an index beyond the palette as black."""
    table = np.zeros((256, 3), np.uint8)
    if palette is not None:
        table[: len(palette)] = palette
    return table


@dataclass(frozen=True)
class PaletteFill:
    """A palette with the colours of a fill, and the indices of its pixels.

    Attributes:
        palette: (N, 3) uint8.
        alpha: (N,) uint8; None where it is full everywhere.
        indices: of the hole's pixels, (P,) uint8.
    """

    palette: np.ndarray
    alpha: np.ndarray | None
    indices: np.ndarray


def fill_palette(
    palette: np.ndarray,
    palette_alpha: np.ndarray | None,
    colours: np.ndarray,
    alpha: np.ndarray,
    known: np.ndarray,
    capacity: int,
) -> PaletteFill | None:
    """Fill a hole of P pixels; None where pixels are to be opaque and no opaque entry is left.

    Args:
        palette, palette_alpha: (N, 3) and (N,) uint8, None for full alpha.
        colours, alpha: (P, 3) and (P,) uint8, what the hole is to show.
        known: the indices of the pixels that stay.
        capacity: how many entries the palette may have.
    """
    used = np.bincount(known, minlength=256) > 0
    alpha_of_entries = entry_alpha(palette_alpha)
    targets = nearest_alpha(alpha.astype(np.float64), alpha_of_entries[: len(palette)])
    shown = colours[targets == 255]
    entries = add_colours(palette, shown, used, alpha_of_entries == 255, capacity)
    if len(shown) and not (alpha_of_entries[: len(entries)] == 255).any():
        return None
    indices = nearest_entries(colours, targets, entries, alpha_of_entries)
    if palette_alpha is not None:
        palette_alpha = np.pad(palette_alpha, (0, len(entries) - len(palette_alpha)), constant_values=255)
    return PaletteFill(entries, palette_alpha, indices)


def nearest_alpha(alpha: np.ndarray, available: np.ndarray) -> np.ndarray:
    """For each of (N,) alphas, 0 to 255, the nearest of those `available` (M,) and of 255, (N,) uint8."""
    levels = np.unique([*available.tolist(), 255])
    distances = np.abs(alpha[:, None] - levels)
    return levels[distances.argmin(axis=1)].astype(np.uint8)


def add_colours(
    palette: np.ndarray, colours: np.ndarray, used: np.ndarray, opaque: np.ndarray, capacity: int
) -> np.ndarray:
    """The palette with those of (N, 3) uint8 `colours` that it lacks, as far as its unused entries go.

    It may grow to `capacity` entries. Colours too many for the free ones are reduced by median cut.
    """
    # Known pixels may use an index beyond the palette: that shows black, and the entry must stay black.
    length = max(len(palette), int(np.flatnonzero(used).max(initial=0)) + 1)
    palette = np.pad(palette, ((0, length - len(palette)), (0, 0)))
    free = [*range(length, capacity), *np.flatnonzero(~used[:length] & opaque[:length])]
    new = _unpack(np.setdiff1d(_pack(colours), _pack(palette[opaque[:length]])))
    if len(new) > len(free):
        new = _median_cut(colours, len(free))
    for entry, colour in zip(free, new, strict=False):
        palette = np.pad(palette, ((0, max(0, entry + 1 - len(palette))), (0, 0)))
        palette[entry] = colour
    return palette


def nearest_entries(colours: np.ndarray, alpha: np.ndarray, palette: np.ndarray, entries: np.ndarray) -> np.ndarray:
    """Indices (N,) uint8 of the closest colours among the entries of the same alpha.

    Args:
        colours: (N, 3) uint8.
        alpha: (N,) uint8; each is the alpha of an entry.
        palette: (M, 3) uint8.
        entries: (256,) uint8, the alpha of every entry.
    """
    nearest = np.zeros(len(colours), np.uint8)
    for level in np.unique(alpha):
        candidates = np.flatnonzero(entries[: len(palette)] == level)
        wanted = alpha == level
        values, positions = np.unique(_pack(colours[wanted]), return_inverse=True)
        indices = candidates[_nearest(_unpack(values), palette[candidates])].astype(np.uint8)
        nearest[wanted] = indices[positions.ravel()]
    return nearest


def _pack(colours: np.ndarray) -> np.ndarray:
    """(N, 3) uint8 colours as (N,) integers 0xRRGGBB."""
    return colours.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])


def _unpack(values: np.ndarray) -> np.ndarray:
    """The inverse of `_pack`: (N, 3) uint8."""
    return np.stack([values >> 16, values >> 8 & 255, values & 255], axis=-1).astype(np.uint8)


def _median_cut(colours: np.ndarray, count: int) -> np.ndarray:
    """At most `count` colours that stand for (N, 3) uint8 `colours`, by Pillow's median cut."""
    if count == 0:
        return np.empty((0, 3), np.uint8)
    strip = Image.fromarray(np.ascontiguousarray(colours[None]))
    reduced = strip.quantize(count, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    return np.array(reduced.getpalette("RGB"), np.uint8).reshape(-1, 3)[:count]


def _nearest(colours: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """For each of (N, 3) `colours` the index of the closest of (M, 3) `palette`, squared RGB distance."""
    # Whole numbers below 2^24, so float32 is exact. Parts keep the table of distances small.
    choices = palette.astype(np.float32)
    nearest = [np.empty(0, np.int64)]
    for start in range(0, len(colours), 1 << 16):
        part = colours[start : start + (1 << 16)].astype(np.float32)
        nearest.append(((choices**2).sum(1) - 2 * part @ choices.T).argmin(1))
    return np.concatenate(nearest)
