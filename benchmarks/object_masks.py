"""Objects that a person would remove from photographs: a list with hand-drawn masks, and the masks as pixels.

`object_removal.json` has one entry an object:

    photo    file name of the photograph, which is not part of this repository; sha256 of the file, size in pixels
    half     "first" or "second" of the photographs' set by name: what chooses a setting looks at the first half only
    object, behind   what is removed, and what has to go on in its place
    kinds    "border": a straight border runs behind it; "pattern": a regular pattern does; "thin": it is thin
    shapes   what a brush painted: {"line": points, "width": w} is a stroke, a dot if it has one point; {"area":
             points, "width": w} is a polygon with a stroke of that width along its outline. Points (x, y) and widths
             are pixels of the photograph; (0, 0) is the middle of the first pixel
    pixels   of the mask
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from latentinpaint.errors import InputError

LIST = Path(__file__).with_name("object_removal.json")
KINDS = ("border", "pattern", "thin")
HALVES = ("first", "second")


@dataclass(frozen=True)
class ObjectRemoval:
    """One entry of the list, see the module."""

    photo: str
    sha256: str
    size: tuple[int, int]
    half: str
    object: str
    behind: str
    kinds: tuple[str, ...]
    shapes: tuple[dict, ...]
    pixels: int

    def mask(self) -> np.ndarray:
        """What is removed, (H, W) bool."""
        return rasterise(self.shapes, self.size)

    def share(self) -> float:
        """Of the photograph that is removed, 0 … 1."""
        return self.pixels / (self.size[0] * self.size[1])


def read_list(path: str | Path = LIST) -> list[ObjectRemoval]:
    """The entries of a list."""
    entries = []
    for entry in json.loads(Path(path).read_text(encoding="utf-8")):
        entry |= {name: tuple(entry[name]) for name in ("size", "kinds", "shapes")}
        entries.append(ObjectRemoval(**entry))
    return entries


def rasterise(shapes: tuple[dict, ...], size: tuple[int, int]) -> np.ndarray:
    """Shapes of the list as a mask (height, width) bool; `size` is (width, height)."""
    drawn = Image.new("1", size)
    draw = ImageDraw.Draw(drawn)
    for shape in shapes:
        if "area" in shape:
            points = [tuple(point) for point in shape["area"]]
            draw.polygon(points, fill=1)
            points = [*points, points[0]]
        else:
            points = [tuple(point) for point in shape["line"]]
        _stroke(draw, points, shape["width"])
    return np.array(drawn)


def _stroke(draw: ImageDraw.ImageDraw, points: list[tuple[float, float]], width: int) -> None:
    """A round brush drawn along points."""
    if len(points) > 1:
        draw.line(points, fill=1, width=width)
    radius = (width - 1) / 2
    for x, y in points:
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)


def open_photos(entries: list[ObjectRemoval], photos: str | Path) -> Iterator[tuple[ObjectRemoval, Image.Image]]:
    """The photographs of the entries, RGB, from an archive (.zip) or a folder.

    Raises:
        InputError: if one is not there or is another photograph.
    """
    for entry in entries:
        content = _content(Path(photos), entry.photo)
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            raise InputError(f"{entry.photo} in {photos} is not the photograph that its mask was drawn on")
        yield entry, Image.open(io.BytesIO(content)).convert("RGB")


def _content(photos: Path, name: str) -> bytes:
    try:
        if photos.is_dir():
            return (photos / name).read_bytes()
        with zipfile.ZipFile(photos) as archive:
            return archive.read(name)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"there is no photograph {name} in {photos}") from error
