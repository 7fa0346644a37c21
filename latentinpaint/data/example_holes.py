"""Holes over objects and scratches in some of the photographs inside scikit-image, drawn by hand."""

from PIL import Image, ImageDraw

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

EXAMPLE_PHOTOS = tuple(_STROKES)
"""Names of the photographs, as `SamplePhotos` has them."""


def example_hole(name: str, size: tuple[int, int]) -> Image.Image:
    """The hole of a photograph as a mask (L, white = hole): strokes with round ends.

    Args:
        name: one of `EXAMPLE_PHOTOS`.
        size: width and height of the photograph in pixels.
    """
    mask = Image.new("L", size)
    draw = ImageDraw.Draw(mask)
    for width, points in _STROKES[name]:
        draw.line(points, fill=255, width=width, joint="curve")
        for end in (points[0], points[-1]):
            draw.circle(end, width / 2, fill=255)
    return mask
