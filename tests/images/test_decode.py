"""Reading: orientation, scales, frames, and files that cannot be used."""

import io

import numpy as np
import pytest
import tifffile
from image_samples import (
    HEIGHT,
    WIDTH,
    exif_bytes,
    fill_of,
    image_of,
    noise,
)
from PIL import Image, ImageOps

from latentinpaint.errors import InputError
from latentinpaint.images.folders import PICTURE_SUFFIXES
from latentinpaint.images.image_files import (
    Picture,
    read_mask,
    read_picture,
    write_picture,
)
from latentinpaint.images.picture_filling import fill_picture


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
    write_picture(fill_picture(picture, fill_of(*hole.shape), hole), result)
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
        "rgb": noise(9, 14, 3, dtype=np.uint16),
        "grey": noise(9, 14, dtype=np.uint16),
    }.items():
        source = tmp_path / f"{name}.tif"
        photometric = "rgb" if name == "rgb" else "minisblack"
        tag = (274, 3, 1, orientation, True)
        tifffile.imwrite(source, pixels, photometric=photometric, extratags=[tag], metadata=None)
        carrier = Image.fromarray(np.arange(9 * 14, dtype=np.int32).reshape(9, 14))
        carrier.getexif()[0x0112] = orientation
        order = np.asarray(ImageOps.exif_transpose(carrier))
        assert (read_picture(source).samples == pixels.reshape(9 * 14, -1)[order].squeeze()).all()


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
        Image.new("LAB", (4, 4)),
        Image.new("HSV", (4, 4)),
        Image.new("RGBa", (4, 4)),
        Image.new("RGB", (0, 4)),
    ],
)
def test_refused_images(image):
    with pytest.raises(InputError, match="the photo"):
        Picture.from_pil(image, "the photo")


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


def test_the_pixel_limit(tmp_path, monkeypatch, recwarn):
    path = tmp_path / "huge.png"
    image_of("RGB").save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", HEIGHT * WIDTH // 3)
    with pytest.raises(InputError, match=r"huge\.png is larger than .* pixels: scale it down, "):
        read_picture(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", HEIGHT * WIDTH - 1)
    assert read_picture(path).width == WIDTH  # Pillow only warns up to twice the limit
    assert not recwarn.list
