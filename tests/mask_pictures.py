"""Masks as pictures, and the codes of what the doctor finds in them."""

import io

import numpy as np
from PIL import Image

from latentinpaint.doctor import examine
from latentinpaint.images.image_files import Picture

SIDE = 120


def codes(mask, image=None, invert=False, severity=None):
    """Codes of the findings in Pillow images or arrays of bool."""
    found = examine(None if image is None else picture_of(image, "photo"), picture_of(mask, "mask"), invert)
    return {f.code.value for f in found if severity in (None, f.severity.value)}


def picture_of(image, name):
    return Picture.from_pil(white(image) if isinstance(image, np.ndarray) else image, name)


def white(hole):
    return Image.fromarray(hole.astype(np.uint8) * 255)


def box(top=30, bottom=70, left=20, right=60, height=SIDE, width=SIDE):
    hole = np.zeros((height, width), bool)
    hole[top:bottom, left:right] = True
    return hole


def as_jpeg(image, quality):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def disc(radius=35):
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return np.hypot(rows - 60, columns - 55) < radius
