"""What a model makes of photographs inside scikit-image, on one sheet: holes over objects, and holes at random.

Some of the photographs are among those that the quickstart trains on, others are held back there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from latentinpaint.data.augmentation import centre_crop
from latentinpaint.data.example_holes import EXAMPLE_PHOTOS, example_hole
from latentinpaint.data.mask_generators import WideMask
from latentinpaint.data.photos import SamplePhotos
from latentinpaint.inpainter import Inpainter
from latentinpaint.runtime.randomness import numbered_generator
from latentinpaint.visualization import picture_grid

SIDE = 256  # pixels of the pictures on the sheet
STROKES = WideMask(2, 4, max_width=36, max_length=100)
RANDOM_HOLES = ("chelsea.png", "coffee.png", "grass.png", "brick.png")
COLUMNS = ("before", "hole", "fill")
EXAMPLES_A_ROW = 2


@dataclass(frozen=True)
class SampleHole:
    """A photograph (SIDE, SIDE, 3) uint8 and a hole in it (SIDE, SIDE) bool."""

    photo: np.ndarray
    hole: np.ndarray


def sample_holes(seed: int) -> list[SampleHole]:
    """The middle of some photographs, first with a hole over an object or a scratch, then with one at random."""
    return [*_over_objects(), *_at_random(seed)]


def draw_fills(inpainter: Inpainter, seed: int) -> Image.Image:
    """A sheet of `sample_holes`: before, hole and fill, two examples a row."""
    examples = sample_holes(seed)
    photos = [example.photo for example in examples]
    holes = [example.hole for example in examples]
    fills = inpainter(photos, holes, seed=seed)
    rows: list[list[Tensor]] = []
    for number, (example, fill) in enumerate(zip(examples, fills, strict=True)):
        if number % EXAMPLES_A_ROW == 0:
            rows.append([])
        shown = np.where(example.hole[..., None], np.uint8(255), example.photo)
        rows[-1] += [_as_tensor(example.photo), _as_tensor(shown), _as_tensor(fill)]
    return picture_grid(rows, COLUMNS * EXAMPLES_A_ROW)


def _over_objects() -> Iterator[SampleHole]:
    source = SamplePhotos("all")
    crop = centre_crop(SIDE)
    for name in EXAMPLE_PHOTOS:
        photo = source.read(source.names.index(name))
        height, width = photo.shape[:2]
        hole = np.asarray(example_hole(name, (width, height)).convert("RGB"))
        yield SampleHole(crop(photo, 0), crop(hole, 0)[..., 0] > 127)


def _at_random(seed: int) -> Iterator[SampleHole]:
    source = SamplePhotos("all")
    crop = centre_crop(SIDE)
    for number, name in enumerate(RANDOM_HOLES):
        photo = source.read(source.names.index(name))
        hole = STROKES(SIDE, SIDE, numbered_generator(seed, number))
        yield SampleHole(crop(photo, 0), hole[0].numpy() > 0)


def _as_tensor(photo: np.ndarray) -> Tensor:
    """(3, H, W) in [0, 1] of (H, W, 3) uint8."""
    return torch.from_numpy(photo).permute(2, 0, 1) / 255
