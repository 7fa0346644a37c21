"""Sample photographs with prepared masks of objects to remove."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from latentinpaint.data.photos import SamplePhotos
from latentinpaint.images.image_files import write_image

# Strokes in pixels of the photograph: the width, and the points of the line.
_STROKES: dict[str, list[tuple[int, list[tuple[int, int]]]]] = {
    # the patch and the name
    "astronaut.png": [(90, [(168, 385), (169, 385)]), (46, [(290, 354), (320, 362)])],
    # the spoon
    "coffee.png": [(96, [(364, 287), (366, 287)]), (30, [(345, 245), (375, 228), (396, 160), (412, 75)])],
    # two scratches
    "chelsea.png": [(9, [(45, 20), (180, 95), (300, 215), (410, 280)]), (7, [(335, 8), (262, 90), (205, 150)])],
    # two of the towers
    "rocket.jpg": [(40, [(199, 125), (193, 230), (182, 395)]), (36, [(447, 125), (450, 230), (459, 395)])],
}


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
    for name in _STROKES:
        photo = Image.fromarray(source.read(source.names.index(name)))
        examples.append(_write(folder, name, photo))
    return examples


def _write(folder: Path, name: str, photo: Image.Image) -> Example:
    stem = Path(name).stem
    example = Example(
        photo=folder / f"{stem}.png", mask=folder / f"{stem}_mask.png", thumbnail=folder / f"{stem}_small.jpg"
    )
    write_image(photo, example.photo)
    write_image(_draw_mask(name, photo.size), example.mask)
    thumbnail = photo.copy()
    thumbnail.thumbnail((240, 160))
    write_image(thumbnail, example.thumbnail, quality=88)
    return example


def _draw_mask(name: str, size: tuple[int, int]) -> Image.Image:
    """The strokes of an example, with round ends, in white on black; `size` is width and height."""
    mask = Image.new("L", size)
    draw = ImageDraw.Draw(mask)
    for width, points in _STROKES[name]:
        draw.line(points, fill=255, width=width, joint="curve")
        for end in (points[0], points[-1]):
            draw.circle(end, width / 2, fill=255)
    return mask
