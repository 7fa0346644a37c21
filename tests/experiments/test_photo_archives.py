"""Photographs from folders and zip files: all of them, once, and nothing of a damaged one."""

import hashlib
import zipfile

import numpy as np
import pytest
from PIL import Image

from latentinpaint.errors import InputError
from latentinpaint.experiments.photo_archives import gather_photographs
from latentinpaint.images.folders import read_folder


def write_photos(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (20, 24, 3), np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return folder


def write_zip(path, folder, extra=()):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder))
        for name in extra:
            archive.writestr(name, b"no picture")
    return path


@pytest.fixture
def sources(tmp_path):
    folder = write_photos(tmp_path / "mine", ["a.png", "b/c.jpg"])
    packed = write_photos(tmp_path / "packed", ["x.png", "deep/y.webp", "z.png"])
    return [folder, write_zip(tmp_path / "theirs.zip", packed, extra=["SOURCES.tsv", "../../outside.txt"])]


def names_below(folder):
    return sorted(str(path.relative_to(folder)) for path in read_folder(folder).pictures)


def test_all_are_there_and_nothing_else(sources, tmp_path):
    target = tmp_path / "run" / "photos"
    found = gather_photographs(sources, target)
    assert names_below(target) == ["mine/a.png", "mine/b/c.jpg", "theirs/deep/y.webp", "theirs/x.png", "theirs/z.png"]
    assert [(archive.name, archive.photographs) for archive in found] == [("mine", 2), ("theirs", 3)]
    assert found[1].sha256 == hashlib.sha256(sources[1].read_bytes()).hexdigest()
    assert not list(tmp_path.rglob("outside.txt")) and not list(target.rglob("*.tsv"))


def test_what_is_there_stays(sources, tmp_path):
    first = gather_photographs(sources, tmp_path / "photos")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "photos").rglob("*")}
    assert gather_photographs(sources, tmp_path / "photos") == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "photos").rglob("*")} == before


def test_what_a_stopped_run_has_left_is_no_photograph(sources, tmp_path):
    write_photos(tmp_path / "photos" / ".theirs", ["half.png"])
    gather_photographs(sources, tmp_path / "photos")
    assert "theirs/half.png" not in names_below(tmp_path / "photos")
    assert not (tmp_path / "photos" / ".theirs").exists()


def test_a_folder_s_checksum_tells_another_photograph(sources, tmp_path):
    before = gather_photographs(sources[:1], tmp_path / "photos")[0].sha256
    write_photos(sources[0], ["more.png"])
    assert gather_photographs(sources[:1], tmp_path / "photos")[0].sha256 != before


def test_mistakes_are_one_sentence_and_leave_nothing(sources, tmp_path):
    folder, packed = sources
    cut = tmp_path / "cut.zip"
    cut.write_bytes(packed.read_bytes()[:-200])
    empty = write_zip(tmp_path / "empty.zip", write_photos(tmp_path / "none", []), extra=["notes.txt"])
    (tmp_path / "hollow").mkdir()
    table = [
        ([], "at least one"),
        ([tmp_path / "nowhere"], "no folder or zip file"),
        ([cut], "not a whole zip file"),
        ([empty], "holds no picture"),
        ([tmp_path / "hollow"], "holds no picture"),
        ([folder, folder], "called mine"),
    ]
    for given, message in table:
        with pytest.raises(InputError, match=message):
            gather_photographs(given, tmp_path / "photos")
    assert not (tmp_path / "photos" / "cut").exists()
    assert not (tmp_path / "photos" / "empty").exists()
