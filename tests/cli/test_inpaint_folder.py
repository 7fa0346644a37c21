"""`inpaint` over folders: what is filled, what is not and why, and what a second run does."""

import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

HEIGHT, WIDTH = 20, 24
HOLE = np.zeros((HEIGHT, WIDTH), bool)
HOLE[6:13, 8:17] = True


def bomb(path):
    """A PNG whose header promises 400 million pixels."""
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0")))
    content = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in (*chunks, (b"IEND", b""))
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)


def photo(helpers, path, seed=0, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = helpers.smooth(HEIGHT, WIDTH, seed=seed)
    Image.fromarray(pixels).save(path, **options)
    return pixels


def break_in_ten_ways(helpers, folder):
    """Ten pictures that cannot be filled; the file that is to be named, and a word of its reason."""
    names = (
        "cut.jpg",
        "void.png",
        "text.jpg",
        "size.png",
        "spoilt.png",
        "kept.png",
        "bomb.png",
        "lab.tif",
        "dir.png",
    )
    for name in names:
        helpers.write_hole((folder / name).with_suffix("").with_name(f"{name.split('.')[0]}_mask.png"), HOLE)
        if not name.endswith(".tif"):
            photo(helpers, folder / name)
    (folder / "cut.jpg").write_bytes((folder / "cut.jpg").read_bytes()[:-200])
    (folder / "void.png").write_bytes(b"")
    (folder / "text.jpg").write_text("this is no picture")
    helpers.write_hole(folder / "size_mask.png", HOLE[:, 1:])
    (folder / "spoilt_mask.png").write_bytes((folder / "spoilt_mask.png").read_bytes()[:40])
    helpers.write_hole(folder / "kept_mask.png", HOLE & False)
    bomb(folder / "bomb.png")
    Image.new("LAB", (WIDTH, HEIGHT)).save(folder / "lab.tif")
    (folder / "dir.png").unlink()
    (folder / "dir.png").mkdir()
    helpers.write_hole(folder / "nobody_mask.png", HOLE)
    return {
        "cut.jpg": "damaged or cut short",
        "void.png": "is empty",
        "text.jpg": "not a picture",
        "size_mask.png": "have to be equal",
        "spoilt_mask.png": "damaged",
        "kept_mask.png": "has no hole",
        "bomb.png": "larger than the limit",
        "lab.tif": "colour mode LAB",
        "dir_mask.png": "dir.png is a folder",
        "nobody_mask.png": "matches no picture",
    }


def times(folder):
    return {path.relative_to(folder): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def failures(answer):
    """The lines that name what failed."""
    first = next(i for i, line in enumerate(answer.complaints) if "could not be used" in line)
    return answer.complaints[first + 1 :]


def test_two_hundred_pictures_of_which_ten_are_broken(helpers, model_files, command, tmp_path):
    folder, target = tmp_path / "in", tmp_path / "out"
    suffixes = ("png", "jpg", "webp", "bmp", "tif", "gif")
    truths = {}
    for number in range(190):
        name = f"{number % 7}/p{number}.{suffixes[number % 6]}"
        truths[name] = photo(helpers, folder / name, number, **({"lossless": True} if number % 6 == 2 else {}))
        helpers.write_hole((folder / name).with_name(f"p{number}_mask.png"), HOLE)
    broken = break_in_ten_ways(helpers, folder)
    options = ("inpaint", "--model", model_files["ffc"], "--indir", folder, "--outdir", target)
    first = command(*options)
    assert first.status == 1 and "190 filled, 0 already there, 10 failed" in first.out
    assert set(times(target)) == {(folder / name).relative_to(folder) for name in truths}
    for name, truth in truths.items():
        with Image.open(target / name) as image:
            assert image.format == Image.open(folder / name).format
            if name.endswith(("png", "webp", "bmp", "tif")):
                filled = np.asarray(image)
                np.testing.assert_array_equal(filled[~HOLE], truth[~HOLE])
                assert (filled[HOLE] != truth[HOLE]).any()
    said = failures(first)
    assert len(said) == 10
    for name, reason in broken.items():
        assert sum(str(folder / name) in line and reason in line for line in said) == 1, (name, said)
    before = times(target)
    again = command(*options)
    assert again.status == 1 and "0 filled, 190 already there, 10 failed" in again.out
    assert failures(again) == said and times(target) == before


@pytest.fixture
def pictures(helpers, tmp_path):
    """A folder of six pictures, one of them below, with a mask each; answers folder and truths by name."""
    folder = tmp_path / "in"
    names = ("a.png", "b.png", "c.png", "d.png", "e.png", "sub/f.png")
    truths = {name: photo(helpers, folder / name, seed) for seed, name in enumerate(names)}
    for name in names:
        helpers.write_hole((folder / name).with_name(f"{name[-5]}_mask.png"), HOLE)
    return folder, truths


@pytest.fixture
def fill(model_files, command, pictures, tmp_path):
    """Fill the folder with more options; the answer of the command, and what is in the target folder."""
    folder, _ = pictures

    def call(*options, target="out", source=folder, model="ffc"):
        where = tmp_path / target
        answer = command("inpaint", "--model", model_files[model], "--indir", source, "--outdir", where, *options)
        return answer, {path.relative_to(where).as_posix() for path in where.rglob("*") if path.is_file()}

    return call


def read(path):
    return np.asarray(Image.open(path))


def test_limit_and_what_is_there_already(fill, pictures, tmp_path):
    names = sorted(pictures[1])
    for number, (there, left) in enumerate(((0, 4), (2, 2), (4, 0)), start=1):
        answer, found = fill("--limit", 2)
        assert answer.status == 0 and found == set(names[: 2 * number])
        assert f"2 filled, {there} already there" in answer.out
        assert (f"{left} left for later" in answer.out) == (left > 0)
    before = times(tmp_path / "out")
    assert "0 filled, 6 already there" in fill()[0].out and times(tmp_path / "out") == before
    (tmp_path / "out" / "c.png").unlink()
    assert "1 filled, 5 already there" in fill()[0].out
    answer, _ = fill("--overwrite", "--limit", 3)
    assert "3 filled, 0 already there" in answer.out
    after = times(tmp_path / "out")
    assert [name for name in names if after[type(next(iter(after)))(name)] != before[type(next(iter(before)))(name)]]


def test_nothing_to_do_needs_no_model(fill, pictures):
    fill()
    done, _ = fill("--device", "toaster")
    assert done.status == 0 and "6 already there" in done.out


def test_all_samples_have_to_be_there(fill, tmp_path):
    _, found = fill("--num-samples", 2, model="flow")
    assert len(found) == 12 and {"a_1.png", "a_2.png", "sub/f_2.png"} <= found
    (tmp_path / "out" / "b_2.png").unlink()
    answer, found = fill("--num-samples", 2, model="flow")
    assert "1 filled, 5 already there" in answer.out and len(found) == 12


def test_one_mask_for_all(fill, pictures, helpers, tmp_path):
    folder, truths = pictures
    for mask in folder.rglob("*_mask.png"):
        mask.unlink()
    mask = helpers.write_hole(folder / "here.png", HOLE)  # among the pictures, and none of them
    photo(helpers, folder / "g.png")
    Image.open(folder / "g.png").crop((0, 0, WIDTH, HEIGHT - 1)).save(folder / "g.png")
    answer, found = fill("--mask", mask)
    assert answer.status == 1 and found == set(truths)
    assert len(failures(answer)) == 1 and "g.png" in failures(answer)[0]
    for name, truth in truths.items():
        filled = read(tmp_path / "out" / name)
        np.testing.assert_array_equal(filled[~HOLE], truth[~HOLE])
        assert (filled[HOLE] != truth[HOLE]).mean() > 0.5


def test_parallel_folders(fill, pictures, helpers, tmp_path):
    folder, truths = pictures
    masks = tmp_path / "masks"
    for name, mask in (("a", "a"), ("b", "b_mask"), ("c", "c_mask001"), ("d", "d_mask2"), ("sub/f", "sub/f")):
        helpers.write_hole(masks / f"{mask}.png", HOLE if name != "d" else ~HOLE)
    for mask in folder.rglob("*_mask.png"):
        mask.unlink()
    answer, found = fill("--maskdir", masks)
    assert answer.status == 0
    assert found == {"a.png", "b.png", "c_mask001.png", "d_mask2.png", "sub/f.png"}
    assert "1 without mask" in answer.out and str(folder / "e.png") in answer.err
    np.testing.assert_array_equal(read(tmp_path / "out" / "d_mask2.png")[HOLE], truths["d.png"][HOLE])


def test_the_same_as_alone(fill, pictures, model_files, done, tmp_path):
    """Whatever else is in the folder."""
    folder, truths = pictures
    options = ("--seed", 7, "--dilate", 2, "--feather", 1)
    fill(*options, model="flow")
    for name in truths:
        alone, mask = tmp_path / "alone.png", (folder / name).with_name(f"{name[-5]}_mask.png")
        files = ("--image", folder / name, "--mask", mask, "--output", alone)
        done("inpaint", "--model", model_files["flow"], *files, *options)
        np.testing.assert_array_equal(read(tmp_path / "out" / name), read(alone))


# JPEG and other formats -------------------------------------------------------------------------------------


def test_jpegs_stay_jpegs_and_say_so_once(fill, helpers, tmp_path):
    folder = tmp_path / "jpegs"
    for number, options in enumerate(({"quality": 60}, {"quality": 85, "subsampling": 0}, {"progressive": True})):
        photo(helpers, folder / f"p{number}.jpg", number, **options)
        helpers.write_hole(folder / f"p{number}_mask.png", HOLE)
    answer, found = fill(source=folder)
    assert answer.status == 0 and found == {"p0.jpg", "p1.jpg", "p2.jpg"}
    notes = [line for line in answer.err.splitlines() if "JPEG" in line]
    assert len(notes) == 1 and "3 pictures" in notes[0] and "--format exact" in notes[0]
    for name in found:
        with Image.open(folder / name) as before, Image.open(tmp_path / "out" / name) as after:
            assert after.quantization == before.quantization and after.layer == before.layer
            assert bool(after.info.get("progressive")) == bool(before.info.get("progressive"))
    fill("--quality", 30, source=folder, target="rough")
    expected = tmp_path / "expected.jpg"
    photo(helpers, expected, quality=30)
    for name in found:
        with Image.open(expected) as other, Image.open(tmp_path / "rough" / name) as after:
            assert after.quantization == other.quantization
            assert [part[1:3] for part in after.layer] == [part[1:3] for part in Image.open(folder / name).layer]


def test_formats(fill, helpers, tmp_path):
    folder = tmp_path / "mixed"
    truths = {}
    for number, name in enumerate(("a.jpg", "a.png", "b.jpeg", "c.webp", "d.TIFF", "e.PNG")):
        photo(helpers, folder / name, number, **({"lossless": True} if name == "c.webp" else {}))
        truths[name] = read(folder / name)
    mask = helpers.write_hole(tmp_path / "mask.png", HOLE)
    expected = {
        "keep": ["a.jpg", "a.png", "b.jpeg", "c.webp", "d.TIFF", "e.PNG"],
        "exact": ["a.jpg.png", "a.png", "b.png", "c.webp", "d.TIFF", "e.PNG"],
        "png": ["a.jpg.png", "a.png", "b.png", "c.png", "d.png", "e.PNG"],
        "tiff": ["a.jpg.tif", "a.png.tif", "b.tif", "c.tif", "d.TIFF", "e.tif"],
        "webp": ["a.jpg.webp", "a.png.webp", "b.webp", "c.webp", "d.webp", "e.webp"],
    }
    for kind, names in expected.items():
        answer, found = fill("--mask", mask, "--format", kind, source=folder, target=kind)
        assert answer.status == 0 and found == set(names)
        assert ("JPEG" in answer.err) == (kind == "keep")
        for source, name in zip(truths, names, strict=True):
            if kind != "keep" or not name.endswith(("jpg", "jpeg")):
                filled = read(tmp_path / kind / name)
                np.testing.assert_array_equal(filled[~HOLE], truths[source][~HOLE])
        assert "6 already there" in fill("--mask", mask, "--format", kind, source=folder, target=kind)[0].out


def test_like_remarks_are_one(fill, helpers, tmp_path):
    folder = tmp_path / "moving"
    for number in range(3):
        frames = [Image.fromarray(helpers.smooth(HEIGHT, WIDTH, 1, seed)[..., 0]) for seed in (number, 9)]
        folder.mkdir(exist_ok=True)
        frames[0].save(folder / f"p{number}.gif", save_all=True, append_images=frames[1:])
    mask = helpers.write_hole(tmp_path / "mask.png", ~np.zeros((HEIGHT, WIDTH), bool))
    answer, found = fill("--mask", mask, "--ignore-problems", source=folder)
    assert answer.status == 0 and len(found) == 3
    assert sum("2 frames: only the first" in line for line in answer.err.splitlines()) == 1
    assert sum("covers the whole picture" in line for line in answer.err.splitlines()) == 1
    assert answer.err.count("(and so for 2 more)") == 2


# Outpainting ------------------------------------------------------------------------------------------------


def test_expanding_a_folder_without_masks(fill, pictures, tmp_path):
    folder, truths = pictures
    for mask in (folder / "b_mask.png", folder / "c_mask.png"):
        mask.unlink()
    answer, found = fill("--expand", "4,0,50%,3")
    assert answer.status == 0 and found == set(truths)
    for name, truth in truths.items():
        grown = read(tmp_path / "out" / name)
        assert grown.shape == (HEIGHT + 3, WIDTH + 4 + 12, 3)
        inside = grown[:HEIGHT, 4 : 4 + WIDTH]
        np.testing.assert_array_equal(inside[~HOLE], truth[~HOLE])
        assert (inside[HOLE] == truth[HOLE]).all() == (name in ("b.png", "c.png"))
        assert len(np.unique(grown[:, 4 + WIDTH :])) > 2
    answer, _ = fill("--expand", "21,0,0,0", "--overwrite", "--limit", 1)
    assert answer.status == 0
    answer, _ = fill("--expand", "0,21,0,0", "--overwrite", "--limit", 2)
    assert answer.status == 1 and all("too many for a picture of 24x20" in line for line in failures(answer))


# What goes wrong besides ------------------------------------------------------------------------------------


def test_names_that_meet_and_places_that_are_taken(fill, pictures, helpers, tmp_path):
    folder, truths = pictures
    helpers.write_hole(folder / "a_mask.bmp", HOLE)  # two masks of one name
    shutil.copy(folder / "b.png", folder / "b.bmp")  # two pictures for one mask
    photo(helpers, folder / "c_mask1_mask.png")  # no mask of that name can have a picture: c_mask1 is a mask
    helpers.write_hole(folder / "c_mask1.png", HOLE)
    (tmp_path / "out" / "d.png").mkdir(parents=True)
    (folder / "e.png").unlink()
    (folder / "e.png").symlink_to(folder / "nothing.png")
    answer, found = fill()
    assert answer.status == 1 and found == {"c.png", "c_mask1.png", "sub/f.png"}
    said = failures(answer)
    for name, reason in {
        "a_mask.png": "same name but for the suffix",
        "a_mask.bmp": "same name but for the suffix",
        "b_mask.png": "more than one picture",
        "c_mask1_mask.png": "matches no picture",
        "d.png": "it is a folder",
        "e_mask.png": "e.png is a link to nothing",
        "e.png": "is a link that leads nowhere",
    }.items():
        assert any(name in line and reason in line for line in said), (name, said)
    assert len(said) == 7


def test_two_answers_for_one_name(fill, pictures, helpers, tmp_path):
    masks = tmp_path / "masks"
    helpers.write_hole(masks / "a.png", HOLE)
    helpers.write_hole(masks / "a_mask.png", HOLE)
    (pictures[0] / "a_mask.png").unlink()  # else a picture of the second mask's very name
    answer, found = fill("--maskdir", masks)
    assert answer.status == 1 and found == {"a.png"}
    assert len(failures(answer)) == 1 and "rename one of them" in failures(answer)[0]


def test_whatever_is_raised_is_a_reason(fill, monkeypatch):
    from latentinpaint.inpainter import Inpainter

    raised = iter(
        [MemoryError(), RuntimeError("DefaultCPUAllocator: not enough memory: you tried"), KeyError("a bug")]
    )
    fill_as_ever = Inpainter.fill

    def now_and_then(self, *arguments):
        error = next(raised, None)
        if error is not None:
            raise error
        return fill_as_ever(self, *arguments)

    monkeypatch.setattr(Inpainter, "fill", now_and_then)
    answer, found = fill()
    assert answer.status == 1 and len(found) == 3
    reasons = failures(answer)
    assert "not enough memory" in reasons[0] and "not enough memory" in reasons[1] and "KeyError" in reasons[2]


def test_a_full_disk_is_a_reason(fill, monkeypatch, tmp_path):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    answer, found = fill()
    assert answer.status == 1 and not found and all("No space left" in line for line in failures(answer))
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


WRONG = {
    "no limit": (["--limit", "0"], "--limit"),
    "no jobs": (["--jobs", "0"], "--jobs"),
    "quality": (["--quality", "101"], "--quality"),
    "quality without a jpeg": (["--quality", "80"], "none of the outputs"),
    "format": (["--format", "jxl"], "keep, exact, png, webp, tiff"),
    "expand": (["--expand", "1,2"], "--expand"),
    "feather": (["--dilate", "2", "--feather", "3"], "feather"),
    "dilate": (["--dilate=-2"], "dilate"),
    "two kinds of masks": (["--mask", "{in}/a_mask.png", "--maskdir", "{in}"], "not both"),
    "no such mask": (["--mask", "{in}/zebra.png"], "zebra.png"),
    "a mask that is a photo of nothing": (["--mask", "{in}/black.png"], "has no hole"),
    "a mask that is no picture": (["--mask", "{in}/text.png"], "text.png"),
    "a folder as mask": (["--mask", "{in}"], "--maskdir takes it"),
    "results among pictures": (["--outdir", "{in}/results"], "lies inside --indir"),
    "results among masks": (["--maskdir", "{in}/.."], "lies inside --maskdir"),
    "no such masks": (["--maskdir", "{in}/zebra"], "zebra"),
    "both ways": (["--image", "{in}/a.png"], "--indir and --outdir"),
}


@pytest.mark.parametrize("case", WRONG)
def test_options_that_cannot_be_used(case, helpers, fill, pictures):
    options, word = WRONG[case]
    helpers.write_hole(pictures[0] / "black.png", HOLE & False)
    (pictures[0] / "text.png").write_text("this is no picture")
    answer, found = fill(*(option.replace("{in}", str(pictures[0])) for option in options))
    assert answer.status == 2 and len(answer.complaints) == 1 and word in answer.complaints[0] and not found


@pytest.mark.parametrize("option", [("--limit", 1), ("--jobs", 2), ("--format", "png"), ("--maskdir", ".")])
def test_options_for_folders(option, pictures, model_files, command, tmp_path):
    files = ("--image", pictures[0] / "a.png", "--mask", pictures[0] / "a_mask.png", "--output", tmp_path / "o.png")
    answer = command("inpaint", "--model", model_files["ffc"], *files, *option)
    assert answer.status == 2 and f"{option[0]} is for folders" in answer.complaints[0]


def test_options_without_effect_are_warned_of(fill):
    answer, _ = fill("--steps", 4, "--num-samples", 2)
    assert answer.status == 0
    assert all(any(word in line for line in answer.err.splitlines()) for word in ("--steps has", "--num-samples:"))
    assert "warning" not in fill("--steps", 4, "--num-samples", 2, target="other", model="flow")[0].err


def test_a_model_that_draws_samples_in_one_pass_is_warned_of_steps_alone(
    fill, build_pipeline, model_files, monkeypatch, tmp_path
):
    from latentinpaint.weights import Model, save_model

    save_model(Model(build_pipeline("noise")), tmp_path / "noise.safetensors")
    monkeypatch.setitem(model_files, "noise", tmp_path / "noise.safetensors")
    answer, _ = fill("--steps", 4, "--num-samples", 2, "--limit", 1, model="noise")
    assert answer.status == 0 and "--steps has" in answer.err and "--num-samples:" not in answer.err


# Processes --------------------------------------------------------------------------------------------------


def test_processes_do_the_same_as_one(helpers, fill, pictures, tmp_path):
    folder, truths = pictures
    broken = break_in_ten_ways(helpers, folder)
    alone, _ = fill()
    answer, found = fill("--jobs", 2, target="shared")
    assert answer.status == 1 and found == set(truths) and "6 filled, 0 already there, 10 failed" in answer.out
    assert len(failures(answer)) == len(broken) and failures(answer) == failures(alone)
    for name in truths:
        np.testing.assert_array_equal(read(tmp_path / "shared" / name), read(tmp_path / "out" / name))


def test_ctrl_c(fill, monkeypatch, tmp_path):
    """In the middle of writing the third picture."""
    write, written = Path.write_bytes, []

    def interrupted(path, content):
        write(path, content)
        written.append(path)
        if len(written) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", interrupted)
    answer, found = fill()
    assert answer.status == 130 and answer.complaints[-1] == "latentinpaint inpaint: stopped"
    assert "2 filled" in answer.out and found == {"a.png", "b.png"}
    assert "4 filled, 2 already there" in fill()[0].out


def test_ctrl_c_with_processes(pictures, helpers, model_files, tmp_path):
    folder, _ = pictures
    for number in range(400):
        shutil.copy(folder / "a.png", folder / f"more{number}.png")
    mask = helpers.write_hole(tmp_path / "mask.png", HOLE)
    for path in folder.rglob("*_mask.png"):
        path.unlink()
    program = [sys.executable, "-m", "latentinpaint", "inpaint"]
    options = ["--model", model_files["ffc"], "--indir", folder, "--mask", mask, "--outdir", tmp_path / "out"]
    command = [*program, *map(str, options), "--jobs", "2"]
    # A pipe that holds few lines: on a busy machine the command would else be done before it is interrupted.
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "pipesize": 4096}
    with subprocess.Popen(command, **pipes, text=True, start_new_session=True) as process:
        for _ in range(5):
            process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and err.strip().splitlines()[-1] == "latentinpaint inpaint: stopped", err
    assert "Traceback" not in err
    there = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert 5 <= len(there) < 400 and not [path for path in there if path.name.startswith(".")]
    for path in there:
        assert read(path).shape == (HEIGHT, WIDTH, 3)
    counted = int(re.search(r"(\d+) filled", out)[1])
    assert counted <= len(there) <= counted + 2  # a process may have ended before it could say that it had finished
