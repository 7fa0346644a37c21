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
def folder(helpers, tmp_path):
    folder = helpers.write_photos(tmp_path / "in", ("a.png", "b.png"))
    hole = np.zeros((48, 64), bool)
    hole[10:20, 5:20] = True
    for name in "ab":
        helpers.write_hole(folder / f"{name}_mask001.png", hole)
    return folder


def test_a_sound_pair(command, folder):
    result = command("doctor", "--image", folder / "a.png", "--mask", folder / "a_mask001.png")
    assert (result.status, result.err) == (0, "")
    assert result.out.splitlines()[-1] == "0 problems, 0 warnings, 1 note" and "4.9 % of the picture" in result.out


def test_a_problem_is_status_1(command, folder, tmp_path):
    Image.open(folder / "b_mask001.png").resize((32, 24)).save(folder / "b_mask001.png")
    result = command("doctor", "--images", folder, "--json", tmp_path / "found.json")
    assert (result.status, result.err) == (1, "")
    assert "PROBLEMS" in result.out and "32x24" in result.out and "s for 1000" in result.out
    assert "1 problem, " in result.out.splitlines()[-1]
    written = json.loads((tmp_path / "found.json").read_text())
    assert written["examined"] == 2 and [f["kind"] for f in written["findings"]].count("hole") == 2
    (problem,) = [f for f in written["findings"] if f["severity"] == "problem"]
    assert problem["about"].endswith("b_mask001.png") and "nearest" in problem["advice"]


def test_a_warning_is_none(command, folder):
    for name in "ab":
        Image.fromarray(255 - np.asarray(Image.open(folder / f"{name}_mask001.png"))).save(
            folder / f"{name}_mask001.png"
        )
    result = command("doctor", "--images", folder)
    assert result.status == 0 and "likely inverted (2)" in result.out
    result = command("doctor", "--images", folder, "--invert-mask")
    assert result.status == 0 and "inverted" not in result.out


def test_masks_of_their_own_folder(command, folder, tmp_path):
    (tmp_path / "masks").mkdir()
    for name in "ab":
        (folder / f"{name}_mask001.png").rename(tmp_path / "masks" / f"{name}.png")
    assert command("doctor", "--images", folder, "--masks", tmp_path / "masks").status == 0
    assert command("doctor", "--images", folder).status == 1


def test_data_folders(command, helpers, tmp_path):
    train = helpers.write_photos(tmp_path / "train", ("a.png", "b.png", "c.png"))
    (tmp_path / "val").mkdir()
    Image.open(train / "b.png").save(tmp_path / "val" / "same.png")
    result = command("doctor", "--data", train, "--size", "48")
    assert result.status == 0 and "3 examined" in result.out and "tiny" not in result.out
    assert "tiny (3)" in command("doctor", "--data", train, "--size", "49").out
    result = command("doctor", "--data", train, "--val", tmp_path / "val", "--size", "48")
    assert result.status == 1 and "in both folders" in result.out and "4 examined" in result.out


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
def test_mistakes_are_status_2(command, folder, wrong):
    before = sorted(folder.iterdir())
    result = command(
        "doctor", *WRONG[wrong].replace("{in}", str(folder)).replace("{a}", str(folder / "a.png")).split()
    )
    assert result.status == 2 and len(result.complaints) == 1
    assert sorted(folder.iterdir()) == before


def test_the_tool(folder):
    options = ["--image", folder / "a.png", "--mask", folder / "a.png"]
    tool = [sys.executable, str(ROOT / "tools" / "doctor.py"), *map(str, options)]
    done = subprocess.run(tool, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "") and "photograph" in done.stdout


def test_names_that_are_no_text_for_a_terminal(command, folder):
    (folder / "a\x1b[31m\nb.png").write_bytes(b"no picture")
    result = command("doctor", "--images", folder)
    assert "a\\x1b[31m\\nb.png" in result.out and "\x1b" not in result.out + result.err
