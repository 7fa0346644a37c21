"""A few photographs and masks as files, and small pictures, for tests of data sets."""

import numpy as np
from PIL import Image

NAMES = ("a.png", "b.png", "sub/a.png")


def save_photos(folder):
    """Photographs of 40 x 56 called `NAMES`; returns the folder."""
    pixels = np.random.default_rng(0).integers(0, 255, (40, 56, 3), np.uint8)
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / name)
    return folder


def save_hole(path, size=(40, 56)):
    """A mask with one hole; returns it, (H, W) bool."""
    hole = np.zeros(size, np.uint8)
    hole[3:9, 30:50] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(hole).save(path)
    return hole > 0


def small_pictures(count, size, channels=3, seed=0):
    """Noise (count, size, size, 3), or (count, size, size) for one channel: uint8, none of it black."""
    shape = (count, size, size, channels) if channels == 3 else (count, size, size)
    return np.random.default_rng(seed).integers(1, 256, shape, dtype=np.uint8)
