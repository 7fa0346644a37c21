"""Palettes: taking one from an image, and making room in one for the colours of a fill.

Conventions
- A palette is (N, 3) uint8, N up to 256, and its opacity (N,) uint8; an index beyond N shows as black.
- `used` and `opaque` say of each of the 256 possible slots whether a known pixel shows it and whether its
  opacity is full. A used slot never changes, and a slot that is not opaque is never given to a fill.
"""

import numpy as np
from PIL import Image


def palette_of(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """Colours (N, 3) and opacity (N,) of a palette, uint8; None for an opacity that is full everywhere."""
    colours = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    given = image.info.get("transparency")
    if isinstance(given, bytes):
        alpha = np.frombuffer(given.ljust(len(colours), b"\xff")[: len(colours)], np.uint8)
    elif isinstance(given, int):
        alpha = np.where(np.arange(len(colours)) == given, 0, 255).astype(np.uint8)
    elif image.palette is not None and image.palette.mode == "RGBA":
        alpha = np.array(image.getpalette("RGBA"), np.uint8)[3::4]
    else:
        return colours, None
    return colours, None if (alpha == 255).all() else alpha


def opaque_slots(palette_alpha: np.ndarray | None) -> np.ndarray:
    """Which of the 256 slots show their colour in full, (256,) bool, for the opacity (N,) of a palette."""
    opaque = np.ones(256, bool)
    if palette_alpha is not None:
        opaque[: len(palette_alpha)] = palette_alpha == 255
    return opaque


def with_colours(
    palette: np.ndarray, colours: np.ndarray, used: np.ndarray, opaque: np.ndarray, room: int
) -> np.ndarray:
    """The palette with those of (N, 3) uint8 `colours` that it lacks, as far as its unused slots go.

    It may grow to `room` slots. Colours too many for the free ones are reduced by median cut.
    """
    # Known pixels may use an index beyond the palette: that shows black, and the slot must stay black.
    length = max(len(palette), int(np.flatnonzero(used).max(initial=0)) + 1)
    palette = np.pad(palette, ((0, length - len(palette)), (0, 0)))
    free = [*range(length, room), *np.flatnonzero(~used[:length] & opaque[:length])]
    new = _unpacked(np.setdiff1d(_packed(colours), _packed(palette[opaque[:length]])))
    if len(new) > len(free):
        new = _median_cut(colours, len(free))
    for slot, colour in zip(free, new, strict=False):
        palette = np.pad(palette, ((0, max(0, slot + 1 - len(palette))), (0, 0)))
        palette[slot] = colour
    return palette


def nearest_slots(colours: np.ndarray, palette: np.ndarray, opaque: np.ndarray) -> np.ndarray:
    """Indices (N,) uint8 of the opaque slots that come closest to (N, 3) uint8 `colours`."""
    candidates = np.flatnonzero(opaque[: len(palette)])
    values, where = np.unique(_packed(colours), return_inverse=True)
    slots = candidates[_nearest(_unpacked(values), palette[candidates])].astype(np.uint8)
    return slots[where.ravel()]


def _packed(colours: np.ndarray) -> np.ndarray:
    """(N, 3) uint8 colours as (N,) integers 0xRRGGBB."""
    return colours.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])


def _unpacked(values: np.ndarray) -> np.ndarray:
    """The inverse of `_packed`: (N, 3) uint8."""
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
    # Whole numbers below 2^24, so float32 is exact. Pieces keep the distance table small.
    choices = palette.astype(np.float32)
    found = [np.empty(0, np.int64)]
    for start in range(0, len(colours), 1 << 16):
        piece = colours[start : start + (1 << 16)].astype(np.float32)
        found.append(((choices**2).sum(1) - 2 * piece @ choices.T).argmin(1))
    return np.concatenate(found)
