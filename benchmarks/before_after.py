"""Photographs before and after, as in the README: the web page's examples, filled with a model.

python benchmarks/before_after.py --output docs/before_after.jpg
"""

import argparse

import numpy as np
from PIL import Image

from latentinpaint import Inpainter
from latentinpaint.service.example_photos import ExamplePhoto, example_photos

WIDTH, GAP = 330, 6  # pixels
PAINT = np.array([235, 64, 52])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default", help="name, run folder or model file")
    parser.add_argument(
        "--names", nargs="*", default=["rocket", "astronaut", "chelsea", "coffee"], help="examples, one a row"
    )
    parser.add_argument("--output", required=True, help="PNG or JPEG file to write")
    options = parser.parse_args()
    inpainter = Inpainter.from_pretrained(options.model)
    examples = example_photos()
    rows = [_row(inpainter, examples[name]) for name in options.names]
    _column(rows).save(options.output, quality=85)
    print(f"wrote {options.output}: photo, painted over, filled, of {', '.join(options.names)}")


def _row(inpainter: Inpainter, example: ExamplePhoto) -> Image.Image:
    """The photo, what is painted over, and the fill, side by side."""
    image, hole = example.photo, np.asarray(example.mask) > 127
    filled = inpainter(image, hole)
    pixels = np.asarray(image).astype(float)
    painted = np.where(hole[..., None], 0.25 * pixels + 0.75 * PAINT, pixels).round().astype(np.uint8)
    size = (WIDTH, round(WIDTH * image.height / image.width))
    row = Image.new("RGB", (3 * WIDTH + 2 * GAP, size[1]), "white")
    for number, shown in enumerate((image, Image.fromarray(painted), filled)):
        row.paste(shown.resize(size, Image.Resampling.LANCZOS), (number * (WIDTH + GAP), 0))
    return row


def _column(rows: list[Image.Image]) -> Image.Image:
    whole = Image.new("RGB", (rows[0].width, sum(row.height + GAP for row in rows) - GAP), "white")
    top = 0
    for row in rows:
        whole.paste(row, (0, top))
        top += row.height + GAP
    return whole


if __name__ == "__main__":
    main()
