"""What visitors send: names, formats, limits that are checked before anything is decoded, boxes of masks."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from latentinpaint.errors import InputError
from latentinpaint.images.picture import Picture
from latentinpaint.inference.crops import Box
from latentinpaint.service.incoming import check_hole, file_name, painted_hole, read_mask, read_photo
from latentinpaint.service.refused import Refused
from latentinpaint.service.settings import ServiceLimits

LIMITS = ServiceLimits(upload=1, megapixels=0.5)


@pytest.mark.parametrize("suffix", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"])
def test_the_format_is_the_files_not_its_names(helpers, suffix):
    content = io.BytesIO()
    Image.fromarray(helpers.smooth(20, 30)).save(content, suffix)
    photo = read_photo(content.getvalue(), "a.xyz", LIMITS)
    assert photo.file_format.name.upper() == suffix and photo.picture.name == "a.xyz"


def test_a_photo_with_others_behind_it_is_a_jpeg(helpers):
    """As phones write depths and thumbnails."""
    content = io.BytesIO()
    image = Image.fromarray(helpers.smooth(20, 30))
    image.save(content, "MPO", save_all=True, append_images=[image])
    photo = read_photo(content.getvalue(), "a.jpg", LIMITS)
    assert photo.file_format.name.upper() == "JPEG" and photo.picture.samples.shape == (20, 30, 3)


def test_a_vast_picture_is_refused_before_it_is_decoded():
    """Its header promises 100 megapixels, its data are not even there: only the header was looked at."""
    head = struct.pack(">IIBBBBB", 10_000, 10_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(head)) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    content = b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT"
    for read in (read_photo, read_mask):
        with pytest.raises(Refused, match="^vast.png has 10000x10000 pixels, more than 0.5 megapixels") as caught:
            read(content, "vast.png", LIMITS)
        assert caught.value.status == 413


def test_even_larger_than_pillow_opens():
    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(head)) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    with pytest.raises(Refused, match="more than 0.5 megapixels") as caught:
        read_photo(b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT", "a.png", LIMITS)
    assert caught.value.status == 413


def test_a_text_that_unpacks_to_much_is_not_unpacked(helpers):
    """A megabyte of text that is a kilobyte in the file passes, fifty do not reach the memory."""
    import tracemalloc

    whole = io.BytesIO()
    Image.fromarray(helpers.smooth(20, 30)).save(whole, "PNG")
    body = b"key\0\0" + zlib.compress(b"x" * 50_000_000, 9)
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    content = whole.getvalue()[:33] + chunk + whole.getvalue()[33:]
    tracemalloc.start()
    try:
        photo = read_photo(content, "a.png", LIMITS)
        assert photo.picture.width == 30
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < 20_000_000


@pytest.mark.parametrize(
    "sent, kept",
    [
        ("beach.jpg", "beach.jpg"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("", "photo"),
        (None, "photo"),
        ("a/", "a"),
        ("..", ".."),
        ("x" * 500 + ".png", "x" * 116 + ".png"),
        ("a\nb\x1b[2J.png", r"a\nb\x1b[2J.png"),
    ],
)
def test_names(sent, kept):
    assert file_name(sent, "photo") == kept


def test_painted_masks():
    """Nearest neighbour by whole numbers: every pixel of a mask of half the size becomes four."""
    painted = np.zeros((3, 4), bool)
    painted[1, 2] = True
    mask = Picture(painted.astype(np.uint8) * 255, "L", name="m")
    hole = painted_hole(mask, Box(2, 1, 8, 9), (10, 12))
    wanted = np.zeros((10, 12), bool)
    wanted[4:6, 5:7] = True
    assert np.array_equal(hole, wanted)
    for box in (Box(0, 0, 11, 5), Box(0, 0, 5, 13), Box(5, 5, 5, 9)):
        with pytest.raises(InputError, match="is not inside the photo, which has 12x10 pixels"):
            painted_hole(mask, box, (10, 12))
    with pytest.raises(InputError, match="4x3 pixels, the part of the photo that it covers only 3x3"):
        painted_hole(mask, Box(0, 0, 3, 3), (10, 12))


def test_holes():
    hole = np.zeros((3, 4), bool)
    with pytest.raises(InputError, match="nothing is painted"):
        check_hole(hole)
    with pytest.raises(InputError, match="all of the photo is painted"):
        check_hole(~hole)
    hole[1, 1] = True
    check_hole(hole)
