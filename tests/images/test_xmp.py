"""XMP packets of a filled picture: what people wrote stays, what is stale or shows what was there goes."""

import xml.etree.ElementTree as ElementTree

import pytest
import tifffile
from image_samples import noise, xmp_packet
from PIL import Image

from latentinpaint.images.image_files import read_picture, write_picture
from latentinpaint.images.xmp import cleaned_xmp

KEPT = 'xmp:Rating="4" dc:creator="M&amp;M &lt;日本&gt;" exif:ExposureTime="1/60" tiff:Make="a maker"'
TITLE = '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">a "cat"</rdf:li></rdf:Alt></dc:title>'
JPEG_TEXT = "/9j/4AAQSkZJRg=="
STALE = {
    "thumbnail": (
        "",
        f"<xmp:Thumbnails><rdf:Alt><rdf:li><xmpGImg:image>{JPEG_TEXT}</xmpGImg:image></rdf:li></rdf:Alt></xmp:Thumbnails>",
    ),
    "orientation": ('tiff:Orientation="6"', ""),
    "orientation as an element": ("", "<tiff:Orientation>6</tiff:Orientation>"),
    "sizes": ('tiff:ImageWidth="9" tiff:ImageLength="8" exif:PixelXDimension="9" exif:PixelYDimension="8"', ""),
    "resolution": ('tiff:XResolution="72/1" tiff:YResolution="36/1"', ""),
    "gain map": ('hdrgm:Version="1.0"', "<hdrgm:GainMapMax><rdf:Seq><rdf:li>3</rdf:li></rdf:Seq></hdrgm:GainMapMax>"),
    "motion photo": ('GCamera:MotionPhoto="1"', "<Container:Directory><rdf:Seq/></Container:Directory>"),
    "extended": ('xmpNote:HasExtendedXMP="ABC"', ""),
}
LOST = {
    "depth": ('GDepth:Near="1"', f"<GDepth:Data>{JPEG_TEXT}</GDepth:Data>", "depths"),
    "picture of any program": (f'my:small=" {JPEG_TEXT}"', "", "pictures"),
    "regions": ("", "<mwg-rs:Regions><rdf:Bag><rdf:li>a face</rdf:li></rdf:Bag></mwg-rs:Regions>", "faces"),
}
PLAIN = xmp_packet(KEPT, TITLE)


def properties(packet):
    """Everything in a packet but its declarations, in one order."""
    found = []
    for element in ElementTree.fromstring(packet.decode().strip("\0 \ufeff")).iter():
        found.append((element.tag, sorted(element.attrib.items()), (element.text or "").strip()))
    return found


def test_what_people_wrote_stays():
    cleaned, lost = cleaned_xmp(PLAIN + b" " * 2000 + b"\0", "photo.jpg")
    assert lost == [] and properties(cleaned) == properties(PLAIN)
    assert cleaned.startswith(b"<?xpacket begin=") and len(cleaned) < len(PLAIN) + 100
    again, _ = cleaned_xmp(PLAIN.decode().encode("utf-16"), "photo.jpg")
    assert properties(again) == properties(PLAIN)


@pytest.mark.parametrize("name", STALE)
def test_what_is_stale_goes(name):
    attributes, elements = STALE[name]
    cleaned, lost = cleaned_xmp(xmp_packet(f"{KEPT} {attributes}", TITLE + elements), "photo.jpg")
    assert lost == [] and properties(cleaned) == properties(PLAIN)


@pytest.mark.parametrize("name", LOST)
def test_what_may_be_missed_is_named(name):
    attributes, elements, word = LOST[name]
    cleaned, (sentence,) = cleaned_xmp(xmp_packet(f"{KEPT} {attributes}", TITLE + elements), "photo.jpg")
    assert properties(cleaned) == properties(PLAIN) and word in sentence and "photo.jpg" in sentence


DAMAGED = {
    "empty": b" ",
    "no XML": b"\xff\xfe\xfa",
    "cut": PLAIN[:-60],
    "unknown prefix": b"<a:b/>",
    "endless entities": b'<!DOCTYPE a [<!ENTITY b "x">]><a>&b;</a>',
    "too deep": b"<a>" * 5000 + b"</a>" * 5000,
    "unknown encoding": b'<?xml version="1.0" encoding="of-mars"?><a/>',
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_packets_are_named(name):
    cleaned, (sentence,) = cleaned_xmp(DAMAGED[name], "photo.jpg")
    assert cleaned is None and "photo.jpg" in sentence and "damaged" in sentence


def test_an_entry_of_a_tiff_of_another_type(tmp_path):
    entry = (700, 12, 2, (1.5, 2.5), True)
    tifffile.imwrite(tmp_path / "in.tif", noise(9, 9), metadata=None, extratags=[entry])
    notes = write_picture(read_picture(tmp_path / "in.tif"), tmp_path / "out.png")
    assert any("damaged" in note for note in notes) and "xmp" not in Image.open(tmp_path / "out.png").info
