"""What a file says beside its pixels: kept where the format can, and in the right form."""

import struct
import zlib

import pytest
from image_samples import HOLE, ICC, chunk, exif_bytes, fill_of, image_of
from PIL import Image

from latentinpaint.images import metadata
from latentinpaint.images.image_files import (
    read_picture,
    write_picture,
)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
def test_profile_resolution_and_exif_are_kept(tmp_path, suffix):
    source, result = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    options = {"icc_profile": ICC, "exif": exif_bytes()} | ({} if suffix == ".webp" else {"dpi": (300, 150)})
    image_of("RGB").save(source, **options)
    notes = write_picture(read_picture(source).filled(fill_of(), HOLE), result)
    assert [note for note in notes if "lossy" not in note] == []
    with Image.open(result) as image:
        assert image.info["icc_profile"] == ICC
        if suffix != ".webp":
            assert tuple(map(round, image.info["dpi"])) == (300, 150)
        assert image.getexif()[0x010F] == "a maker"
        assert image.getexif().get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"


def test_comments_are_utf8_or_latin1():
    assert metadata.comment_text("höhe 日".encode()) == "höhe 日"
    assert metadata.comment_text("höhe".encode("latin-1") + b"\0") == "höhe"


def test_texts_of_an_exif():
    """Plain texts apart, and the whole only where there is more than these."""
    plain = Image.Exif()
    plain[270] = "a cat"
    plain[0x0100] = 31  # the width: how pixels are laid out is left out
    assert metadata.tiff_exif(plain.tobytes()) == ({270: "a cat"}, None)
    assert metadata.tiff_exif(None) == ({}, None)
    texts, whole = metadata.tiff_exif(exif_bytes())
    assert texts == {0x010F: "a maker"}
    again = Image.Exif()
    again.load(whole)
    assert again.get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05" and 0x0112 not in again


def test_chunks_that_may_go_into_another_png():
    chunks = [(b"gAMA", b"1234"), (b"tEXt", b"Title\0x"), (b"tIME", b"1234567"), (b"iTXt", b"XML:com.adobe.xmp\0x")]
    chunks += [(b"zTXt", b"Raw profile type exif\0x")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(chunk_type, content) for chunk_type, content in chunks)
    assert metadata.portable_chunks(data) == tuple(chunks[:2])
    assert metadata.portable_chunks(b"GIF89a" + data) == ()


def test_chunks_of_metadata():
    chunks = dict(metadata.metadata_chunks(ICC, exif_bytes(), (254.0, 127.0), (1, 2, 3)))
    assert zlib.decompress(chunks[b"iCCP"].removeprefix(b"ICC Profile\0\0")) == ICC
    assert chunks[b"pHYs"] == struct.pack(">IIB", 10000, 5000, 1) and chunks[b"tRNS"] == b"\0\1\0\2\0\3"
    assert chunks[b"eXIf"] == exif_bytes().removeprefix(b"Exif\0\0")
    assert metadata.metadata_chunks(None, None, None, None) == []
