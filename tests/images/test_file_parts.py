"""Parts of files, laid out by hand."""

import struct

from image_samples import bmp_head

from latentinpaint.images.file_parts import bmp_colours, gif_blocks, jpeg_segments, webp_chunks


def kinds(parts):
    return [(part.kind, part.content) for part in parts]


def test_segments_of_a_jpeg():
    """Padding, restart markers, stuffed bytes, a segment between scans, and what follows the end."""
    scan = b"\xff\xda\0\3s" + b"a\xff\0\xff\xd0b"
    data = b"\xff\xd8" + b"\xff\xff\xfe\0\4hi" + scan + b"\xff\xfe\0\3c" + scan + b"\xff\xd9" + b"\xff\xfe\0\4no"
    segments = list(jpeg_segments(data))
    assert kinds(segments) == [(0xFE, b"hi"), (0xDA, b"s"), (0xFE, b"c"), (0xDA, b"s"), (0xD9, b"")]
    assert segments[0].start == 3 and segments[-1].end == len(data) - 6
    assert kinds(jpeg_segments(data[:14])) == [(0xFE, b"hi"), (0xDA, b"s")]
    assert kinds(jpeg_segments(b"\xff\xd8\xff\xfe\0")) == [] and kinds(jpeg_segments(b"\xff\xd8junk")) == []


def test_chunks_of_a_webp():
    data = b"RIFF\0\0\0\0WEBP" + b"VP8L\3\0\0\0abc\0" + b"EXIF\2\0\0\0hi"
    assert kinds(webp_chunks(data)) == [(b"VP8L", b"abc"), (b"EXIF", b"hi")]
    assert [part.start for part in webp_chunks(data)] == [12, 24]


def test_blocks_of_a_gif():
    """With tables of colours, global and local, in front of which bytes look like blocks."""
    head = b"GIF89a" + bytes(4) + b"\x80\0\0" + b"!!!;;;"
    picture = b"," + bytes(8) + b"\x81" + b";" * 12 + b"\2" + b"\3abc" + b"\1d\0"
    data = head + b"!\xff\3app\2hi\0" + picture + b"!\xfe\1c\0" + b";" + b"behind"
    assert kinds(gif_blocks(data)) == [(0xFF, b"app"), (0xFE, b"c"), (0x3B, b"")]
    assert list(gif_blocks(data))[-1].end == len(data) - 6
    assert kinds(gif_blocks(data[:-8])) == [(0xFF, b"app"), (0xFE, b"c")] and kinds(gif_blocks(b"GIF89a")) == []


def test_colours_of_a_bmp():
    assert bmp_colours(bmp_head(b"DEBM", profile=b"profile")) == (b"embedded", b"profile")
    assert bmp_colours(bmp_head(b"DEBM", profile=b"profile")[:-1]) == (b"damaged", None)
    assert bmp_colours(bmp_head(b"KNIL", profile=b"a.icc")) == (b"linked", None)
    assert bmp_colours(bmp_head(bytes(4), 108, b"\1" * 48)) == (b"calibrated", None)
    for plain in (
        bmp_head(b"BGRs"),
        bmp_head(bytes(4), 108),
        b"BM" + bytes(12) + struct.pack("<I", 40) + b"\1" * 200,
    ):
        assert bmp_colours(plain) == (b"", None)
