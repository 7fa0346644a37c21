"""Sample photographs with prepared masks: what a person might want to be rid of in each."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from latentinpaint.data.photos import SamplePhotos

# Strokes in pixels of the photograph: how wide, and the corners that they run through.
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
    """Files of a photograph and its mask (white = hole), of one size, and of a small picture of it."""

    photo: Path
    mask: Path
    thumbnail: Path


def write_examples(folder: Path) -> list[Example]:
    """Write the examples' files into a folder."""
    source = SamplePhotos("all")
    return [_write(folder, name, Image.fromarray(source.read(source.names.index(name)))) for name in _STROKES]


def _write(folder: Path, name: str, photo: Image.Image) -> Example:
    mask = Image.new("L", photo.size)
    draw = ImageDraw.Draw(mask)
    for width, corners in _STROKES[name]:
        draw.line(corners, fill=255, width=width, joint="curve")
        for x, y in (corners[0], corners[-1]):
            draw.circle((x, y), width / 2, fill=255)
    stem = Path(name).stem
    example = Example(*(folder / f"{stem}{ending}" for ending in (".png", "_mask.png", "_small.jpg")))
    photo.save(example.photo)
    mask.save(example.mask)
    small = photo.copy()
    small.thumbnail((240, 160))
    small.save(example.thumbnail, quality=88)
    return example
