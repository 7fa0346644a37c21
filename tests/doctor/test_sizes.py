"""Picture and mask of different sizes."""

import io

from mask_pictures import picture_of
from PIL import Image

from latentinpaint.doctor import examine
from latentinpaint.images.image_files import Picture


def sizes(image, mask, orientation=1):
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.new("RGB", image, "teal").save(buffer, "JPEG", exif=exif)
    found = examine(Picture.from_pil(Image.open(buffer), "p"), picture_of(Image.new("L", mask), "m"))
    return " ".join(
        f.seen + f.advice for f in found if f.code.value == "sizes differ" and f.severity.value == "problem"
    )


def test_sizes():
    assert sizes((80, 60), (80, 60)) == ""
    assert "the same shape, 0.5 times" in sizes((80, 60), (40, 30))
    assert "the same shape" in sizes((81, 61), (40, 30)) and "nearest" in sizes((81, 61), (40, 30))
    assert "the same shape" not in sizes((80, 60), (40, 33)) and "another shape" in sizes((80, 60), (40, 33))
    swapped = sizes((80, 60), (60, 80))
    assert "swapped" in swapped and "EXIF" not in swapped
    assert "EXIF orientation 6" in sizes((80, 60), (80, 60), orientation=6)
    assert sizes((80, 60), (60, 80), orientation=6) == ""
    assert "another scale" in sizes((80, 60), (30, 40))
