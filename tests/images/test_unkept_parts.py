"""Each part that is not kept gets one sentence; plain files get none."""

import io
import struct

import pytest
from image_samples import bmp_head, chunk, image_of
from PIL import Image

from latentinpaint.images.encode import encode
from latentinpaint.images.format_fitting import fit_to_format
from latentinpaint.images.image_files import read_picture, write_picture
from latentinpaint.images.image_format import JPEG, PNG
from latentinpaint.images.unkept_parts import unkept_parts

VIDEO = b"\0\0\0\x18ftypmp42"


def file_of(form, **options):
    content = io.BytesIO()
    image_of("L").save(content, form, **options)
    return content.getvalue()


def segment(marker, content):
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


PLAIN = {
    "JPEG": file_of("JPEG"),
    "PNG": file_of("PNG"),
    "WebP": file_of("WEBP", lossless=True),
    "GIF": file_of("GIF"),
}
PLAIN |= {
    "BMP": file_of("BMP"),
    "TIFF": file_of("TIFF"),
}
PLAIN["progressive JPEG"] = file_of("JPEG", progressive=True)
GIF_HEAD = 13 + 3 * 256  # the table of colours


def jpeg_with(*segments):
    return PLAIN["JPEG"][:2] + b"".join(segments) + PLAIN["JPEG"][2:]


def webp_with(name, content):
    whole = PLAIN["WebP"][8:] + name + struct.pack("<I", len(content)) + content
    return b"RIFF" + struct.pack("<I", len(whole)) + whole


def gif_with(block):
    return PLAIN["GIF"][:GIF_HEAD] + block + PLAIN["GIF"][GIF_HEAD:]


PARTS = {
    "video behind a JPEG": (PLAIN["JPEG"] + VIDEO, "motion photo"),
    "video behind a progressive JPEG": (PLAIN["progressive JPEG"] + VIDEO, "motion photo"),
    "picture behind a JPEG": (PLAIN["JPEG"] + PLAIN["JPEG"], "behind the end"),
    "video behind a PNG": (PLAIN["PNG"] + VIDEO, "motion photo"),
    "text behind a PNG": (PLAIN["PNG"] + b"more", "behind the end"),
    "text behind a WebP": (PLAIN["WebP"] + b"more", "behind the end"),
    "text behind a GIF": (PLAIN["GIF"] + b"more", "behind the end"),
    "C2PA in a JPEG": (jpeg_with(segment(0xEB, b"JP\0\1"), segment(0xEB, b"JP\0\2")), "C2PA"),
    "C2PA in a WebP": (webp_with(b"C2PA", b"JP"), "C2PA"),
    "C2PA in a PNG": (PLAIN["PNG"][:33] + chunk(b"caBX", b"JP") + PLAIN["PNG"][33:], "caBX"),
    "unknown segment": (jpeg_with(segment(0xE7, b"GoPro")), "APP7"),
    "extended XMP": (jpeg_with(segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0x")), "extended XMP"),
    "comments": (jpeg_with(segment(0xFE, b"one"), segment(0xFE, b"two")), "2 comments"),
    "unknown chunk of a WebP": (webp_with(b"abcd", b"hi"), "abcd"),
    "application data of a GIF": (gif_with(b"!\xff\x0bICCRGBG1012\2hi\0"), "ICCRGBG1012"),
    "text over a GIF": (gif_with(b"!\x01\x0c" + bytes(12) + b"\2hi\0"), "plain text"),
    "profile beside a BMP": (bmp_head(b"KNIL"), "another file"),
    "damaged profile of a BMP": (bmp_head(b"DEBM", profile=b"profile")[:-1], "damaged"),
    "calibrated BMP": (bmp_head(bytes(4), 108, b"\1" * 48), "calibration"),
}


@pytest.mark.parametrize("name", PARTS)
def test_each_part_is_named_once(name):
    content, word = PARTS[name]
    (sentence,) = unkept_parts(content, "in.x", False)
    assert word in sentence and "in.x" in sentence


def test_what_is_not_missed():
    """Plain files, padding of cameras, a looping GIF, and pictures that are reported elsewhere."""
    looping = gif_with(b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0")
    known = jpeg_with(segment(0xE2, b"ICC_PROFILE\0\1\1x"), segment(0xEE, b"Adobe"), segment(0xFE, b"one"))
    for content in (*PLAIN.values(), PLAIN["JPEG"] + bytes(100), looping, known):
        assert unkept_parts(content, "in.x", False) == []
    assert unkept_parts(PLAIN["JPEG"] * 2, "in.x", True) == []


@pytest.mark.parametrize("name", [b"{}\n\xff", b"{na}"])
def test_names_in_a_file_may_hold_anything(name):
    for content in (webp_with(name, b"hi"), gif_with(b"!\xff\x04" + name + b"\2hi\0")):
        (sentence,) = unkept_parts(content, "a{0}b.x", False)
        assert "a{0}b.x" in sentence and sentence.isprintable() and name[:2].decode() in sentence


PATH = b"Photoshop 3.0\x008BIM\x07\xd0\0\0\0\0\0\4path"


def test_paths_and_private_tags_are_named(tmp_path):
    (tmp_path / "in.jpg").write_bytes(jpeg_with(segment(0xED, PATH)))
    (note,) = write_picture(read_picture(tmp_path / "in.jpg"), tmp_path / "out.png")
    assert "clipping paths" in note and "in.jpg" in note
    tags = {65000: "mine", 318: (0.3, 0.3), 34377: PATH[14:]}
    image_of("L").save(tmp_path / "in.tif", tiffinfo=tags)
    tags_note, path_note = write_picture(read_picture(tmp_path / "in.tif"), tmp_path / "out.tif")
    assert "318 (WhitePoint), 65000" in tags_note and "clipping paths" in path_note
    image_of("L").save(tmp_path / "in.tif", tiffinfo={65000 + number: "mine" for number in range(9)})
    (note,) = write_picture(read_picture(tmp_path / "in.tif"), tmp_path / "out.tif")
    assert note.endswith("65005, and 3 more")


def test_the_profile_within_a_bmp_is_kept(tmp_path):
    plain, profile = PLAIN["BMP"], b"profile of colours"
    offset = struct.unpack_from("<I", plain, 10)[0]
    header = (
        plain[14:54] + bytes(16) + b"DEBM" + bytes(48) + struct.pack("<IIII", 0, len(plain) + 70, len(profile), 0)
    )
    header = struct.pack("<I", 124) + header[4:]
    moved = plain[:10] + struct.pack("<I", offset + 84) + header + plain[54:] + profile
    (tmp_path / "in.bmp").write_bytes(moved)
    assert write_picture(read_picture(tmp_path / "in.bmp"), tmp_path / "out.png") == []
    with Image.open(tmp_path / "out.png") as image:
        assert image.info["icc_profile"] == profile and image.tobytes() == image_of("L").tobytes()


def test_what_is_too_long_for_a_segment_of_a_jpeg(tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "x" * 70_000
    image_of("L").save(tmp_path / "in.png", exif=exif)
    image_of("L").save(tmp_path / "in.gif", comment=b"x" * 70_000)
    for source, word in (("in.png", "EXIF"), ("in.gif", "comment")):
        notes = write_picture(read_picture(tmp_path / source), tmp_path / "out.jpg")
        (note,) = [note for note in notes if "64 KB" in note]
        assert word in note
        Image.open(tmp_path / "out.jpg").load()
    picture, notes = fit_to_format(read_picture(tmp_path / "in.png"), PNG)
    assert notes == [] and b"x" * 70_000 in encode(picture, PNG)
    picture = read_picture(tmp_path / "in.gif")
    fitted, _ = fit_to_format(picture, JPEG)
    assert fitted.comment is None and picture.comment == b"x" * 70_000
