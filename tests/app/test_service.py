"""What the page does, without a page: files in, exact files out, sentences that name no place of this machine."""

import struct
import zlib
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, ImageOps

from latentinpaint.app import service
from latentinpaint.app.examples import write_examples
from latentinpaint.app.models import load_models, short_names
from latentinpaint.app.store import Store
from latentinpaint.errors import InputError
from latentinpaint.images.image_files import read_picture
from latentinpaint.inpainter import Inpainter

LIMITS = service.Limits(upload=1, megapixels=0.5)


@pytest.fixture(scope="module")
def models(model_files):
    return {name: Inpainter.from_pretrained(model_files[name], "cpu") for name in ("ffc", "flow")}


def hole_of(height, width):
    hole = np.zeros((height, width), bool)
    hole[height // 4 : height // 2, width // 3 : 2 * width // 3] = True
    return hole


@pytest.mark.parametrize(
    "name, suffix",
    [
        *(("a.png", ".png"), ("a.jpg", ".png"), ("a.tiff", ".tif"), ("a.webp", ".webp"), ("a.bmp", ".bmp")),
        *(("a.gif", ".gif"), ("a.b.jpeg", ".png")),
    ],
)
def test_a_result_has_a_format_that_keeps_the_photo(tmp_path, helpers, name, suffix):
    Image.fromarray(helpers.smooth(20, 30)).save(tmp_path / name)
    photo = service.read_photo(tmp_path / name, LIMITS)
    assert (photo.stem, photo.suffix, photo.size) == (name.rsplit(".", 1)[0], suffix, (20, 30))


def test_the_format_is_the_files_not_its_names(tmp_path, helpers):
    Image.fromarray(helpers.smooth(20, 30)).save(tmp_path / "a.tif", format="JPEG")
    assert service.read_photo(tmp_path / "a.tif", LIMITS).suffix == ".png"


def test_a_vast_picture_is_refused_before_it_is_decoded(tmp_path):
    """Its header promises 100 megapixels, its data are not even there: only the header was looked at."""
    head = struct.pack(">IIBBBBB", 10_000, 10_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(head)) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    (tmp_path / "vast.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT")
    with pytest.raises(InputError, match=r"^vast.png has 10000×10000 pixels, more than 0.5 megapixels"):
        service.read_photo(tmp_path / "vast.png", LIMITS)


def test_files_that_cannot_be_used(tmp_path, helpers):
    (tmp_path / "text.png").write_text("this is no picture")
    (tmp_path / "large.png").write_bytes(b"x" * (2**20 + 1))
    Image.fromarray(helpers.smooth(40, 40)).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:-200])
    wanted = {
        "text.png": "is not a picture",
        "large.png": "larger than 1 MB",
        "cut.png": "damaged",
        "no.png": "again",
    }
    for name, words in wanted.items():
        with pytest.raises(InputError, match=words) as caught:
            service.read_photo(tmp_path / name, LIMITS)
        assert name in str(caught.value) and str(tmp_path) not in str(caught.value)


def test_a_mask_has_the_photos_size(tmp_path, helpers):
    Image.fromarray(helpers.smooth(20, 30)).save(tmp_path / "a.png")
    photo, hole = service.read_photo(tmp_path / "a.png", LIMITS), hole_of(20, 30)
    assert np.array_equal(service.read_hole(helpers.write_hole(tmp_path / "m.png", hole), photo, LIMITS), hole)
    assert np.array_equal(service.read_hole(tmp_path / "m.png", photo, LIMITS, invert=True), ~hole)
    helpers.write_hole(tmp_path / "other.png", hole[:-1])
    with pytest.raises(InputError, match="other.png is 30×19 pixels, the photo 30×20"):
        service.read_hole(tmp_path / "other.png", photo, LIMITS)


def photo_of(height, width):
    picture = read_picture_of(np.zeros((height, width, 3), np.uint8))
    return service.Photo(picture, "photo", ".png")


def read_picture_of(array):
    from latentinpaint.images.picture import Picture

    return Picture.from_pil(Image.fromarray(array))


def layer_of(hole, opacity=255):
    colours = np.zeros((*hole.shape, 4), np.uint8)
    colours[hole] = (230, 30, 60, opacity)
    return Image.fromarray(colours)


@pytest.mark.parametrize("opacity", [255, 166, 1])
def test_a_painted_hole_is_taken_as_it_is(opacity):
    rng = np.random.default_rng(0)
    one, other = rng.random((2, 33, 47)) < 0.2
    painted = service.painted_hole([layer_of(one, opacity), layer_of(other, opacity)], photo_of(33, 47))
    assert np.array_equal(painted, one | other)
    assert not service.painted_hole([], photo_of(33, 47)).any()


def test_a_hole_painted_on_a_preview_comes_to_the_photos_size(monkeypatch):
    """Each pixel of the photo takes the preview's pixel that its middle lies in, by exact fractions."""
    monkeypatch.setattr(service.preview_size, "__defaults__", (40,))
    height, width = 97, 61
    assert service.preview_size(height, width) == (40, 25)
    hole = np.random.default_rng(1).random((40, 25)) < 0.5
    found = service.painted_hole([layer_of(hole)], photo_of(height, width))
    rows = [int((row + Fraction(1, 2)) * 40 / height) for row in range(height)]
    columns = [int((column + Fraction(1, 2)) * 25 / width) for column in range(width)]
    expected = np.array([[hole[row, column] for column in columns] for row in rows])
    assert np.array_equal(found, expected)


def test_a_hole_of_another_photo_is_refused():
    with pytest.raises(InputError, match="another photo"):
        service.painted_hole([layer_of(np.ones((5, 6), bool))], photo_of(6, 5))
    assert not service.painted_hole([layer_of(np.zeros((5, 6), bool))], photo_of(6, 5)).any()


def test_previews_are_upright_small_and_over_white(tmp_path, helpers):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(helpers.smooth(20, 30)).save(tmp_path / "turned.png", exif=exif)
    photo = service.read_photo(tmp_path / "turned.png", LIMITS)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "turned.png")))
    assert np.array_equal(np.asarray(service.preview(photo.picture)), upright) and upright.shape == (30, 20, 3)
    assert service.preview(photo.picture, longest=15).size == (10, 15)
    clear = np.dstack([helpers.smooth(8, 8), np.full((8, 8), 255, np.uint8)])
    clear[:4, :, 3] = 0
    seen = np.asarray(service.preview(read_picture_of(clear)))
    assert (seen[:4] == 255).all() and np.array_equal(seen[4:], clear[4:, :, :3])
    tinted = np.asarray(service.preview(photo.picture, hole := hole_of(30, 20)))
    assert np.array_equal(tinted[~hole], upright[~hole]) and (tinted[hole] != upright[hole]).any()


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "deep.png", "grey.tif"])
def test_known_pixels_are_exact_in_the_files(tmp_path, helpers, models, name):
    """At the file's own depth; 16-bit PNG is read by the package's own reader, as Pillow would cut it."""
    smooth = helpers.smooth(40, 48)
    if name == "grey.tif":
        Image.fromarray(smooth[..., 0].astype(np.uint16) * 257 + 3).save(tmp_path / name)
    elif name == "deep.png":
        import cv2

        cv2.imwrite(str(tmp_path / name), smooth.astype(np.uint16) * 257 + 3)
    else:
        Image.fromarray(smooth).save(tmp_path / name)
    photo, hole = service.read_photo(tmp_path / name, LIMITS), hole_of(40, 48)
    (tmp_path / "out").mkdir()
    filled = service.fill(models["ffc"], photo, hole, service.Settings(), tmp_path / "out")
    before, after = read_picture(tmp_path / name).samples, read_picture(filled.results[0]).samples
    assert after.dtype == before.dtype and np.array_equal(after[~hole], before[~hole])
    assert not np.array_equal(after[hole], before[hole])
    assert np.array_equal(np.asarray(Image.open(filled.mask)) > 0, hole)
    assert filled.sentence.startswith(f"Filled {100 * hole.mean():.3g} % of 48×40 pixels in")
    assert filled.uncertainty is None and len(filled.results) == 1


def test_samples_settings_and_files_of_a_flow(tmp_path, helpers, models):
    """The samples are `Inpainter.fill`'s for the same seed and steps."""
    Image.fromarray(helpers.smooth(40, 48)).save(tmp_path / "a.png")
    photo, hole = service.read_photo(tmp_path / "a.png", LIMITS), hole_of(40, 48)
    (tmp_path / "out").mkdir()
    filled = service.fill(models["flow"], photo, hole, service.Settings(samples=3, steps=2, seed=5), tmp_path / "out")
    wanted = models["flow"].fill(photo.picture, hole, 3, 5, steps=2)
    assert [path.rsplit("/", 1)[1] for path in filled.results] == [f"a_filled_{n}.png" for n in (1, 2, 3)]
    for path, picture, shown in zip(filled.results, wanted, filled.afters, strict=True):
        assert np.array_equal(np.asarray(Image.open(path)), picture.samples)
        assert np.array_equal(np.asarray(Image.open(shown)), picture.samples)
    assert np.array_equal(np.asarray(Image.open(filled.before)), photo.picture.samples)
    with Image.open(filled.uncertainty) as drawing:
        assert drawing.width > 48 and drawing.height >= 40


def test_without_a_hole_there_is_a_sentence(tmp_path, models):
    with pytest.raises(InputError, match="nothing is painted yet"):
        service.fill(models["ffc"], photo_of(40, 48), np.zeros((40, 48), bool), service.Settings(), tmp_path)


def test_the_latent_difference_is_of_this_photo(tmp_path, helpers, models):
    picture = read_picture_of(helpers.smooth(90, 70))
    hole = hole_of(90, 70)
    path = service.draw_difference(models["ffc"], service.Photo(picture, "a", ".png"), hole, tmp_path, longest=64)
    first = np.asarray(Image.open(path))
    dull = service.Photo(read_picture_of(np.full((90, 70, 3), 90, np.uint8)), "a", ".png")
    second = np.asarray(Image.open(service.draw_difference(models["ffc"], dull, hole, tmp_path, longest=64)))
    assert first.shape == second.shape and not np.array_equal(first, second)


def test_the_store_keeps_the_newest_and_what_is_to_be_kept():
    import os

    store = Store(limit=250)
    try:
        kept = store.new_folder(kept=True) / "example.png"
        kept.write_bytes(b"x" * 1000)
        paths = []
        for number in range(4):
            paths.append(store.new_folder() / f"{number}.png")
            paths[-1].write_bytes(b"x" * 100)
            os.utime(paths[-1], (1000 + number, 1000 + number))
        assert set(store.tidy()) == set(paths[:2])
        assert [path.exists() for path in [kept, *paths]] == [True, False, False, True, True]
        assert not paths[0].parent.exists() and paths[2].parent.exists()
        assert store.tidy() == []
    finally:
        store.close()
    assert not store.folder.exists()


def test_tidying_minds_no_file_that_vanishes_meanwhile(monkeypatch):
    """As gradio's temporary files do: each is gone when it is looked at."""
    store = Store(limit=0)
    paths = [store.new_folder() / f"{number}.png" for number in range(3)]
    for path in paths:
        path.write_bytes(b"x")
    lstat = type(paths[0]).lstat

    def vanishing(path):
        if path.name == "1.png":
            path.unlink()
        return lstat(path)

    try:
        monkeypatch.setattr(type(paths[0]), "lstat", vanishing)
        assert set(store.tidy()) == {paths[0], paths[2]}
    finally:
        store.close()


def test_the_store_knows_what_lies_inside(tmp_path):
    store = Store()
    try:
        inside = store.new_folder() / "a.png"
        inside.write_bytes(b"x")
        (store.folder / "link").symlink_to(tmp_path)
        assert store.holds(inside) and store.holds(str(inside)) and store.holds(store.folder / "not" / "yet")
        assert not store.holds(tmp_path) and not store.holds(store.folder / "link" / "a.png")
        assert not store.holds(f"{store.folder}/../{tmp_path.name}") and not store.holds(f"{store.folder}x/a.png")
        assert not store.holds("a\0b") and not store.holds("/" + "a" * 5000) and not store.holds("http://a.example/b")
    finally:
        store.close()


def test_examples_have_masks_that_make_sense(tmp_path):
    examples = write_examples(tmp_path)
    assert len(examples) >= 3
    for example in examples:
        photo, mask = Image.open(example.photo), np.asarray(Image.open(example.mask))
        assert mask.shape == (photo.height, photo.width) and set(np.unique(mask)) == {0, 255}
        assert 0.01 < (mask == 255).mean() < 0.2
        assert max(Image.open(example.thumbnail).size) <= 240


@pytest.mark.parametrize(
    "paths, names",
    [
        (["runs/latent_ffc", "runs/latent_flow/model.safetensors"], ["latent_ffc", "latent_flow"]),
        (["a/big.safetensors", "default"], ["big", "default"]),
        (["a/run", "b/run"], ["a/run", "b/run"]),
        (["/x/a/run", "/y/a/run", "/y/b"], ["x/a/run", "y/a/run", "y/b"]),
        (["model.safetensors"], ["model"]),
    ],
)
def test_short_names_tell_models_apart(paths, names):
    assert short_names(paths) == names


def test_models_are_loaded_by_name(model_files):
    models = load_models([f"{model_files['flow']}, {model_files['ffc'].parent}", str(model_files["flow"])], "cpu")
    assert list(models) == ["flow", "ffc"]
    assert [model.pipeline.refiner.stochastic for model in models.values()] == [True, False]
    with pytest.raises(InputError, match="names no model"):
        load_models([" , "])
    with pytest.raises(InputError, match="no model file"):
        load_models(["nowhere/model"])


def test_limits_are_above_zero():
    for wrong in ({"upload": 0}, {"megapixels": -1}, {"upload": float("nan")}):
        with pytest.raises(InputError, match="above 0"):
            service.Limits(**wrong)


def test_the_uncertainty_is_that_of_the_samples(tmp_path, helpers, models, monkeypatch):
    """What is drawn is numpy's deviation of the filled pictures."""
    from latentinpaint import visualization

    drawn = []
    monkeypatch.setattr(
        visualization, "draw_uncertainty", lambda *parts: drawn.append(parts) or Image.new("RGB", (2, 2))
    )
    Image.fromarray(helpers.smooth(40, 48)).save(tmp_path / "a.png")
    photo, hole = service.read_photo(tmp_path / "a.png", LIMITS), hole_of(40, 48)
    filled = service.fill(models["flow"], photo, hole, service.Settings(samples=3), tmp_path)
    samples = np.stack([np.asarray(Image.open(path)) / 255 for path in filled.results])
    ((spread, drawn_hole, shown),) = drawn
    np.testing.assert_allclose(spread, samples.std(axis=0, ddof=1).mean(axis=-1), atol=1e-6)
    assert np.array_equal(drawn_hole, hole) and spread[hole].max() > 0
    assert shown.size == (48, 40)
