"""Every kind of metadata into every format that is written: kept, mended, left out, or named in a sentence.

What the files hold is found by walking their chunks, segments and tags here, not by this package. The table in
docs/folders.md says the same.
"""

import io
import struct
import zlib
from pathlib import Path

import pytest
import tifffile
from image_samples import ICC, bmp_head, chunk, exif_bytes, noise, xmp_packet
from PIL import Image

from latentinpaint.images.image_files import read_picture, write_picture
from latentinpaint.images.image_format import FORMATS_BY_SUFFIX

SUFFIXES = [".png", ".jpg", ".webp", ".tif", ".gif", ".bmp"]
PICTURE = Image.fromarray(noise(6, 8, 3))
THUMBNAIL = b"\xff\xd8\xff\xe0 what was there \xff\xd9"
IPTC = b"\x1c\x02\x78\x00\x05a cat"
XMP = xmp_packet('dc:creator="Anna" tiff:Orientation="6"')


def png(*chunks, **options):
    def write(path):
        PICTURE.save(path, "PNG", **options)
        plain = path.read_bytes()
        path.write_bytes(plain[:33] + b"".join(chunks) + plain[33:])

    return write


def jpeg(*segments, behind=b"", **options):
    def write(path):
        PICTURE.save(path, "JPEG", **options)
        plain = path.read_bytes()
        added = b""
        for marker, content in segments:
            added += bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content
        path.write_bytes(plain[:2] + added + plain[2:] + behind)

    return write


def gif(**options):
    return lambda path: PICTURE.quantize(16).save(path, "GIF", **options)


def tiff(**tags):
    numbered = {int(tag.removeprefix("t")): value for tag, value in tags.items()}
    return lambda path: PICTURE.save(path, "TIFF", tiffinfo=numbered)


def bmp(path):
    """With a profile in another file."""
    head = bmp_head(b"KNIL", profile=b"a.icc")
    fields = struct.pack("<IiiHHI", 124, 8, 6, 1, 24, 0)
    head = head[:10] + struct.pack("<I", len(head)) + fields + head[34:]
    path.write_bytes(head + bytes(8 * 6 * 3))


def thumbnail():
    """EXIF data whose second folder has a JPEG."""
    first = struct.pack("<HHHII", 1, 0x0112, 3, 1, 1) + struct.pack("<I", 26)
    second = struct.pack("<HHHIIHHIII", 2, 513, 4, 1, 56, 514, 4, 1, len(THUMBNAIL), 0)
    return b"Exif\0\0II*\0\x08\0\0\0" + first + second + THUMBNAIL


def maker_notes():
    exif = Image.Exif()
    exif[0x8769] = {0x927C: b"notes", 0x9003: "2020:01:02 03:04:05"}
    return exif


def photoshop(mark, content):
    """A block of Photoshop."""
    return b"Photoshop 3.0\x008BIM" + mark + b"\0\0" + struct.pack(">I", len(content)) + content


KEPT, MENDED, LEFT_OUT, NAMED = "kept", "mended", "left out", "named"
ROWS = {
    "EXIF": (png(exif=exif_bytes()), "EXIF", "kept kept kept kept named named"),
    "orientation": (png(exif=exif_bytes(6)), "orientation", "mended mended mended mended mended mended"),
    "colour profile": (png(icc_profile=ICC), "ICC profile", "kept kept kept kept named named"),
    "XMP": (jpeg(xmp=XMP), "XMP", "kept kept kept kept named named"),
    "IPTC": (jpeg((0xED, photoshop(b"\4\4", IPTC))), "IPTC", "named kept named kept named named"),
    "comment": (gif(comment=b"a cat"), "comment", "kept kept named named kept named"),
    "texts of a PNG": (png(chunk(b"tEXt", b"Title\0a cat")), "text", "kept named named named named named"),
    "resolution": (png(dpi=(300, 150)), "resolution", "kept kept named kept named kept"),
    "gamma, chromaticities": (
        png(chunk(b"gAMA", b"\0\0\1\2"), chunk(b"cHRM", bytes(32))),
        "colour chunks",
        "kept named named named named named",
    ),
    "codes of HDR (cICP)": (
        png(chunk(b"cICP", b"\x09\x10\0\1")),
        "colour chunks",
        "kept named named named named named",
    ),
    "thumbnails": (jpeg(exif=thumbnail()), "thumbnail", "left_out left_out left_out left_out left_out left_out"),
    "maker notes": (jpeg(exif=maker_notes()), "maker notes", "named " * 6),
    "further frames": (gif(save_all=True, append_images=[PICTURE.rotate(180)]), "frames", "named " * 6),
    "other chunks of a PNG": (png(chunk(b"mDCV", bytes(24))), "mDCV", "named " * 6),
    "raw profile texts": (png(chunk(b"tEXt", b"Raw profile type exif\0a cat")), "raw profile", "named " * 6),
    "content credentials (C2PA)": (jpeg((0xEB, b"JP\0\1a claim")), "C2PA", "named " * 6),
    "video behind a picture": (jpeg(behind=b"\0\0\0\x18ftypmp42"), "motion photo", "named " * 6),
    "gain map": (jpeg((0xE2, b"urn:iso:std:iso:ts:21496:-1\0a map")), "gain map", "named " * 6),
    "clipping paths": (jpeg((0xED, photoshop(b"\7\xd0", b"path"))), "clipping paths", "named " * 6),
    "further comments": (jpeg((0xFE, b"one"), (0xFE, b"two")), "2 comments", "named " * 6),
    "data of other programs": (jpeg((0xE7, b"GoPro")), "APP7", "named " * 6),
    "private tags of a TIFF": (tiff(t65000="mine"), "65000", "named " * 6),
    "georeference": (tiff(t33550=(1.0, 2.0, 3.0)), "georeference", "named " * 6),
    "profile beside a BMP": (bmp, "another file", "named " * 6),
}


def png_parts(data):
    position, found = 8, {}
    while position < len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        found[name] = found.get(name, b"") + data[position + 8 : position + 8 + length]
        position += 12 + length
    parts = {"EXIF": found.get(b"eXIf"), "resolution": found.get(b"pHYs"), "text": found.get(b"tEXt")}
    if b"iCCP" in found:
        parts["ICC profile"] = zlib.decompress(found[b"iCCP"].split(b"\0\0", 1)[1])
    parts |= {"XMP": found.get(b"iTXt"), "comment": found.get(b"tEXt")}
    return parts | {"colour chunks": b"".join(found.get(name, b"") for name in (b"gAMA", b"cHRM", b"cICP"))}


def jpeg_parts(data):
    starts = {b"Exif\0\0": "EXIF", b"http://ns.adobe.com/xap/1.0/\0": "XMP", b"ICC_PROFILE\0": "ICC profile"}
    starts |= {b"Photoshop 3.0\x008BIM\4\4": "IPTC", b"JFIF": "resolution"}
    position, parts = 2, {}
    while data[position + 1] != 0xDA:
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        content = data[position + 4 : position + 2 + length]
        if data[position + 1] == 0xFE:
            parts["comment"] = content
        for start, name in starts.items():
            if content.startswith(start):
                parts[name] = content
        position += 2 + length
    return parts


def webp_parts(data):
    names = {b"EXIF": "EXIF", b"XMP ": "XMP", b"ICCP": "ICC profile"}
    position, parts = 12, {}
    while position < len(data):
        name, length = struct.unpack_from("<4sI", data, position)
        parts[names.get(name, "")] = data[position + 8 : position + 8 + length]
        position += 8 + length + length % 2
    return parts


def tiff_parts(data):
    parts = {}
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        tags = file.pages[0].tags
        for number, name in ((700, "XMP"), (33723, "IPTC"), (34675, "ICC profile")):
            parts[name] = tags.valueof(number)
        if 271 in tags:
            parts["EXIF"] = tags.valueof(271).encode()
        for number in (282, 283):
            numerator, denominator = tags.valueof(number, default=(0, 1))
            parts["resolution"] = parts.get("resolution", b"") + b"%.0f " % (numerator / denominator)
    return parts


def gif_parts(data):
    return {"comment": data.partition(b"!\xfe")[2]}


def bmp_parts(data):
    return {"resolution": data[38:46]}


PARTS = dict(zip(SUFFIXES, (png_parts, jpeg_parts, webp_parts, tiff_parts, gif_parts, bmp_parts), strict=True))
# What is in a part that is kept; of resolutions 300 by 150 dots per inch in each format's way.
CONTENT = {
    "EXIF": b"a maker",
    "ICC profile": ICC,
    "XMP": b"Anna",
    "IPTC": IPTC,
    "comment": b"a cat",
    "text": b"Title\0a cat",
    "gamma, chromaticities": b"\0\0\1\2" + bytes(32),
    "codes of HDR (cICP)": b"\x09\x10\0\1",
}
RESOLUTION = {
    ".png": struct.pack(">II", 11811, 5906),
    ".jpg": struct.pack(">BHH", 1, 300, 150),
    ".tif": b"300 150",
    ".bmp": struct.pack("<II", 11811, 5906),
}


def test_every_format_is_in_the_table():
    assert {FORMATS_BY_SUFFIX[suffix] for suffix in SUFFIXES} == set(FORMATS_BY_SUFFIX.values())


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("row", ROWS)
def test_a_cell(row, suffix, tmp_path):
    write, word, answers = ROWS[row]
    answer = answers.split()[SUFFIXES.index(suffix)].replace("_", " ")
    source, target = tmp_path / "in", tmp_path / f"out{suffix}"
    write(source)
    notes = write_picture(read_picture(source), target)
    named = [note for note in notes if word in note]
    assert len(named) == (answer == NAMED), notes
    data = target.read_bytes()
    part = PARTS[suffix](data).get(word) or b""
    if answer == KEPT:
        content = CONTENT.get(row) or CONTENT.get(word) or RESOLUTION[suffix]
        assert content in part and b"Orientation" not in part
    elif answer == MENDED:
        with Image.open(target) as image:
            assert image.size == PICTURE.size[::-1] and image.getexif().get(0x0112, 1) == 1
    elif answer == LEFT_OUT:
        assert b"what was there" not in data and b"what was there" in source.read_bytes()
    else:
        assert not part or suffix == ".jpg" and word == "resolution"
        assert CONTENT.get(row, b"a claim") not in data


def test_the_table_of_the_documentation():
    lines = []
    for row, (_, _, answers) in ROWS.items():
        lines.append(f"| {row} | {' | '.join(answers.split())} |".replace("left_out", "left out"))
    documented = Path(__file__).parents[2].joinpath("docs", "folders.md").read_text()
    table = documented.partition("| PNG | JPEG | WebP | TIFF | GIF | BMP |\n")[2].partition("\n\n")[0]
    assert table.splitlines()[1:] == lines
