"""`doctor` as a person meets it: what it prints, its exit status, its file for machines."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def place(helpers, tmp_path):
    folder = helpers.write_photos(tmp_path / "in", ("a.png", "b.png"))
    hole = np.zeros((48, 64), bool)
    hole[10:20, 5:20] = True
    for name in "ab":
        helpers.write_hole(folder / f"{name}_mask001.png", hole)
    return folder


def test_a_sound_pair(command, place):
    answer = command("doctor", "--image", place / "a.png", "--mask", place / "a_mask001.png")
    assert (answer.status, answer.err) == (0, "")
    assert answer.out.splitlines()[-1] == "0 problems, 0 warnings, 1 note" and "4.9 % of the picture" in answer.out


def test_a_problem_is_status_1(command, place, tmp_path):
    Image.open(place / "b_mask001.png").resize((32, 24)).save(place / "b_mask001.png")
    answer = command("doctor", "--images", place, "--json", tmp_path / "found.json")
    assert (answer.status, answer.err) == (1, "")
    assert "PROBLEMS" in answer.out and "32x24" in answer.out and "s for 1000" in answer.out
    assert "1 problem, " in answer.out.splitlines()[-1]
    written = json.loads((tmp_path / "found.json").read_text())
    assert written["examined"] == 2 and [f["kind"] for f in written["findings"]].count("hole") == 2
    (problem,) = [f for f in written["findings"] if f["severity"] == "problem"]
    assert problem["about"].endswith("b_mask001.png") and "nearest" in problem["advice"]


def test_a_warning_is_none(command, place):
    for name in "ab":
        Image.fromarray(255 - np.asarray(Image.open(place / f"{name}_mask001.png"))).save(
            place / f"{name}_mask001.png"
        )
    answer = command("doctor", "--images", place)
    assert answer.status == 0 and "likely inverted (2)" in answer.out
    answer = command("doctor", "--images", place, "--invert-mask")
    assert answer.status == 0 and "inverted" not in answer.out


def test_masks_of_their_own_folder(command, place, tmp_path):
    (tmp_path / "masks").mkdir()
    for name in "ab":
        (place / f"{name}_mask001.png").rename(tmp_path / "masks" / f"{name}.png")
    assert command("doctor", "--images", place, "--masks", tmp_path / "masks").status == 0
    assert command("doctor", "--images", place).status == 1


def test_data_folders(command, helpers, tmp_path):
    train = helpers.write_photos(tmp_path / "train", ("a.png", "b.png", "c.png"))
    (tmp_path / "val").mkdir()
    Image.open(train / "b.png").save(tmp_path / "val" / "same.png")
    answer = command("doctor", "--data", train, "--size", "48")
    assert answer.status == 0 and "3 examined" in answer.out and "tiny" not in answer.out
    assert "tiny (3)" in command("doctor", "--data", train, "--size", "49").out
    answer = command("doctor", "--data", train, "--val", tmp_path / "val", "--size", "48")
    assert answer.status == 1 and "in both folders" in answer.out and "4 examined" in answer.out


WRONG = {
    "nothing": "",
    "half a pair": "--image {a}",
    "the other half": "--mask {a}",
    "two jobs": "--images {in} --data {in}",
    "masks alone": "--masks {in}",
    "val alone": "--val {in}",
    "missing file": "--image {a} --mask {in}/absent.png",
    "missing folder": "--data {in}/absent",
    "no size": "--data {in} --size 0",
    "no examples": "--data {in} --examples=-1",
    "a folder to write": "--data {in} --json {in}",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_mistakes_are_status_2(command, place, wrong):
    before = sorted(place.iterdir())
    answer = command("doctor", *WRONG[wrong].replace("{in}", str(place)).replace("{a}", str(place / "a.png")).split())
    assert answer.status == 2 and len(answer.complaints) == 1
    assert sorted(place.iterdir()) == before


def test_the_tool(place):
    options = ["--image", place / "a.png", "--mask", place / "a.png"]
    tool = [sys.executable, str(ROOT / "tools" / "doctor.py"), *map(str, options)]
    done = subprocess.run(tool, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "") and "photograph" in done.stdout
