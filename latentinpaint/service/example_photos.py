"""Sample photographs that visitors can try, with prepared masks of what to remove."""

from dataclasses import dataclass
from functools import cache
from pathlib import PurePath

import numpy as np
from PIL import Image

from latentinpaint.data.example_holes import EXAMPLE_PHOTOS, example_hole
from latentinpaint.images.encode import encode_image
from latentinpaint.images.image_format import JPEG, PNG

_THUMBNAIL = (240, 160)  # pixels, at most


@dataclass(frozen=True)
class ExamplePhoto:
    """A photograph to try.

    Attributes:
        name: short, for addresses.
        title: for people.
        photo: an RGB image.
        mask: of its size, a PNG, white where something is to be removed.
        thumbnail: a small JPEG.
    """

    name: str
    title: str
    photo: Image.Image
    mask: bytes
    thumbnail: bytes


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
            encode_image(example_hole(file_name, photo.size), PNG),
            encode_image(thumbnail, JPEG, quality=88),
        )
    return examples
