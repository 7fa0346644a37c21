"""PNG chunks that are kept, and those made of metadata."""

import struct
import zlib

from image_samples import ICC, chunk, exif_bytes

from latentinpaint.images.png_chunks import metadata_chunks, portable_chunks, unkept_chunks


def test_chunks_that_may_go_into_another_png():
    chunks = [(b"gAMA", b"1234"), (b"tEXt", b"Title\0x"), (b"tIME", b"1234567"), (b"iTXt", b"XML:com.adobe.xmp\0x")]
    chunks += [(b"zTXt", b"Raw profile type exif\0x")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(chunk_type, content) for chunk_type, content in chunks)
    assert portable_chunks(data) == tuple(chunks[:2])
    assert portable_chunks(b"GIF89a" + data) == ()


def test_chunks_of_metadata():
    chunks = dict(metadata_chunks(ICC, exif_bytes(), (254.0, 127.0), (1, 2, 3)))
    assert zlib.decompress(chunks[b"iCCP"].removeprefix(b"ICC Profile\0\0")) == ICC
    assert chunks[b"pHYs"] == struct.pack(">IIB", 10000, 5000, 1) and chunks[b"tRNS"] == b"\0\1\0\2\0\3"
    assert chunks[b"eXIf"] == exif_bytes().removeprefix(b"Exif\0\0")
    assert metadata_chunks(None, None, None, None) == []


def test_chunks_that_are_missed():
    """Of HDR displays and provenance; not what is written anew or holds for the very file alone."""
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13))
    kept = chunk(b"gAMA", b"1234") + chunk(b"tIME", bytes(7)) + chunk(b"eXIf", b"II*")
    assert unkept_chunks(head + kept) == []
    missed = chunk(b"mDCV", bytes(24)) + chunk(b"cLLI", bytes(8)) + chunk(b"caBX", b"a claim")
    assert unkept_chunks(head + kept + missed) == ["mDCV", "cLLI", "caBX"]
