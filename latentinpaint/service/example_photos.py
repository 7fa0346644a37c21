"""Sample photographs that visitors can try, with prepared masks of what to remove."""

from dataclasses import dataclass
from functools import cache
from pathlib import PurePath

import numpy as np
from PIL import Image

from latentinpaint.data.example_holes import EXAMPLE_PHOTOS, example_hole

_THUMBNAIL = (240, 160)  # pixels, at most


@dataclass(frozen=True)
class ExamplePhoto:
    """A photograph to try.

    Attributes:
        name: short, for addresses.
        title: for people.
        photo: RGB.
        mask: L of its size, white where something is to be removed.
        thumbnail: RGB, small.
    """

    name: str
    title: str
    photo: Image.Image
    mask: Image.Image
    thumbnail: Image.Image


@cache
def example_photos() -> dict[str, ExamplePhoto]:
    """All examples by their names."""
    from latentinpaint.data.photos import SamplePhotos  # takes seconds to import

    source = SamplePhotos("all")
    examples = {}
    for file_name in EXAMPLE_PHOTOS:
        name = PurePath(file_name).stem
        photo = Image.fromarray(np.ascontiguousarray(source.read(source.names.index(file_name))))
        thumbnail = photo.copy()
        thumbnail.thumbnail(_THUMBNAIL)
        examples[name] = ExamplePhoto(
            name,
            name.capitalize(),
            photo,
            example_hole(file_name, photo.size),
            thumbnail,
        )
    return examples
