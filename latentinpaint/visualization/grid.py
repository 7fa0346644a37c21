"""A labelled grid of pictures, one row a photo and one column a method."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

LABEL_HEIGHT = 22
GAP = 4


def to_pil(image: Tensor) -> Image.Image:
    """A picture (3, H, W) in [0, 1] as a Pillow picture, rounded."""
    values = image.detach().float().clamp(0, 1).permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(np.rint(values * 255).astype(np.uint8))


def picture_grid(rows: Sequence[Sequence[Tensor]], labels: Sequence[str]) -> Image.Image:
    """Pictures side by side under their labels.

    Args:
        rows: rows of pictures (3, H, W) in [0, 1], all of one size.
        labels: one a column.
    """
    if not rows or any(len(row) != len(labels) for row in rows):
        raise ValueError("a grid has at least one row, and every row one picture a label")
    height, width = rows[0][0].shape[-2:]
    size = (len(labels) * (width + GAP) - GAP, LABEL_HEIGHT + len(rows) * (height + GAP) - GAP)
    grid = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(grid)
    font = ImageFont.load_default(size=max(9, min(14, width // 10)))
    for column, label in enumerate(labels):
        centre = column * (width + GAP) + width // 2
        draw.text((centre, LABEL_HEIGHT // 2), label, fill="black", font=font, anchor="mm")
        for index, row in enumerate(rows):
            grid.paste(to_pil(row[column]), (column * (width + GAP), LABEL_HEIGHT + index * (height + GAP)))
    return grid
