"""HEIC and AVIF: pixels and metadata as another decoder or the maker has them; what is said without pi-heif."""

import io
import sys

import numpy as np
import pytest
from heic_samples import TEN_BITS, TURNED
from PIL import Image, ImageCms, features

from latentinpaint.batch.folder_plan import FolderOptions
from latentinpaint.errors import InputError
from latentinpaint.images.completeness import picture_size
from latentinpaint.images.image_files import decode_picture, read_picture, write_picture

needs_avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'


@pytest.fixture
def pi_heif():
    return pytest.importorskip("pi_heif", reason="pi-heif reads HEIC")


def ramp():
    row, column = np.mgrid[0:32, 0:48]
    return np.dstack([5 * column, 7 * row, 255 - 5 * column])


def test_a_heic_photo_is_upright_and_keeps_its_metadata(pi_heif, tmp_path):
    (tmp_path / "photo.heic").write_bytes(TURNED)
    picture = read_picture(tmp_path / "photo.heic")
    expected = np.rot90(ramp(), -1)  # orientation 6: a quarter to the right makes it upright
    assert picture.samples.shape == expected.shape and picture.mode == "RGB"
    assert np.abs(picture.samples - expected.astype(float)).mean() < 4
    assert picture_size(tmp_path / "photo.heic") == expected.shape[:2]
    assert XMP in picture.xmp
    assert write_picture(picture, tmp_path / "again.png") == []
    with Image.open(tmp_path / "again.png") as again:
        assert again.getexif()[0x010F] == "a maker" and again.getexif()[0x0112] == 1
    assert "HEIF" not in Image.OPEN  # the program's Pillow opens what it did before


def test_more_than_eight_bits_are_reported(pi_heif):
    picture = decode_picture(TEN_BITS, "deep.heic")
    assert picture.lost == ("deep.heic has 10 bits a sample, of which 8 are read",)
    assert np.abs(picture.samples - ramp().astype(float)).mean() < 8


@pytest.mark.parametrize("length", [13, 100, 300, 600, 900])
def test_damaged_heic(pi_heif, length):
    with pytest.raises(InputError, match=r"photo\.heic"):
        decode_picture(TURNED[:length], "photo.heic")


def test_without_the_package_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    monkeypatch.setitem(sys.modules, "pi_heif.as_plugin", None)
    with pytest.raises(InputError, match=r"photo\.heic: .*pip install 'latentinpaint\[heif\]'") as caught:
        decode_picture(TURNED, "photo.heic")
    assert "\n" not in str(caught.value)


@needs_avif
def test_avif_as_pillow_reads_it_with_its_metadata():
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    file = io.BytesIO()
    photo = Image.fromarray(ramp().astype(np.uint8))
    photo.save(file, "AVIF", exif=exif, icc_profile=profile, xmp=XMP, quality=90)
    picture = decode_picture(file.getvalue(), "photo.avif")
    np.testing.assert_array_equal(picture.samples, np.asarray(Image.open(file)))
    assert picture.icc_profile == profile and XMP in picture.xmp and b"a maker" in picture.exif
    assert picture.lost == ()
    with pytest.raises(InputError, match=r"photo\.avif"):
        decode_picture(file.getvalue()[:-200], "photo.avif")


@needs_avif
@pytest.mark.parametrize(
    ("form", "suffix"), [("keep", ".png"), ("exact", ".png"), ("png", ".png"), ("webp", ".webp")]
)
def test_what_is_only_read_is_written_without_loss(tmp_path, form, suffix):
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(ramp().astype(np.uint8)).save(folder / "a.avif")
    (folder / "b.HEIC").write_bytes(TURNED)
    mask = Image.new("L", (48, 32))
    mask.save(tmp_path / "mask.png")
    plan = FolderOptions(folder, tmp_path / "out", mask=tmp_path / "mask.png", format=form).plan()
    outputs = [task.outputs for task in plan.tasks]
    assert outputs == [(tmp_path / "out" / f"{stem}{suffix}",) for stem in "ab"]
