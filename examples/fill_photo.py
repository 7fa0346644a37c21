"""Fill the hole in a photo and show how far it is: python examples/fill_photo.py photo.png mask.png filled.png"""

import sys
from pathlib import Path

from PIL import Image

from latentinpaint import Inpainter


def fill_photo(photo: Path, mask: Path, output: Path) -> Image.Image:
    """Fill, write and return the picture."""
    inpainter = Inpainter.from_pretrained("default")
    filled = inpainter(Image.open(photo), Image.open(mask), progress=show)
    filled.save(output)
    return filled


def show(share: float) -> None:
    """Draw how far the fill is into the terminal's last line."""
    print(f"\r{share:4.0%}", end="", file=sys.stderr)


if __name__ == "__main__":
    fill_photo(*map(Path, sys.argv[1:]))
