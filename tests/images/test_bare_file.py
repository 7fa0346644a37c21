"""Sound pictures with malformed metadata are opened: what cannot be read is left out and named."""

import struct
import zlib

import numpy as np
import pytest
from image_samples import HEIGHT, WIDTH, chunk, noise
from PIL import Image, PngImagePlugin

from latentinpaint.errors import InputError
from latentinpaint.images.bare_file import with_less_metadata, without_metadata
from latentinpaint.images.image_files import read_picture, write_picture

PIXELS = noise(HEIGHT, WIDTH, 3)


def little_tiff(entries):
    """An EXIF of one folder of (tag, type, count, four bytes)."""
    folder = struct.pack("<H", len(entries))
    for tag, kind, count, value in entries:
        folder += struct.pack("<HHI", tag, kind, count) + value
    return b"II*\0\x08\0\0\0" + folder + struct.pack("<I", 0)


SOUND = little_tiff([(0x10F, 2, 4, b"abc\0")])
EXIF = {
    "zeros": bytes(64),
    "nothing": b"",
    "cut in the header": b"II*",
    "cut in the folder": SOUND[:14],
    "the wrong byte order": b"MM" + SOUND[2:],
    "no byte order": b"XX" + SOUND[2:],
    "a folder that follows itself": SOUND[:-4] + struct.pack("<I", 8),
    "a folder within itself": little_tiff([(0x8769, 4, 1, struct.pack("<I", 8))]),
    "a folder outside": little_tiff([(0x8769, 4, 1, b"\xff\xff\xff\x7f")]),
    "an entry outside": little_tiff([(0x10F, 2, 400, b"\xff\xff\xff\x7f")]),
    "a huge count": little_tiff([(0x10F, 2, 0xFFFFFFFF, b"\x08\0\0\0")]),
    "too many entries": b"II*\0\x08\0\0\0\xff\xff" + bytes(50),
    "an unknown type": little_tiff([(0x10F, 99, 1, b"\x05\0\0\0")]),
    "a text for a folder": little_tiff([(0x8769, 2, 4, b"abc\0")]),
    "orientation 0": little_tiff([(0x112, 3, 1, b"\0\0\0\0")]),
    "orientation 9": little_tiff([(0x112, 3, 1, b"\x09\0\0\0")]),
    "a text as orientation": little_tiff([(0x112, 2, 2, b"6\0\0\0")]),
    "no number as orientation": little_tiff([(0x112, 11, 1, struct.pack("<f", float("nan")))]),
}


def png_with(path, *chunks, at=33):
    Image.fromarray(PIXELS).save(path)
    plain = path.read_bytes()
    path.write_bytes(plain[:at] + b"".join(chunks) + plain[at:])


def jpeg_with(path, marker, content):
    Image.fromarray(PIXELS).save(path)
    plain = path.read_bytes()
    segment = bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content
    path.write_bytes(plain[:2] + segment + plain[2:])


WRITE_EXIF = {
    ".png": lambda path, exif: png_with(path, chunk(b"eXIf", exif)),
    ".webp": lambda path, exif: Image.fromarray(PIXELS).save(path, lossless=True, exif=b"Exif\0\0" + exif),
    ".jpg": lambda path, exif: jpeg_with(path, 0xE1, b"Exif\0\0" + exif),
}


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of Pillow in this test
@pytest.mark.parametrize("suffix", WRITE_EXIF)
@pytest.mark.parametrize("name", EXIF)
def test_malformed_exif(name, suffix, tmp_path):
    source, result = tmp_path / f"in{suffix}", tmp_path / "out.png"
    WRITE_EXIF[suffix](source, EXIF[name])
    with Image.open(source) as image:
        expected = np.asarray(image)
    write_picture(read_picture(source), result)
    np.testing.assert_array_equal(np.asarray(Image.open(result)), expected)


@pytest.mark.parametrize("suffix", WRITE_EXIF)
@pytest.mark.parametrize("name", ["zeros", "no byte order", "a folder outside", "a text for a folder"])
def test_malformed_exif_is_named(name, suffix, tmp_path):
    source = tmp_path / f"in{suffix}"
    WRITE_EXIF[suffix](source, EXIF[name])
    (note,) = [note for note in write_picture(read_picture(source), tmp_path / "out.png") if "not kept" in note]
    assert "EXIF" in note and "damaged" in note and source.name in note


def wrong_checksum(chunk_type, content):
    return chunk(chunk_type, content)[:-1] + b"?"


BOMB = zlib.compress(bytes(5_000_000), 9)
PNG = {
    "text, checksum": (wrong_checksum(b"tEXt", b"a\0b"), "texts"),
    "profile, checksum": (wrong_checksum(b"iCCP", b"a\0\0b"), "ICC profile"),
    "EXIF, checksum": (wrong_checksum(b"eXIf", SOUND), "EXIF data"),
    "private, checksum": (wrong_checksum(b"prVt", b"abc"), "prVt"),
    "short gamma": (chunk(b"gAMA", b"1"), "gAMA"),
    "short chromaticities": (chunk(b"cHRM", b"1234567"), "cHRM"),
    "empty sRGB": (chunk(b"sRGB", b""), "sRGB"),
    "short resolution": (chunk(b"pHYs", b"1"), "resolution"),
    "profile without a name": (chunk(b"iCCP", b"junk"), "ICC profile"),
    "profile that is not compressed": (chunk(b"iCCP", b"a\0\0junk"), "ICC profile"),
    "profile that is a bomb": (chunk(b"iCCP", b"a\0\0" + BOMB), "ICC profile"),
    "text of unknown compression": (chunk(b"zTXt", b"a\0\x07junk"), "texts"),
    "text that is a bomb": (chunk(b"zTXt", b"a\0\0" + BOMB), "texts"),
    "international text that is a bomb": (chunk(b"iTXt", b"a\0\1\0en\0a\0" + BOMB), "texts"),
    "animation": (chunk(b"acTL", b"1"), "acTL"),
}


@pytest.mark.parametrize("name", PNG)
def test_malformed_chunks(name, tmp_path):
    """What is sound beside them is kept."""
    malformed, word = PNG[name]
    beside = chunk(b"cICP", bytes([1, 13, 0, 1]))
    png_with(tmp_path / "in.png", beside, malformed)
    (note,) = write_picture(read_picture(tmp_path / "in.png"), tmp_path / "out.png")
    assert word in note and "not kept" in note and "in.png" in note
    assert beside in (tmp_path / "out.png").read_bytes()
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")), PIXELS)


SEGMENTS = {
    "short profile": (0xE2, b"ICC_PROFILE\0", "ICC profile"),
    "profile of missing parts": (0xE2, b"ICC_PROFILE\0\2\5abc", "ICC profile"),
    "cut Photoshop data": (0xED, b"Photoshop 3.0\x008BIM\4\4", "Photoshop"),
    "short JFIF": (0xE0, b"JFIF\0", "JFIF"),
    "short Adobe": (0xEE, b"Adobe", "EE"),
}


@pytest.mark.parametrize("name", SEGMENTS)
def test_malformed_segments(name, tmp_path):
    marker, content, word = SEGMENTS[name]
    jpeg_with(tmp_path / "in.jpg", marker, content)
    plain = tmp_path / "plain.jpg"
    Image.fromarray(PIXELS).save(plain)
    (note,) = write_picture(read_picture(tmp_path / "in.jpg"), tmp_path / "out.png")
    assert word in note and "not kept" in note
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")), np.asarray(Image.open(plain)))


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_with_entries_that_lead_nowhere(order, tmp_path):
    """Maker and orientation outside of the file."""
    path = tmp_path / "in.tif"
    entries = [(256, WIDTH), (257, HEIGHT), (258, 8), (259, 1), (262, 1), (273, 0), (277, 1), (278, HEIGHT)]
    entries += [(279, HEIGHT * WIDTH)]
    start = 8 + 2 + 12 * (len(entries) + 2) + 4
    entries[5] = (273, start)
    folder = []
    for tag, value in entries:
        folder.append(struct.pack(f"{order}HHII", tag, 4, 1, value))
    folder.append(struct.pack(f"{order}HHII", 271, 2, 400, 0x7FFFFFFF))
    folder.append(struct.pack(f"{order}HHII", 274, 3, 400, 0x7FFFFFFF))
    folder.sort(key=lambda entry: struct.unpack(f"{order}H", entry[:2]))
    head = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}HI", 42, 8)
    content = struct.pack(f"{order}H", len(folder)) + b"".join(folder) + bytes(4)
    path.write_bytes(head + content + PIXELS[..., 0].tobytes())
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(InputError, match=r"in\.tif"):
        read_picture(path)
    path.write_bytes(whole)
    notes = write_picture(read_picture(path), tmp_path / "out.png")
    assert any("damaged" in note and "in.tif" in note for note in notes)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")), PIXELS[..., 0])


def test_a_damaged_picture_stays_refused(tmp_path):
    """Its own part is broken: without metadata it is no better."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "a cat")
    Image.fromarray(PIXELS).save(tmp_path / "in.png", pnginfo=info)
    whole = (tmp_path / "in.png").read_bytes()
    (tmp_path / "in.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"in\.png"):
        read_picture(tmp_path / "in.png")
    transparency = wrong_checksum(b"tRNS", bytes(6))
    png_with(tmp_path / "in.png", transparency)
    with pytest.raises(InputError, match=r"in\.png"):  # a checksum of what is seen counts
        read_picture(tmp_path / "in.png")


def test_what_is_taken_apart(tmp_path):
    path = tmp_path / "in.png"
    Image.fromarray(PIXELS).save(path)
    plain = path.read_bytes()
    assert without_metadata(plain) is None and without_metadata(b"GIF89a") is None
    text, gamma = chunk(b"tEXt", b"a\0b"), chunk(b"gAMA", b"1234")
    png_with(path, text, gamma)
    assert without_metadata(path.read_bytes()) == plain
    less = [content for content, _ in with_less_metadata(path.read_bytes())]
    assert less == [plain[:33] + gamma + plain[33:], plain[:33] + text + plain[33:]]


def test_what_tells_the_colours_of_a_jpeg_stays(tmp_path):
    """Adobe's segment says that a CMYK JPEG is inverted, and JFIF that three channels are YCbCr."""
    for mode, word in (("CMYK", b"Adobe"), ("RGB", b"JFIF")):
        Image.fromarray(PIXELS).convert(mode).save(tmp_path / "in.jpg", comment=b"a cat")
        bare = without_metadata((tmp_path / "in.jpg").read_bytes())
        assert word in bare and b"a cat" not in bare
