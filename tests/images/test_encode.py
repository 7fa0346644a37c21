"""Writing: what each format keeps exactly, and what is said of the rest.

Every check reopens the file with plain Pillow, OpenCV or tifffile, not with the package.
"""

import numpy as np
import pytest
from image_samples import (
    HEIGHT,
    HOLE,
    ICC,
    LUMINANCE,
    WIDTH,
    check_fill,
    exif_bytes,
    fill_of,
    grey_in_scale,
    image_of,
    in_scale,
    noise,
    pillow_pixels,
    with_its_alpha,
)
from PIL import Image, JpegImagePlugin

from latentinpaint.errors import InputError
from latentinpaint.images import opening
from latentinpaint.images.image_files import (
    Picture,
    read_picture,
    write_picture,
)
from latentinpaint.images.image_format import FORMATS_BY_SUFFIX, format_of
from latentinpaint.images.picture_filling import fill_picture


def cmyk(fill):
    return np.asarray(Image.fromarray(np.rint(fill * 255).astype(np.uint8)).convert("CMYK"))


EXPECTED = {
    "1": lambda fill: fill @ LUMINANCE > 0.5,
    "L": grey_in_scale(255, np.uint8),
    "LA": grey_in_scale(255, np.uint8),
    "RGB": in_scale(255, np.uint8),
    "RGBA": in_scale(255, np.uint8),
    "CMYK": cmyk,
    "I;16": grey_in_scale(65535, np.uint16),
    "I;16B": grey_in_scale(65535, np.uint16),
    "I": grey_in_scale(2**31 - 1, np.int32),
    "F": lambda fill: (fill @ LUMINANCE).astype(np.float32),
}
KEPT = [
    *[(mode, ".png") for mode in ("1", "L", "LA", "RGB", "RGBA", "I;16")],
    *[(mode, ".tif") for mode in ("1", "L", "LA", "RGB", "RGBA", "CMYK", "I;16", "I;16B", "I", "F")],
    *[(mode, ".webp") for mode in ("RGB", "RGBA")],
    *[(mode, ".bmp") for mode in ("1", "L", "RGB")],
    ("L", ".gif"),
]


@pytest.mark.parametrize(("mode", "suffix"), KEPT)
def test_known_pixels_and_fill_in_the_file(tmp_path, mode, suffix):
    source, result = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    options = {".webp": {"lossless": True, "exact": True}, ".gif": {"optimize": False}}.get(suffix, {})
    image_of(mode).save(source, **options)
    fill = fill_of()
    assert write_picture(with_its_alpha(read_picture(source), fill), result) == []
    (mode_before, before), (mode_after, after) = pillow_pixels(source), pillow_pixels(result)
    assert mode_before == mode_after == mode
    inside = EXPECTED[mode](fill)[HOLE] if mode == "CMYK" else EXPECTED[mode](fill[HOLE])
    check_fill(before, after, inside)


def test_every_format_is_read_and_tested():
    """A new format needs its Pillow name in `opening` and rows in `KEPT`; JPEG is lossy and has tests of its own."""
    names = {entry.name.upper() for entry in FORMATS_BY_SUFFIX.values()}
    assert set(opening.FORMATS) == names
    assert {format_of(f"out{suffix}").name.upper() for _, suffix in KEPT} == names - {"JPEG"}


@pytest.mark.parametrize("bits", [2, 4])
def test_shallow_grey_png_keeps_its_depth(tmp_path, bits):
    step = 255 // (2**bits - 1)
    pixels = (noise(HEIGHT, WIDTH) // step * step).astype(np.uint8)
    source, result = tmp_path / "in.png", tmp_path / "out.png"
    Image.fromarray(pixels).save(source, bits=bits)
    if source.read_bytes()[24] != bits:
        pytest.skip("this Pillow writes grey at 8 bits alone")
    fill = fill_of()
    assert write_picture(with_its_alpha(read_picture(source), fill), result) == []
    assert result.read_bytes()[24] == bits
    inside = (np.rint(fill[HOLE] @ LUMINANCE * 255 / step) * step).astype(np.uint8)
    check_fill(pixels, pillow_pixels(result)[1], inside)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpeg_to_jpeg(tmp_path, subsampling, mode):
    source, result = tmp_path / "in.jpg", tmp_path / "out.jpg"
    options = {"icc_profile": ICC, "exif": exif_bytes(), "dpi": (200, 200), "comment": b"hello"}
    image_of(mode).resize((317, 211)).save(source, quality=63, subsampling=subsampling, **options)
    picture = read_picture(source)
    hole = np.zeros((211, 317), bool)
    hole[40:90, 50:120] = True
    notes = write_picture(fill_picture(picture, fill_of(211, 317), hole), result)
    assert len(notes) == 1 and "lossy" in notes[0]
    with Image.open(source) as before, Image.open(result) as after:
        assert after.format == "JPEG" and after.size == (317, 211) and after.mode == mode
        assert after.quantization == before.quantization
        assert JpegImagePlugin.get_sampling(after) == JpegImagePlugin.get_sampling(before)
        assert after.info["icc_profile"] == ICC and after.info["dpi"] == (200, 200)
        assert after.info["comment"] == b"hello" and after.getexif()[0x010F] == "a maker"


def test_failed_writing_leaves_nothing_behind(tmp_path):
    picture = Picture.from_pil(image_of("RGB"))
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(InputError, match=r"out\.png"):
        write_picture(picture, tmp_path / "file" / "out.png")
    target = tmp_path / "out.webp"
    target.write_bytes(b"what was there")
    too_wide = Picture.from_pil(Image.new("RGB", (16384, 1)))  # WebP ends at 16383
    with pytest.raises(InputError, match=r"out\.webp"):
        write_picture(too_wide, target)
    assert target.read_bytes() == b"what was there"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "out.webp"]
