"""Sample photographs with prepared masks of objects to remove."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from latentinpaint.data.example_holes import EXAMPLE_PHOTOS, example_hole
from latentinpaint.data.photos import SamplePhotos
from latentinpaint.images.image_files import write_image


@dataclass(frozen=True)
class Example:
    """Files of a photograph, of its mask (white = hole, same size) and of its thumbnail."""

    photo: Path
    mask: Path
    thumbnail: Path


def write_examples(folder: Path) -> list[Example]:
    """Write the files of all examples into a folder."""
    source = SamplePhotos("all")
    examples = []
    for name in EXAMPLE_PHOTOS:
        photo = Image.fromarray(source.read(source.names.index(name)))
        examples.append(_write(folder, name, photo))
    return examples


def _write(folder: Path, name: str, photo: Image.Image) -> Example:
    stem = Path(name).stem
    example = Example(
        photo=folder / f"{stem}.png", mask=folder / f"{stem}_mask.png", thumbnail=folder / f"{stem}_small.jpg"
    )
    write_image(photo, example.photo)
    write_image(example_hole(name, photo.size), example.mask)
    thumbnail = photo.copy()
    thumbnail.thumbnail((240, 160))
    write_image(thumbnail, example.thumbnail, quality=88)
    return example
