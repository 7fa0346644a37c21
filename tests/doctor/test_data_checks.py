"""Folders to train on: each finding in a folder that has one such picture among sound ones, and absent without it."""

import shutil

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from latentinpaint.doctor import examine_data
from latentinpaint.errors import InputError

SIZE = 96


def photograph(seed, height=SIZE, width=128):
    """A coloured picture with large structure of its own."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path):
    for seed in range(6):
        path = tmp_path / "train" / ("sub" if seed > 3 else "") / f"p{seed}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        photograph(seed).save(path)
    return tmp_path / "train"


def about(found, code, severity=None):
    return {
        f.about.rsplit("/", 1)[-1] for f in found if f.code.value == code and severity in (None, f.severity.value)
    }


def codes(found):
    return {f.code.value for f in found}


def test_a_sound_folder(folder):
    found = examine_data(folder, size=SIZE)
    assert codes(found) == {"pictures", "few pictures"}
    (note,) = [f for f in found if f.code.value == "pictures"]
    assert note.seen.startswith("6 pictures, the shorter side 96 to 96")


def test_how_many(folder, monkeypatch):
    monkeypatch.setattr("latentinpaint.doctor.data_checks.FEW_PICTURES", 6)
    assert codes(examine_data(folder, size=SIZE)) == {"pictures"}
    shutil.rmtree(folder / "sub")
    assert "few pictures" in codes(examine_data(folder, size=SIZE))
    for path in folder.glob("*.png"):
        path.write_text("no picture")
    assert about(examine_data(folder), "no picture", "problem") == {"train"}
    with pytest.raises(InputError, match="absent"):
        examine_data(folder / "absent")
    with pytest.raises(InputError, match="absent"):
        examine_data(folder, folder / "absent")


def test_unreadable(folder):
    whole = (folder / "p0.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.jpg").write_text("no picture")
    (folder / "empty.png").write_bytes(b"")
    assert about(examine_data(folder, size=SIZE), "unreadable", "problem") == {"cut.png", "text.jpg", "empty.png"}


@pytest.mark.parametrize(("height", "expected"), [(SIZE - 1, True), (SIZE, False)])
def test_tiny(folder, height, expected):
    photograph(9, height=height).save(folder / "new.png")
    assert about(examine_data(folder, size=SIZE), "tiny") == ({"new.png"} if expected else set())


@pytest.mark.parametrize(("width", "expected"), [(4 * SIZE + 1, True), (4 * SIZE, False)])
def test_long(folder, width, expected):
    photograph(9, width=width).save(folder / "new.png")
    assert about(examine_data(folder, size=SIZE), "long and narrow") == ({"new.png"} if expected else set())


def test_greyscale(folder):
    photograph(9).convert("L").save(folder / "grey.png")
    nearly = np.asarray(photograph(10).convert("L").convert("RGB")).astype(int) + [4, 0, -4]
    Image.fromarray(np.clip(nearly, 0, 255).astype(np.uint8)).save(folder / "nearly.png")
    ImageEnhance.Color(photograph(11)).enhance(0.15).save(folder / "pale.png")
    assert about(examine_data(folder, size=SIZE), "greyscale", "warning") == {"grey.png", "nearly.png"}


def test_a_greyscale_folder(folder):
    for path in folder.rglob("*.png"):
        Image.open(path).convert("L").save(path)
    found = examine_data(folder, size=SIZE)
    assert about(found, "greyscale folder", "note") and not about(found, "greyscale")


def test_flat_transparent_and_masks(folder):
    Image.new("RGB", (128, SIZE), "teal").save(folder / "flat.png")
    for name, opacity in (("window.png", 254), ("opaque.png", 255)):
        picture = photograph(len(name)).convert("RGBA")
        picture.putpixel((3, 3), (1, 2, 3, opacity))
        picture.save(folder / name)
    photograph(20).save(folder / "p0_mask001.png")
    photograph(21).save(folder / "masked.png")
    found = examine_data(folder, size=SIZE)
    assert about(found, "nothing to see") == {"flat.png"}
    assert about(found, "transparent") == {"window.png"}
    assert about(found, "mask among the pictures") == {"p0_mask001.png"}


def test_files_that_are_no_pictures(folder):
    for name in ("notes.txt", "phone.DNG", ".hidden", "sub/list.tsv"):
        (folder / name).write_text("x")
    found = examine_data(folder, size=SIZE)
    assert about(found, "not a picture", "note") == {"notes.txt", "list.tsv"}
    assert about(found, "kind of picture that is not read", "warning") == {"phone.DNG"}


def test_duplicates(folder):
    Image.open(folder / "p1.png").save(folder / "sub" / "same.bmp")  # other bytes, equal pixels
    found = examine_data(folder, size=SIZE)
    assert about(found, "duplicate") == {"same.bmp"} and not about(found, "near duplicate")


COPIES = {
    "smaller": lambda image: image.resize((64, 48)),
    "squeezed": lambda image: image.resize((128, 70)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "paler": lambda image: ImageEnhance.Contrast(image).enhance(0.7),
    "grey": lambda image: image.convert("L"),
    "jpeg": lambda image: image,
}


@pytest.mark.parametrize("copy", COPIES)
def test_near_duplicates(folder, copy):
    COPIES[copy](Image.open(folder / "p2.png")).save(folder / "copy.jpg", quality=40)
    found = examine_data(folder, size=1)
    (near,) = [f for f in found if f.code.value == "near duplicate"]
    assert {"copy.jpg", "p2.png"} == {near.about.rsplit("/", 1)[-1], near.seen.split("/")[-1].split(" ")[0]}


def test_unlike_pictures_are_no_near_duplicates(tmp_path):
    """Random pictures, pictures that share half, and flat ones, whose signs are chance."""
    (tmp_path / "many").mkdir()
    for seed in range(60):
        photograph(seed, 48, 64).save(tmp_path / "many" / f"r{seed}.png")
    halves = [photograph(1, 48, 64), photograph(2, 48, 64)]
    halves[0].paste(photograph(3, 48, 64).crop((0, 0, 32, 48)))
    halves[1].paste(photograph(3, 48, 64).crop((0, 0, 32, 48)))
    for number, half in enumerate(halves):
        half.save(tmp_path / "many" / f"half{number}.png")
        Image.new("RGB", (64, 48), (number, 9, 9)).save(tmp_path / "many" / f"flat{number}.png")
    assert not {"near duplicate", "duplicate"} & codes(examine_data(tmp_path / "many", size=48))


def test_leaks(folder, tmp_path):
    val = tmp_path / "val"
    val.mkdir()
    for seed in (30, 31):
        photograph(seed).save(val / f"v{seed}.png")
    assert not {"in both folders", "in both folders, nearly"} & codes(examine_data(folder, val, size=SIZE))
    shutil.copy(folder / "sub" / "p5.png", val / "other_name.png")
    photograph(3).resize((100, 75)).save(val / "scaled.jpg")
    found = examine_data(folder, val, size=SIZE)
    assert about(found, "in both folders", "problem") == {"other_name.png"}
    assert about(found, "in both folders, nearly", "problem") == {"scaled.jpg"}
    assert not about(found, "duplicate")


def test_checks_cover_the_validation_folder(folder, tmp_path):
    val = tmp_path / "val"
    val.mkdir()
    photograph(30, height=SIZE - 1).save(val / "small.png")
    (val / "text.png").write_text("x")
    found = examine_data(folder, val, size=SIZE)
    assert about(found, "tiny") == {"small.png"} and about(found, "unreadable") == {"text.png"}
