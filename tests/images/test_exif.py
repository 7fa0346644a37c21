"""EXIF data that hold for a filled picture: nothing stale, nothing that shows what was there."""

import pytest
from image_samples import exif_bytes
from PIL import Image

from latentinpaint.images.exif import expanded_exif, tiff_exif, turned_exif, upright_exif


def test_texts_of_an_exif():
    """Plain texts apart, and the whole only where there is more than these."""
    plain = Image.Exif()
    plain[270] = "a cat"
    plain[0x0100] = 31  # the width: how pixels are laid out is left out
    assert tiff_exif(plain.tobytes()) == ({270: "a cat"}, None)
    assert tiff_exif(None) == ({}, None)
    texts, whole = tiff_exif(exif_bytes())
    assert texts == {0x010F: "a maker"}
    again = Image.Exif()
    again.load(whole)
    assert again.get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05" and 0x0112 not in again


NOTE = "the maker notes of photo.jpg are not kept, they may show the picture before it was filled"
PREVIEW = b"\xff\xd8\xff\xe0 a preview of the original"


def camera_exif():
    """What a camera writes, with everything that may show or describe the stored picture."""
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    exif[0x0100], exif[0x0101] = 60, 40
    exif[0x0112] = 6
    exif[0x011A], exif[0x011B] = 300.0, 150.0
    exif[0x8649] = PREVIEW  # Photoshop's data
    exif[0x014A] = 12345  # further folders
    exif[0xC4A5] = PREVIEW  # an entry of a printer
    folder = {0xA002: 60, 0xA003: 40, 0x9214: (10, 20), 0x927C: b"notes of a camera", 0x9286: PREVIEW}
    exif[0x8769] = folder | {0x9003: "2020:01:02 03:04:05"}
    exif[0x8825] = {1: "N"}
    source = Image.Exif()
    source.load(exif.tobytes())
    return source


def test_nothing_of_an_exif_is_stale_or_shows_what_was_there():
    content, notes = upright_exif(camera_exif(), False, 6, (40, 60), "photo.jpg")
    assert notes == [NOTE] and b"\xff\xd8\xff" not in content
    assert b"preview" not in content and b"notes" not in content
    kept = Image.Exif()
    kept.load(content)
    assert (kept[0x0100], kept[0x0101], kept[0x0112]) == (40, 60, 1)
    assert (kept[0x011A], kept[0x011B]) == (150, 300) and kept[0x010F] == "a maker"
    assert 0x8649 not in kept and 0x014A not in kept and kept.get_ifd(0x8825)[1] == "N"
    assert kept.get_ifd(0x8769) == {0xA002: 40, 0xA003: 60, 0x9003: "2020:01:02 03:04:05"}


def test_an_exif_of_a_picture_that_grew_or_is_turned():
    content, _ = upright_exif(camera_exif(), False, 1, (60, 40), "photo.jpg")
    grown = Image.Exif()
    grown.load(expanded_exif(content, 3, 5, 70, 50))
    folder = grown.get_ifd(0x8769)
    assert (grown[0x0100], grown[0x0101], folder[0xA002], folder[0xA003]) == (70, 50, 70, 50)
    assert folder[0x9214] == (13, 25) and expanded_exif(None, 1, 1, 9, 9) is None
    turned = Image.Exif()
    turned.load(turned_exif(content, 8, 40, 60))
    assert (turned[0x0112], turned[0x0100], turned[0x0101]) == (8, 40, 60)
    assert (turned[0x011A], turned[0x011B]) == (150, 300) and 0x9214 not in turned.get_ifd(0x8769)


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_the_byte_order_stays(byte_order):
    """Texts of two bytes a letter are in that order."""
    exif = Image.Exif()
    exif.endian = byte_order
    exif[0x010F] = "a maker"
    content, _ = upright_exif(exif, False, 1, (4, 4), "photo.jpg")
    assert content[6:8] == {"<": b"II", ">": b"MM"}[byte_order]
