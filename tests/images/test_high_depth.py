"""16-bit colour PNG and TIFF, in and out.

Every check reopens the file with plain Pillow, OpenCV or tifffile, not with the package.
"""

import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from image_samples import (
    HEIGHT,
    HOLE,
    ICC,
    WIDTH,
    check_fill,
    chunk,
    exif_bytes,
    fill_of,
    grey_in_scale,
    in_scale,
    noise,
    opencv_pixels,
    tiff_pixels,
    with_its_alpha,
)
from PIL import Image

from latentinpaint.errors import InputError
from latentinpaint.images.image_files import (
    read_mask,
    read_picture,
    write_picture,
)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(("suffix", "reopen"), [(".png", opencv_pixels), (".tif", tiff_pixels)])
def test_sixteen_bit_colour(tmp_path, channels, suffix, reopen):
    source, result = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    pixels = noise(HEIGHT, WIDTH, channels, dtype=np.uint16)
    if channels == 4:
        pixels[::3, :, 3] = 0
    if suffix == ".png":
        source.write_bytes(cv2.imencode(".png", pixels[..., (2, 1, 0, 3)[:channels]])[1].tobytes())
    else:
        extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
        description = {"description": "a cat", "software": False, "metadata": None}
        tifffile.imwrite(source, pixels, photometric="rgb", compression="zlib", **description, **extra)
    picture = read_picture(source)
    assert picture.mode == ("RGB;16" if channels == 3 else "RGBA;16")
    np.testing.assert_allclose(picture.rgb(), pixels[..., :3] / 65535, atol=1e-7)
    assert (np.asarray(picture.to_pil()) == np.rint(pixels / 257).astype(np.uint8)).all()
    fill = fill_of()
    assert write_picture(with_its_alpha(picture, fill), result) == []
    sample_type, after = reopen(result)
    assert sample_type == "uint16"
    check_fill(pixels, after, in_scale(65535, np.uint16)(fill[HOLE]))
    if suffix == ".tif":
        with Image.open(result) as image:
            assert image.tag_v2[270] == "a cat"


def test_sixteen_bit_grey_with_alpha(tmp_path):
    pixels = noise(HEIGHT, WIDTH, 2, dtype=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, 4, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    source, result = tmp_path / "in.png", tmp_path / "out.png"
    source.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))
    fill = fill_of()
    assert write_picture(with_its_alpha(read_picture(source), fill), result) == []
    assert result.read_bytes()[24:26] == bytes([16, 4])
    after = opencv_pixels(result)[1]
    check_fill(pixels, after[..., [0, 3]], grey_in_scale(65535, np.uint16)(fill[HOLE]))


@pytest.mark.parametrize("channels", [3, 4])
def test_lzw_sixteen_bit_tiff(tmp_path, channels):
    pixels = noise(HEIGHT, WIDTH, channels, dtype=np.uint16)
    source = tmp_path / "in.tif"
    source.write_bytes(cv2.imencode(".tif", pixels[..., (2, 1, 0, 3)[:channels]])[1].tobytes())
    try:
        assert (read_picture(source).samples == pixels).all()
    except InputError as error:  # refusing is allowed, losing depth is not
        assert "in.tif" in str(error)


def test_sixteen_bit_colour_png_keeps_metadata(tmp_path):
    pixels = noise(HEIGHT, WIDTH, 3, dtype=np.uint16)
    plain = cv2.imencode(".png", pixels)[1].tobytes()
    extra = chunk(b"gAMA", struct.pack(">I", 45455)) + chunk(b"iCCP", b"x\0\0" + zlib.compress(ICC))
    extra += chunk(b"pHYs", struct.pack(">IIB", 11811, 5906, 1)) + chunk(b"eXIf", exif_bytes(6)[6:])
    extra += chunk(b"tEXt", b"Title\0a title")
    (tmp_path / "in.png").write_bytes(plain[:33] + extra + plain[33:])
    assert write_picture(read_picture(tmp_path / "in.png"), tmp_path / "out.png") == []
    assert (opencv_pixels(tmp_path / "out.png")[1] == np.rot90(pixels[..., ::-1], -1)).all()
    with Image.open(tmp_path / "out.png") as image:
        image.load()
        assert image.info["icc_profile"] == ICC and image.text["Title"] == "a title"
        assert image.info["gamma"] == pytest.approx(0.45455)
        assert tuple(map(round, image.info["dpi"])) == (150, 300)  # turned with the picture
        assert image.getexif()[0x0112] == 1 and image.getexif()[0x010F] == "a maker"


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_truncated_deep_files(tmp_path, suffix):
    path = tmp_path / f"short{suffix}"
    data = cv2.imencode(suffix, noise(90, 90, 3, dtype=np.uint16))[1].tobytes()
    path.write_bytes(data[: int(len(data) * 0.7)])
    with pytest.raises(InputError, match="short"):
        read_picture(path)


def test_deep_colour_mask(tmp_path):
    values = np.array([[[32767] * 3, [32768] * 3]], np.uint16)
    (tmp_path / "mask.png").write_bytes(cv2.imencode(".png", values)[1].tobytes())
    assert read_mask(tmp_path / "mask.png").tolist() == [[False, True]]
