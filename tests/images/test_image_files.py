"""Pictures in and out: every check reopens the file with plain Pillow, OpenCV or tifffile, not with the
module.

The files are made here. `HEIGHT x WIDTH` is odd on purpose.
"""

import io
import os
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, ImageOps, JpegImagePlugin

from latentinpaint.errors import InputError
from latentinpaint.images.image_files import (
    PICTURE_SUFFIXES,
    Picture,
    list_pictures,
    mask_from_pil,
    read_mask,
    read_picture,
    write_picture,
)

HEIGHT, WIDTH = 23, 31
HOLE = np.zeros((HEIGHT, WIDTH), bool)
HOLE[5:12, 7:20] = True
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LUMINANCE = np.array([0.299, 0.587, 0.114])


def noise(*shape, kind=np.uint8, seed=0):
    return np.random.default_rng(seed).integers(0, np.iinfo(kind).max, shape, endpoint=True).astype(kind)


def fill_of(height=HEIGHT, width=WIDTH, seed=1):
    return np.random.default_rng(seed).random((height, width, 3))


def exif_bytes(orientation=1):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "a maker"
    exif[0x8769] = {0x9003: "2020:01:02 03:04:05"}
    return exif.tobytes()


def pillow_pixels(path):
    with Image.open(path) as image:
        return image.mode, np.asarray(image).astype(np.asarray(image).dtype.newbyteorder("="))


def opencv_pixels(path):
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    return str(pixels.dtype), pixels[..., (2, 1, 0, 3)[: pixels.shape[-1]]] if pixels.ndim == 3 else pixels


def tiff_pixels(path):
    pixels = tifffile.imread(path)
    return str(pixels.dtype), pixels


def image_of(mode):
    channels = len(Image.new(mode, (1, 1)).getbands())
    if mode == "1":
        return Image.fromarray(noise(HEIGHT, WIDTH) > 127)
    if mode in ("I;16", "I;16B"):
        return Image.frombytes(mode, (WIDTH, HEIGHT), noise(HEIGHT, WIDTH, kind=np.uint16).tobytes())
    if mode == "I":
        return Image.fromarray(noise(HEIGHT, WIDTH, kind=np.int32))
    if mode == "F":
        return Image.fromarray(np.random.default_rng(0).random((HEIGHT, WIDTH)).astype(np.float32))
    pixels = noise(HEIGHT, WIDTH, channels)
    if mode in ("LA", "RGBA"):
        pixels[::3, :, -1] = 0  # colour under zero alpha must survive
    return Image.frombytes(mode, (WIDTH, HEIGHT), pixels.tobytes())


def in_scale(full, kind):
    return lambda fill: np.rint(fill * full).astype(kind)


def grey_in_scale(full, kind):
    return lambda fill: np.rint(fill @ LUMINANCE * full).astype(kind)


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


def check_fill(before, after, inside):
    """Outside the hole nothing differs; inside the colour is as expected and alpha as before."""
    assert after.dtype == before.dtype and after.shape == before.shape
    assert (after[~HOLE] == before[~HOLE]).all()
    channels = inside.shape[-1] if inside.ndim > 1 else 1
    found = after[HOLE].reshape(HOLE.sum(), -1)
    assert (found[:, :channels] == inside.reshape(HOLE.sum(), -1)).all()
    assert (found[:, channels:] == before[HOLE].reshape(HOLE.sum(), -1)[:, channels:]).all()


@pytest.mark.parametrize(("mode", "suffix"), KEPT)
def test_known_pixels_and_fill_in_the_file(tmp_path, mode, suffix):
    source, result = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    options = {".webp": {"lossless": True, "exact": True}, ".gif": {"optimize": False}}.get(suffix, {})
    image_of(mode).save(source, **options)
    fill = fill_of()
    assert write_picture(read_picture(source).filled(fill, HOLE), result) == []
    (mode_before, before), (mode_after, after) = pillow_pixels(source), pillow_pixels(result)
    assert mode_before == mode_after == mode
    inside = EXPECTED[mode](fill)[HOLE] if mode == "CMYK" else EXPECTED[mode](fill[HOLE])
    check_fill(before, after, inside)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(("suffix", "reopen"), [(".png", opencv_pixels), (".tif", tiff_pixels)])
def test_sixteen_bit_colour(tmp_path, channels, suffix, reopen):
    source, result = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    pixels = noise(HEIGHT, WIDTH, channels, kind=np.uint16)
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
    assert write_picture(picture.filled(fill, HOLE), result) == []
    kind, after = reopen(result)
    assert kind == "uint16"
    check_fill(pixels, after, in_scale(65535, np.uint16)(fill[HOLE]))
    if suffix == ".tif":
        with Image.open(result) as image:
            assert image.tag_v2[270] == "a cat"


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def test_sixteen_bit_grey_with_alpha(tmp_path):
    pixels = noise(HEIGHT, WIDTH, 2, kind=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, 4, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    source, result = tmp_path / "in.png", tmp_path / "out.png"
    source.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))
    fill = fill_of()
    assert write_picture(read_picture(source).filled(fill, HOLE), result) == []
    assert result.read_bytes()[24:26] == bytes([16, 4])
    after = opencv_pixels(result)[1]
    check_fill(pixels, after[..., [0, 3]], grey_in_scale(65535, np.uint16)(fill[HOLE]))


@pytest.mark.parametrize("channels", [3, 4])
def test_lzw_sixteen_bit_tiff(tmp_path, channels):
    pixels = noise(HEIGHT, WIDTH, channels, kind=np.uint16)
    source = tmp_path / "in.tif"
    source.write_bytes(cv2.imencode(".tif", pixels[..., (2, 1, 0, 3)[:channels]])[1].tobytes())
    try:
        assert (read_picture(source).samples == pixels).all()
    except InputError as error:  # refusing is allowed, losing depth is not
        assert "in.tif" in str(error)


@pytest.mark.parametrize("bits", [2, 4])
def test_shallow_grey_png_keeps_its_depth(tmp_path, bits):
    step = 255 // (2**bits - 1)
    pixels = (noise(HEIGHT, WIDTH) // step * step).astype(np.uint8)
    source, result = tmp_path / "in.png", tmp_path / "out.png"
    Image.fromarray(pixels).save(source, bits=bits)
    if source.read_bytes()[24] != bits:
        pytest.skip("this Pillow writes grey at 8 bits alone")
    fill = fill_of()
    assert write_picture(read_picture(source).filled(fill, HOLE), result) == []
    assert result.read_bytes()[24] == bits
    inside = (np.rint(fill[HOLE] @ LUMINANCE * 255 / step) * step).astype(np.uint8)
    check_fill(pixels, pillow_pixels(result)[1], inside)


# --- palettes --------------------------------------------------------------------------------------------


def palette_image(colours, transparent=None):
    image = Image.frombytes(
        "P", (WIDTH, HEIGHT), (noise(HEIGHT, WIDTH).astype(int) % colours).astype(np.uint8).tobytes()
    )
    image.putpalette(noise(colours, 3, seed=5).tobytes())
    if transparent is not None:
        image.info["transparency"] = transparent
    return image


@pytest.mark.parametrize("suffix", [".png", ".gif", ".bmp", ".tif"])
@pytest.mark.parametrize("colours", [40, 256])
@pytest.mark.parametrize("transparent", [None, 3, bytes([0, 128, 255, 7])])
def test_palette(tmp_path, suffix, colours, transparent):
    if transparent is not None and not (suffix == ".png" or suffix == ".gif" and transparent == 3):
        pytest.skip("the format has no such transparency")
    source, result = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    options = {"optimize": False} if suffix == ".gif" else {}
    palette_image(colours, transparent).save(source, **options)
    fill = np.rint(fill_of() * 3) / 3  # few colours: with room in the palette they are all exact
    assert write_picture(read_picture(source).filled(fill, HOLE), result) == []
    with Image.open(source) as before, Image.open(result) as after:
        assert after.mode == before.mode == "P"
        old, new = np.asarray(before), np.asarray(after)
        assert (old[~HOLE] == new[~HOLE]).all()
        old_rgba, new_rgba = np.asarray(before.convert("RGBA")), np.asarray(after.convert("RGBA"))
    assert (old_rgba[~HOLE] == new_rgba[~HOLE]).all()
    assert (new_rgba[HOLE][:, 3] == 255).all()
    if colours == 40:
        assert (new_rgba[HOLE][:, :3] == np.rint(fill[HOLE] * 255)).all()
    else:
        assert np.abs(new_rgba[HOLE][:, :3] - fill[HOLE] * 255).mean() < 40


def test_palette_with_more_fill_colours_than_slots(tmp_path):
    palette_image(250).save(tmp_path / "in.png")
    fill = np.repeat(np.linspace(0, 1, WIDTH)[None, :, None], HEIGHT, 0).repeat(3, 2)
    write_picture(read_picture(tmp_path / "in.png").filled(fill, HOLE), tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as image:
        after = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(after[HOLE] - fill[HOLE] * 255).max() < 40


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palette_png_keeps_its_depth(tmp_path, bits):
    image = palette_image(2**bits)
    image.save(tmp_path / "in.png", bits=bits)
    write_picture(read_picture(tmp_path / "in.png").filled(fill_of(), HOLE), tmp_path / "out.png")
    assert (tmp_path / "out.png").read_bytes()[24] == (tmp_path / "in.png").read_bytes()[24] == bits
    assert (pillow_pixels(tmp_path / "out.png")[1][~HOLE] == np.asarray(image)[~HOLE]).all()


def test_a_palette_without_opaque_colours_is_refused(tmp_path):
    palette_image(256, bytes(256)).save(tmp_path / "in.png")
    with pytest.raises(InputError, match=r"in\.png"):
        read_picture(tmp_path / "in.png").filled(fill_of(), HOLE)


@pytest.mark.parametrize(("mode", "key"), [("RGB", (10, 20, 30)), ("L", 77), ("I;16", 7777)])
def test_the_transparent_colour_is_kept_and_no_fill_turns_transparent(tmp_path, mode, key):
    pixels = np.array(image_of(mode))
    pixels[0, :5] = key
    Image.frombytes(mode, (WIDTH, HEIGHT), pixels.tobytes()).save(tmp_path / "in.png", transparency=key)
    picture = read_picture(tmp_path / "in.png")
    assert (picture.alpha()[0, :5] == 0).all()
    full = 65535 if mode == "I;16" else 255
    fill = np.broadcast_to(np.array(key) / full, (HEIGHT, WIDTH, 3)).astype(float)
    assert write_picture(picture.filled(fill, HOLE), tmp_path / "out.png") == []
    with Image.open(tmp_path / "out.png") as after:
        assert after.info["transparency"] == key
        found = np.asarray(after)
    assert (found[~HOLE] == pixels[~HOLE]).all()
    distance = np.abs(found[HOLE].reshape(HOLE.sum(), -1).astype(int) - key)
    assert (distance.sum(axis=1) == 1).all()


# --- metadata --------------------------------------------------------------------------------------------


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


def test_sixteen_bit_colour_png_keeps_metadata(tmp_path):
    pixels = noise(HEIGHT, WIDTH, 3, kind=np.uint16)
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


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_orientation(tmp_path, orientation, suffix):
    source, result = tmp_path / f"in{suffix}", tmp_path / "out.png"
    image_of("RGB").save(source, exif=exif_bytes(orientation))
    with Image.open(source) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    picture = read_picture(source)
    assert (picture.height, picture.width) == upright.shape[:2]
    hole = np.zeros(upright.shape[:2], bool)
    hole[2:9, 3:8] = True
    write_picture(picture.filled(fill_of(*hole.shape), hole), result)
    with Image.open(result) as image:
        assert image.getexif().get(0x0112, 1) == 1 and image.getexif()[0x010F] == "a maker"
        after = np.asarray(image)
    assert (after[~hole] == upright[~hole]).all()
    assert (after[hole] == np.rint(fill_of(*hole.shape)[hole] * 255)).all()
    with Image.open(source) as image:
        assert (Picture.from_pil(image).samples == upright).all()
        assert image.size == Image.open(source).size  # the caller's image is left alone


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_deep_tiff_and_grey_tiff(tmp_path, orientation):
    for name, pixels in {
        "rgb": noise(9, 14, 3, kind=np.uint16),
        "grey": noise(9, 14, kind=np.uint16),
    }.items():
        source = tmp_path / f"{name}.tif"
        photometric = "rgb" if name == "rgb" else "minisblack"
        tag = (274, 3, 1, orientation, True)
        tifffile.imwrite(source, pixels, photometric=photometric, extratags=[tag], metadata=None)
        carrier = Image.fromarray(np.arange(9 * 14, dtype=np.int32).reshape(9, 14))
        carrier.getexif()[0x0112] = orientation
        order = np.asarray(ImageOps.exif_transpose(carrier))
        assert (read_picture(source).samples == pixels.reshape(9 * 14, -1)[order].squeeze()).all()


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpeg_to_jpeg(tmp_path, subsampling, mode):
    source, result = tmp_path / "in.jpg", tmp_path / "out.jpg"
    options = {"icc_profile": ICC, "exif": exif_bytes(), "dpi": (200, 200), "comment": b"hello"}
    image_of(mode).resize((317, 211)).save(source, quality=63, subsampling=subsampling, **options)
    picture = read_picture(source)
    hole = np.zeros((211, 317), bool)
    hole[40:90, 50:120] = True
    notes = write_picture(picture.filled(fill_of(211, 317), hole), result)
    assert len(notes) == 1 and "lossy" in notes[0]
    with Image.open(source) as before, Image.open(result) as after:
        assert after.format == "JPEG" and after.size == (317, 211) and after.mode == mode
        assert after.quantization == before.quantization
        assert JpegImagePlugin.get_sampling(after) == JpegImagePlugin.get_sampling(before)
        assert after.info["icc_profile"] == ICC and after.info["dpi"] == (200, 200)
        assert after.info["comment"] == b"hello" and after.getexif()[0x010F] == "a maker"


@pytest.mark.parametrize(
    ("mode", "suffix", "word"),
    [
        ("CMYK", ".png", "CMYK"),
        ("I;16", ".jpg", "8-bit"),
        ("RGBA", ".jpg", "transparency"),
        ("L", ".webp", "RGB"),
        ("I", ".png", "16-bit"),
        ("F", ".png", "16-bit"),
        ("RGB", ".gif", "palette"),
        ("PA", ".png", "RGBA"),
        ("YCbCr", ".tif", "RGB"),
    ],
)
def test_what_cannot_be_kept_is_said(tmp_path, mode, suffix, word):
    image = image_of(mode)
    if mode == "PA":
        image.putpalette(noise(256, 3).tobytes())
    notes = write_picture(Picture.from_pil(image), tmp_path / f"out{suffix}")
    assert any(word in note for note in notes)
    if suffix == ".png" and mode in ("CMYK", "PA"):
        target = "RGBA" if mode == "PA" else "RGB"
        assert (pillow_pixels(tmp_path / "out.png")[1] == np.asarray(image.convert(target))).all()


def test_every_mode_can_be_written_in_every_format(tmp_path):
    for suffix in PICTURE_SUFFIXES:
        for mode in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I;16B", "I", "F"):
            image = image_of(mode)
            if mode in ("P", "PA"):
                image.putpalette(noise(256, 3).tobytes())
            picture = Picture.from_pil(image)
            assert np.asarray(picture.to_pil()).tobytes() == np.asarray(image).tobytes()
            write_picture(picture, tmp_path / f"out{suffix}")
            with Image.open(tmp_path / f"out{suffix}") as after:
                after.load()
                assert after.size == image.size
            assert picture.rgb().shape == (HEIGHT, WIDTH, 3) and picture.rgb().dtype == np.float32
            assert picture.rgb().min() >= 0 and picture.rgb().max() <= 1


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".tif"])
def test_the_first_of_several_frames(tmp_path, suffix):
    frames = [Image.fromarray(noise(HEIGHT, WIDTH, 3, seed=seed)).quantize(60) for seed in range(3)]
    frames = frames if suffix == ".gif" else [frame.convert("RGB") for frame in frames]
    source = tmp_path / f"in{suffix}"
    options = {".webp": {"lossless": True}}.get(suffix, {})
    frames[0].save(source, save_all=True, append_images=frames[1:], **options)
    notes = write_picture(read_picture(source), tmp_path / f"out{suffix}")
    assert len(notes) == 1 and "3 frames" in notes[0]
    with Image.open(tmp_path / f"out{suffix}") as image:
        assert (np.asarray(image.convert("RGB")) == np.asarray(frames[0].convert("RGB"))).all()


# --- values ----------------------------------------------------------------------------------------------


def test_rounding_not_truncation():
    levels = np.arange(255)
    below, above = (levels + 0.49) / 255, (levels + 0.51) / 255
    fill = np.stack([below, above, above], axis=-1)[None]
    blank = Picture.from_pil(Image.new("RGB", (255, 1)))
    samples = blank.filled(fill, np.ones((1, 255), bool)).samples[0]
    assert (samples == np.stack([levels, levels + 1, levels + 1], axis=-1)).all()
    extreme = np.full((1, 255, 3), [-0.5, 1.5, 1.0])
    assert (blank.filled(extreme, np.ones((1, 255), bool)).samples == [0, 255, 255]).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B", "F"])
def test_filling_with_its_own_colours_changes_nothing(mode):
    image = palette_image(200) if mode == "P" else image_of(mode)
    picture = Picture.from_pil(image)
    again = picture.filled(picture.rgb(), np.ones((HEIGHT, WIDTH), bool))
    if mode == "F":
        np.testing.assert_allclose(again.samples, picture.samples, rtol=1e-6)
    else:
        assert (again.rgb() == picture.rgb()).all()
        assert mode == "P" or (again.samples == picture.samples).all()


def test_fill_checks():
    picture = Picture.from_pil(image_of("RGB"), "cat.png")
    fill = fill_of()
    for bad_fill, bad_hole in [(fill[:-1], HOLE), (fill, HOLE[:, :-1]), (fill, HOLE.astype(np.uint8))]:
        with pytest.raises(InputError, match=r"cat\.png"):
            picture.filled(bad_fill, bad_hole)
    fill[~HOLE] = np.nan  # outside the hole nothing is looked at
    assert (picture.filled(fill, HOLE).samples[~HOLE] == picture.samples[~HOLE]).all()
    fill[HOLE] = np.nan
    with pytest.raises(InputError, match="finite"):
        picture.filled(fill, HOLE)


@pytest.mark.parametrize(
    ("samples", "scale"),
    [
        (np.array([[0, 65535]], np.int32), 65535),
        (np.array([[0, 2**31 - 1]], np.int32), 2**31 - 1),
        (np.array([[0, 1]], np.float32), 1),
        (np.array([[0, 255]], np.float32), 255),
    ],
)
def test_full_scale(samples, scale):
    picture = Picture.from_pil(Image.fromarray(samples))
    assert picture.full_scale == scale and picture.rgb()[0, 1, 0] == 1


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(np.array([[-1, 5]], np.int32)),
        Image.fromarray(np.array([[0, 300]], np.float32)),
        Image.fromarray(np.array([[0, np.nan]], np.float32)),
        Image.new("LAB", (4, 4)),
        Image.new("HSV", (4, 4)),
        Image.new("RGBa", (4, 4)),
        Image.new("RGB", (0, 4)),
    ],
)
def test_refused_images(image):
    with pytest.raises(InputError, match="the photo"):
        Picture.from_pil(image, "the photo")


# --- bad files and bad places ----------------------------------------------------------------------------


def encoded(suffix):
    buffer = io.BytesIO()
    image_of("RGB").resize((200, 200)).save(buffer, Image.registered_extensions()[suffix])
    return buffer.getvalue()


@pytest.mark.parametrize("content", [b"", b"not a picture at all, but text", b"\x89PNG\r\n\x1a\n"])
@pytest.mark.parametrize("suffix", sorted(PICTURE_SUFFIXES))
def test_files_that_are_no_pictures(tmp_path, content, suffix):
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(content)
    for read in (read_picture, read_mask):
        with pytest.raises(InputError, match="bad") as caught:
            read(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tif", ".gif"])
def test_truncated_files(tmp_path, monkeypatch, suffix, share):
    monkeypatch.setattr("PIL.ImageFile.LOAD_TRUNCATED_IMAGES", True)  # another library may have asked for it
    path = tmp_path / f"short{suffix}"
    data = encoded(suffix)
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match="short"):
        read_picture(path)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_truncated_deep_files(tmp_path, suffix):
    path = tmp_path / f"short{suffix}"
    data = cv2.imencode(suffix, noise(90, 90, 3, kind=np.uint16))[1].tobytes()
    path.write_bytes(data[: int(len(data) * 0.7)])
    with pytest.raises(InputError, match="short"):
        read_picture(path)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(InputError, match=r"no file .*missing\.png"):
        read_picture(tmp_path / "missing.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InputError, match=r"folder\.png is a folder"):
        read_picture(tmp_path / "folder.png")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match=r"pipe\.png"):
        read_picture(tmp_path / "pipe.png")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_the_pixel_limit(tmp_path, monkeypatch):
    path = tmp_path / "huge.png"
    image_of("RGB").save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", HEIGHT * WIDTH // 3)
    with pytest.raises(InputError, match=r"huge\.png is larger"):
        read_picture(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", HEIGHT * WIDTH - 1)
    assert read_picture(path).width == WIDTH  # Pillow only warns up to twice the limit


@pytest.mark.parametrize("name", ["out.xyz", "out", "out.psd"])
def test_unknown_suffix(tmp_path, name):
    with pytest.raises(InputError, match=r"\.png") as caught:
        write_picture(Picture.from_pil(image_of("RGB")), tmp_path / name)
    assert name in str(caught.value) and list(tmp_path.iterdir()) == []


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


# --- masks -----------------------------------------------------------------------------------------------


def grey16(values):
    return Image.frombytes("I;16", (len(values), 1), np.array(values, "<u2").tobytes())


def palette_mask():
    image = Image.frombytes("P", (3, 1), bytes([0, 1, 2]))
    image.putpalette([127, 127, 127, 128, 128, 128, 255, 255, 255])
    return image


MASKS = [
    (Image.fromarray(np.array([[0, 127, 128, 255]], np.uint8)), [0, 0, 1, 1]),
    (grey16([0, 32767, 32768, 65535]), [0, 0, 1, 1]),
    (Image.fromarray(np.array([[[127] * 3, [128] * 3, [255, 0, 0], [0, 255, 0]]], np.uint8)), [0, 1, 0, 1]),
    (Image.fromarray(np.array([[False, True]])), [0, 1]),
    (palette_mask(), [0, 1, 1]),
    (Image.fromarray(np.array([[[255, 0], [255, 255], [0, 255]]], np.uint8)), [0, 1, 0]),
    (Image.fromarray(np.array([[[255, 9], [0, 9]]], np.uint8)), [1, 0]),
]


@pytest.mark.parametrize(("image", "expected"), MASKS)
def test_mask_cut(tmp_path, image, expected):
    image.save(tmp_path / "mask.png")
    expected = np.array([expected], bool)
    for invert in (False, True):
        for hole in (read_mask(tmp_path / "mask.png", invert), mask_from_pil(image, invert)):
            assert hole.dtype == bool and (hole == (expected != invert)).all()


def test_deep_colour_mask(tmp_path):
    values = np.array([[[32767] * 3, [32768] * 3]], np.uint16)
    (tmp_path / "mask.png").write_bytes(cv2.imencode(".png", values)[1].tobytes())
    assert read_mask(tmp_path / "mask.png").tolist() == [[False, True]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_mask_orientation(tmp_path, orientation):
    image = image_of("L")
    image.save(tmp_path / "mask.png", exif=exif_bytes(orientation))
    with Image.open(tmp_path / "mask.png") as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened)) > 127
    assert (read_mask(tmp_path / "mask.png") == expected).all()


# --- folders ---------------------------------------------------------------------------------------------


def test_list_pictures(tmp_path):
    for name in (
        "img10.png",
        "img2.JPG",
        "a/img1.webp",
        ".hidden.png",
        ".git/x.png",
        "notes.txt",
        "b/.h/y.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.png").mkdir()

    def names(found):
        return [str(path.relative_to(tmp_path)) for path in found]

    assert names(list_pictures(tmp_path)) == ["a/img1.webp", "img2.JPG", "img10.png"]
    assert names(list_pictures(tmp_path, recursive=False)) == ["img2.JPG", "img10.png"]
    assert list_pictures(tmp_path / "folder.png") == []
    with pytest.raises(InputError, match="no folder"):
        list_pictures(tmp_path / "missing")
    with pytest.raises(InputError, match="not a folder"):
        list_pictures(tmp_path / "img10.png")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_an_empty_hole_gives_the_picture_back(mode):
    picture = Picture.from_pil(Image.new("RGB", (5, 4), "teal").convert(mode))
    filled = picture.filled(np.zeros((4, 5, 3), np.float32), np.zeros((4, 5), bool))
    assert np.array_equal(filled.samples, picture.samples)


def test_masks_of_zero_and_one(tmp_path):
    """Segmentation programs write 1 for 255; a grey of 2 is dark, not white."""
    hole = np.zeros((6, 8), np.uint8)
    hole[1:3, 2:5] = 1
    for level, expected in ((1, hole > 0), (2, hole > 1), (255, hole > 0)):
        Image.fromarray(hole * level).save(tmp_path / "mask.png")
        assert (read_mask(tmp_path / "mask.png") == expected).all()
    Image.fromarray(hole).save(tmp_path / "mask.png")
    assert (read_mask(tmp_path / "mask.png", invert=True) == (hole == 0)).all()
