"""From a photograph to a training crop, with albumentations.

A transform takes (H, W, 3) uint8 and a seed and returns (size, size, 3) uint8; equal seeds give equal crops.
Photographs smaller than the crop are enlarged, larger ones are scaled down so that a crop shows a scene and not
one leaf of it.
"""

import os
from collections.abc import Callable

import numpy as np

from latentinpaint.errors import InputError, choose

# albumentations asks a server for its newest version when imported; training must not depend on a network.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A  # noqa: E402

Transform = Callable[[np.ndarray, int], np.ndarray]


class SeededTransform:
    """An albumentations pipeline as a `Transform`: seeded anew for every picture."""

    def __init__(self, *steps: A.BasicTransform) -> None:
        self.pipeline = A.Compose(steps)

    def __call__(self, image: np.ndarray, seed: int) -> np.ndarray:
        self.pipeline.set_random_seed(seed)
        return self.pipeline(image=image)["image"]


def centre_crop(size: int) -> Transform:
    """The middle square of a photograph, scaled to `size`; nothing random."""
    return SeededTransform(A.SmallestMaxSize(size), A.CenterCrop(size, size))


def random_crop(size: int, zoom: float) -> Transform:
    """A square of a photograph whose shorter side is `size` to `size * zoom` pixels, flipped in half the cases."""
    return SeededTransform(*_random_square(size, zoom), A.HorizontalFlip())


def lama_augmentation(size: int, zoom: float) -> Transform:
    """LaMa's augmentation (arXiv 2109.07161, published configuration) on top of the random crop."""
    return SeededTransform(
        A.SmallestMaxSize(_shorter_sides(size, zoom)),
        A.Perspective(scale=(0.0, 0.06)),
        A.Affine(scale=(0.7, 1.3), rotate=(-40, 40), shear=(-0.1, 0.1), border_mode=4),
        A.PadIfNeeded(size, size, border_mode=4),
        A.OpticalDistortion(),
        A.RandomCrop(size, size),
        A.HorizontalFlip(),
        A.CLAHE(),
        A.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0.2),
        A.HueSaturationValue(hue_shift_limit=5, sat_shift_limit=30, val_shift_limit=5),
    )


def recoloured_crop(size: int, zoom: float) -> Transform:
    """The random crop in other colours: from few photographs a model would learn their colours by heart."""
    return SeededTransform(
        *_random_square(size, zoom),
        A.HorizontalFlip(),
        A.ColorJitter(brightness=(0.7, 1.3), contrast=(0.7, 1.3), saturation=(0.5, 1.5), hue=(-0.5, 0.5), p=1.0),
        A.RGBShift(40, 40, 40, p=1.0),  # a hue turned leaves grey stones grey
    )


AUGMENTATIONS: dict[str, Callable[[int, float], Transform]] = {
    "crop": random_crop,
    "recolour": recoloured_crop,
    "lama": lama_augmentation,
}


def augmentation(name: str, size: int, zoom: float) -> Transform:
    """A training transform by name.

    Args:
        name: a key of `AUGMENTATIONS`.
        size: side of the crop, pixels.
        zoom: largest ratio of a photograph's shorter side to the crop's, 1 or more.
    """
    make_transform = choose(AUGMENTATIONS, name, "augmentation")
    if zoom < 1:
        raise InputError(f"zoom is a ratio from 1 up, not {zoom}")
    return make_transform(size, zoom)


def _shorter_sides(size: int, zoom: float) -> list[int]:
    """Sides that a photograph's shorter one is scaled to, from `size` to `size * zoom`."""
    return sorted({round(side) for side in np.linspace(size, size * zoom, 17)})


def _random_square(size: int, zoom: float) -> list[A.BasicTransform]:
    return [A.SmallestMaxSize(_shorter_sides(size, zoom)), A.RandomCrop(size, size)]
