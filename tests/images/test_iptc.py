"""IPTC data: in and out of files as exiftool-like readers find them, by Pillow's own reader."""

import pytest
import tifffile
from image_samples import noise
from PIL import Image, IptcImagePlugin

from latentinpaint.images.image_files import read_picture, write_picture
from latentinpaint.images.iptc import iptc_segment

CAPTION = b"\x1c\x02\x78\x00\x05a cat"  # record 2, data set 120
KEYWORD = b"\x1c\x02\x19\x00\x04pets"
THUMBNAIL = b"8BIM\x04\x0c\0\0\0\0\0\x04\xff\xd8\xff\xe0"


def write(path, content):
    image = Image.fromarray(noise(9, 9, 3))
    if path.suffix == ".tif":
        image.save(path, tiffinfo={33723: content})
        return
    segment = iptc_segment(content)
    longer = segment[4:] + THUMBNAIL
    image.save(path, extra=segment[:2] + (len(longer) + 2).to_bytes(2, "big") + longer)


@pytest.mark.parametrize("content", [CAPTION, CAPTION + KEYWORD])
@pytest.mark.parametrize("source", ["in.jpg", "in.tif"])
@pytest.mark.parametrize("target", ["out.jpg", "out.tif"])
def test_iptc_is_kept(source, target, content, tmp_path):
    """Of even and odd length; the thumbnail beside it is not."""
    write(tmp_path / source, content)
    notes = write_picture(read_picture(tmp_path / source), tmp_path / target)
    assert [note for note in notes if "lossy" not in note] == []
    with Image.open(tmp_path / target) as image:
        found = IptcImagePlugin.getiptcinfo(image)
        assert image.size == (9, 9) and found[2, 120] == b"a cat" and len(found) == content.count(b"\x1c")
    assert THUMBNAIL not in (tmp_path / target).read_bytes()


def test_iptc_in_a_tiff_with_exif_and_of_deep_colour(tmp_path):
    exif = Image.Exif()
    exif[0x8769] = {0x9003: "2020:01:02 03:04:05"}
    Image.fromarray(noise(9, 9)).save(tmp_path / "in.jpg", exif=exif, extra=iptc_segment(CAPTION))
    write_picture(read_picture(tmp_path / "in.jpg"), tmp_path / "out.tif")
    with Image.open(tmp_path / "out.tif") as image:
        assert IptcImagePlugin.getiptcinfo(image)[2, 120] == b"a cat"
        assert image.getexif().get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"
    entry = (33723, 7, len(CAPTION), CAPTION, True)
    tifffile.imwrite(tmp_path / "in.tif", noise(9, 9, 3, dtype="uint16"), photometric="rgb", extratags=[entry])
    write_picture(read_picture(tmp_path / "in.tif"), tmp_path / "out.tif")
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert file.pages[0].tags[33723].value == CAPTION


def test_the_segment():
    """Blocks have an even length."""
    content = CAPTION + b"\x1c"
    block = b"8BIM\4\4\0\0\0\0\0\x0b" + content + b"\0"
    assert len(content) == 11 and iptc_segment(content) == b"\xff\xed\0\x28Photoshop 3.0\0" + block


UNKEPT = {
    "a preview": (CAPTION + b"\x1c\x02\xca\x00\x04\xff\xd8\xff\xe0", "preview"),
    "no data sets": (b"junk", "damaged"),
}


@pytest.mark.parametrize("source", ["in.jpg", "in.tif"])
@pytest.mark.parametrize("name", UNKEPT)
def test_what_cannot_be_kept_is_named(name, source, tmp_path):
    content, word = UNKEPT[name]
    write(tmp_path / source, content)
    (note,) = write_picture(read_picture(tmp_path / source), tmp_path / "out.tif")
    assert word in note and "IPTC" in note and source in note
