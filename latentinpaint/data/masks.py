"""Random masks by name: LaMa's presets, made of `mask_generators`, and the `flow_masks`.

The figures of the presets are those of LaMa's evaluation and training masks: Suvorov et al.,
"Resolution-robust Large Mask Inpainting with Fourier Convolutions", WACV 2022,
https://arxiv.org/abs/2109.07161. LaMa's own generator has a bound that is off by one (it draws the number of
chains from min..max+1); here the number of chains is the paper's min..max.

"Thin", "medium" and "thick" name the width of the brush, not the area of the hole: at 256 they cover on
average 28 %, 22 % and 26 % of the picture, and "training" 33 %.
"""

from collections.abc import Callable

from latentinpaint.data.flow_masks import PatchMask, PinMask
from latentinpaint.data.mask_generators import BoxMask, MaskGenerator, MixedMask, WideMask
from latentinpaint.errors import choose, whole_number

__all__ = ["PRESETS", "BoxMask", "MaskGenerator", "MixedMask", "PatchMask", "PinMask", "WideMask", "mask_preset"]


def _evaluation(wide: WideMask, box: BoxMask | None = None) -> MixedMask:
    """An evaluation preset: boxes weigh 0.3 to the strokes' 1, and at most half of the picture is hole."""
    return MixedMask(wide, 1.0, box, 0.3, max_hole=0.5)


# name -> side of the picture -> mask. "training" has no column of its own for 512 and no limit on the hole.
PRESETS: dict[str, dict[int, MixedMask]] = {
    "thin": {
        256: _evaluation(WideMask(4, 50, max_width=10, max_length=40)),
        512: _evaluation(WideMask(4, 70, max_width=20, max_length=100)),
    },
    "medium": {
        256: _evaluation(WideMask(4, 5, max_width=50, max_length=100), BoxMask(1, 5, 10, 50, margin=0)),
        512: _evaluation(WideMask(4, 10, max_width=100, max_length=200), BoxMask(1, 5, 30, 150, margin=0)),
    },
    "thick": {
        256: _evaluation(WideMask(1, 5, max_width=100, max_length=200), BoxMask(1, 3, 30, 150, margin=10)),
        512: _evaluation(WideMask(1, 5, max_width=250, max_length=450), BoxMask(1, 4, 30, 300, margin=10)),
    },
    "training": {
        256: MixedMask(WideMask(1, 5, max_width=100, max_length=200), 1.0, BoxMask(1, 4, 30, 150, margin=10), 1.0),
    },
}

# name -> side of the picture -> mask, of those that are not LaMa's.
OWN_PRESETS: dict[str, Callable[[int], MaskGenerator]] = {
    "patches": lambda size: PatchMask(4, max(1, size // 4)),
    "pins": lambda size: PinMask(),
}


def mask_preset(name: str, size: int = 256) -> MaskGenerator:
    """A mask distribution by name: LaMa's, squares, or all but a few rows.

    Args:
        name: a key of `PRESETS`: "thin", "medium", "thick" (at most half the picture is hole) or "training"; or
            "patches": four squares of a quarter of the side (`PatchMask`); or "pins": everything but a few rows,
            which on a path of one column are points (`PinMask`).
        size: the shorter side of the pictures in pixels, at least 1. The table's own column serves its size;
            any other is the column of 256 with every length (10 and 5 included) times size / 256, rounded.

    Returns:
        A generator that draws at any (H, W); `size` only sets the lengths.

    Raises:
        InputError: unknown name (the message lists the known ones) or a size below 1.
    """
    choose({**PRESETS, **OWN_PRESETS}, name, "mask preset")
    whole_number("size", size, 1)
    if name in OWN_PRESETS:
        return OWN_PRESETS[name](size)
    columns = PRESETS[name]
    if size in columns:
        return columns[size]
    return columns[256].scaled(size / 256)
