"""`inpaint` as a person meets it: every answer is read back with plain Pillow or OpenCV."""

import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from latentinpaint import Inpainter
from latentinpaint.cli import main
from latentinpaint.cli.inpaint_tasks import parse_padding
from latentinpaint.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
HEIGHT, WIDTH = 50, 68


def disc(height, width):
    rows, columns = np.mgrid[:height, :width]
    return (rows / height - 0.5) ** 2 + (columns / width - 0.45) ** 2 < 0.06


def save(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path


def rgb(helpers, folder, height=HEIGHT, width=WIDTH):
    return save(folder / "in.png", helpers.smooth(height, width))


def odd_size(helpers, folder):
    return rgb(helpers, folder, 211, 317)


def rgba(helpers, folder):
    pixels = helpers.smooth(HEIGHT, WIDTH, 4)
    pixels[:, : WIDTH // 2, 3] = 0  # colours under zero alpha are there, and stay
    return save(folder / "in.png", pixels)


def grey(helpers, folder):
    return save(folder / "in.png", helpers.smooth(HEIGHT, WIDTH, 1)[..., 0])


def palette(helpers, folder):
    path = folder / "in.png"
    Image.fromarray(helpers.smooth(HEIGHT, WIDTH)).quantize(60).save(path)
    return path


def grey16(helpers, folder):
    values = helpers.smooth(HEIGHT, WIDTH, 1)[..., 0].astype(np.uint16) * 257
    return save(folder / "in.png", values + np.arange(WIDTH, dtype=np.uint16))


def colour16(helpers, folder):
    path = folder / "in.png"
    values = helpers.smooth(HEIGHT, WIDTH).astype(np.uint16) * 200 + np.arange(3, dtype=np.uint16)
    assert cv2.imwrite(str(path), values)
    return path


def jpeg(helpers, folder):
    return save(folder / "in.jpg", helpers.smooth(HEIGHT, WIDTH), quality=90)


def rotated_jpeg(helpers, folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    return save(folder / "in.jpg", helpers.smooth(HEIGHT, WIDTH), quality=90, exif=exif)


def truth_of(path):
    """The picture as Pillow shows it upright: samples, mode; 16-bit files by OpenCV."""
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
        samples, mode = np.asarray(upright), upright.mode
    deep = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return (deep, mode) if deep.dtype == np.uint16 else (samples, mode)


KINDS = (rgb, odd_size, rgba, grey, palette, grey16, colour16, jpeg, rotated_jpeg)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("model", ["ffc", "flow"])
def test_known_pixels_are_those_of_the_input(kind, model, helpers, model_files, done, tmp_path):
    source = kind(helpers, tmp_path)
    before, mode = truth_of(source)
    hole = disc(*before.shape[:2])
    mask = helpers.write_hole(tmp_path / "mask.png", hole)
    output = tmp_path / "new" / "out.png"
    done("inpaint", "--model", model_files[model], "--image", source, "--mask", mask, "--output", output)
    after, mode_after = truth_of(output)
    assert (mode_after, after.dtype, after.shape) == (mode, before.dtype, before.shape)
    assert np.array_equal(after[~hole], before[~hole])
    if mode == "P":  # the meaning of the indices is kept as well
        colours = [np.asarray(Image.open(path).convert("RGB")) for path in (source, output)]
        assert np.array_equal(colours[1][~hole], colours[0][~hole])
        assert (colours[1][hole] != colours[0][hole]).any()
    if mode == "RGBA":
        assert after[..., 3].min() == before[..., 3].min() and after[..., 3].max() <= before[..., 3].max()
    assert (after[hole] != before[hole]).mean() > 0.3
    assert Image.open(output).getexif().get(0x0112, 1) == 1
    assert [path.name for path in output.parent.iterdir()] == ["out.png"]


@pytest.fixture
def photo(helpers, tmp_path):
    return rgb(helpers, tmp_path)


@pytest.fixture
def mask(helpers, tmp_path):
    return helpers.write_hole(tmp_path / "mask.png", disc(HEIGHT, WIDTH))


def one_pixel():
    hole = np.zeros((HEIGHT, WIDTH), bool)
    hole[20, 31] = True
    return hole


def border():
    hole = np.zeros((HEIGHT, WIDTH), bool)
    hole[:, :9] = hole[-5:] = True
    return hole


@pytest.mark.parametrize(
    "hole", [np.ones((HEIGHT, WIDTH), bool), one_pixel(), border()], ids=["all", "one", "border"]
)
@pytest.mark.parametrize("model", ["ffc", "flow"])
def test_unusual_holes(hole, model, helpers, photo, model_files, done, tmp_path):
    where = helpers.write_hole(tmp_path / "mask.png", hole)
    output = tmp_path / "out.png"
    options = ("--ignore-problems",) if hole.all() else ()
    done("inpaint", "--model", model_files[model], "--image", photo, "--mask", where, "--output", output, *options)
    before, after = np.asarray(Image.open(photo)), np.asarray(Image.open(output))
    assert np.array_equal(after[~hole], before[~hole])
    assert (after[hole] != before[hole]).any()


def test_the_hole_content_has_no_influence(helpers, photo, mask, lively_flow, done, tmp_path):
    other = np.asarray(Image.open(photo)).copy()
    other[disc(HEIGHT, WIDTH)] = (255, 0, 255)
    save(tmp_path / "other.png", other)
    for name, source in (("a.png", photo), ("b.png", tmp_path / "other.png")):
        done(
            *("inpaint", "--model", lively_flow, "--image", source),
            *("--mask", mask, "--output", tmp_path / name),
        )
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), np.asarray(Image.open(tmp_path / "b.png")))


@pytest.fixture
def fill(photo, mask, model_files, lively_flow, done, tmp_path):
    """Fill the photo with more options; answers the pixels written."""
    models = {"ffc": model_files["ffc"], "flow": lively_flow}

    def call(*options, model="flow", hole=None):
        output = tmp_path / "filled.png"
        done(
            *("inpaint", "--model", models[model], "--image", photo),
            *("--mask", hole or mask, "--output", output, *options),
        )
        return np.asarray(Image.open(output))

    return call


def test_samples_of_a_flow(photo, mask, lively_flow, done, tmp_path):
    hole = disc(HEIGHT, WIDTH)
    options = ("inpaint", "--model", lively_flow, "--image", photo, "--mask", mask)
    done(*options, "--output", tmp_path / "s" / "out.png", "--num-samples", 3)
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == ["out_1.png", "out_2.png", "out_3.png"]
    before = np.asarray(Image.open(photo))
    samples = [np.asarray(Image.open(tmp_path / "s" / f"out_{k}.png")) for k in (1, 2, 3)]
    for sample in samples:
        assert np.array_equal(sample[~hole], before[~hole])
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert (samples[a] != samples[b]).any()
    done(*options, "--output", tmp_path / "one.png")
    # Sample 1 is the same alone, up to the last float bits that a batch of one and of three compute differently.
    one = np.asarray(Image.open(tmp_path / "one.png")).astype(int)
    assert np.abs(one - samples[0]).max() <= 1 and (one != samples[0]).mean() < 0.01


def test_samples_of_the_deterministic_refiner_are_equal(photo, mask, model_files, done, tmp_path):
    done(
        *("inpaint", "--model", model_files["ffc"], "--image", photo, "--mask", mask),
        *("--output", tmp_path / "out.png", "--num-samples", 2),
    )
    assert (tmp_path / "out_1.png").read_bytes() == (tmp_path / "out_2.png").read_bytes()


def test_seeds(fill):
    assert np.array_equal(fill("--seed", 5), fill("--seed", 5))
    assert (fill("--seed", 5) != fill("--seed", 6)).any()


def test_steps_change_a_flow_and_not_the_single_pass(fill):
    assert (fill("--steps", 1) != fill("--steps", 6)).any()
    assert np.array_equal(fill(), fill("--steps", 3))  # the fixture's own number
    assert np.array_equal(fill("--steps", 1, model="ffc"), fill("--steps", 6, model="ffc"))


def test_a_lower_precision(fill, photo, mask, model_files, command, tmp_path):
    plain, low = (fill(*option, model="ffc") for option in ((), ("--precision", "bfloat16")))
    hole = disc(HEIGHT, WIDTH)
    apart = np.abs(plain.astype(int) - low)
    assert not apart[~hole].any() and 0 < apart[hole].mean() < 1.5  # of 255
    done = command(
        *("inpaint", "--model", model_files["ffc"], "--image", photo, "--mask", mask),
        *("--output", tmp_path / "out.png", "--precision", "half"),
    )
    assert done.status == 2 and "float32, bfloat16" in done.err
    assert not (tmp_path / "out.png").exists()


def test_inverted_mask(fill, helpers, photo, tmp_path):
    black_hole = helpers.write_hole(tmp_path / "black.png", ~disc(HEIGHT, WIDTH))
    plain = fill()
    for option in (("--invert-mask",), ("--invert_mask", "true")):
        assert np.array_equal(fill(*option, hole=black_hole), plain)
    assert (fill(hole=black_hole) != plain).any()
    assert (fill("--invert-mask", "false", hole=black_hole) != plain).any()


def test_hyphen_and_underscore_spellings(photo, mask, model_files, done, tmp_path):
    for first, number in (("--num-samples", "2"), ("--num_samples=2", None)):
        options = [first] if number is None else [first, number]
        output = tmp_path / f"{first[5]}.png"
        done(
            *(None, "inpaint", f"--model={model_files['flow']}", "--image", photo),
            *("--mask", mask, "--output", output, *options),
        )
        assert output.with_name(f"{first[5]}_2.png").is_file()


def test_folder_with_lamas_names(helpers, model_files, done, tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    (source / "sub").mkdir(parents=True)
    pixels = {name: helpers.smooth(HEIGHT, WIDTH, seed=seed) for seed, name in enumerate("abcd")}
    save(source / "a.png", pixels["a"])
    save(source / "sub" / "b.jpg", pixels["b"], quality=90)
    save(source / "c.webp", pixels["c"], lossless=True)
    save(source / "d.BMP", pixels["d"])
    save(source / "alone.png", pixels["a"])  # no mask, no answer
    holes = {
        "a_mask001": one_pixel(),
        "a_mask002": disc(HEIGHT, WIDTH),
        "sub/b_mask": border(),
        "c_mask001": disc(HEIGHT, WIDTH),
        "d_mask7": border(),
    }
    for name, hole in holes.items():
        helpers.write_hole(source / f"{name}.png", hole)
    before = {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}
    options = ("--indir", source, "--outdir", target, "--format", "exact")
    answer = done("inpaint", "--model", model_files["ffc"], *options)
    written = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert written == {"a_mask001.png", "a_mask002.png", "sub/b.png", "c_mask001.webp", "d_mask7.BMP"}
    assert "5/5" in answer.out and "5 filled, 0 already there, 0 failed, 1 without mask" in answer.out
    assert "alone.png" in answer.err
    sources = {"a": "a.png", "sub/b": "sub/b.jpg", "c": "c.webp", "d": "d.BMP"}
    for name in written:
        stem = name.rsplit(".", 1)[0]
        hole = holes[stem if "_mask" in stem else f"{stem}_mask"]
        truth = np.asarray(Image.open(source / sources[stem.split("_")[0]]))
        filled = np.asarray(Image.open(target / name))
        assert np.array_equal(filled[~hole], truth[~hole]), name
        assert (filled[hole] != truth[hole]).any(), name
    assert {path: path.read_bytes() for path in source.rglob("*") if path.is_file()} == before


def test_a_mask_of_everything_is_refused_unless_it_is_insisted_on(photo, model_files, command, done, tmp_path):
    everything = save(tmp_path / "everything.png", np.full((HEIGHT, WIDTH), 255, np.uint8))
    output = tmp_path / "out.png"
    options = ("inpaint", "--model", model_files["ffc"], "--image", photo, "--mask", everything, "--output", output)
    refused = command(*options)
    assert refused.status == 2 and "everything.png" in refused.err and not output.exists()
    assert "give --invert-mask if the hole is black" in refused.err and "--ignore-problems" in refused.err
    answer = done(*options, "--ignore-problems")
    assert answer.err.startswith("warning:") and "everything.png" in answer.err and output.exists()


def test_a_jpeg_answer_says_that_it_cannot_keep_pixels(photo, mask, model_files, done, tmp_path):
    output = tmp_path / "out.jpg"
    answer = done("inpaint", "--model", model_files["ffc"], "--image", photo, "--mask", mask, "--output", output)
    assert answer.err.startswith("note:") and "JPEG" in answer.err
    with Image.open(output) as image:
        assert (image.format, image.size) == ("JPEG", (WIDTH, HEIGHT))


def test_the_quality_of_a_jpeg_answer(photo, mask, model_files, done, command, tmp_path):
    """As Pillow writes that quality, without chroma subsampling, since a PNG has none."""
    options = ("inpaint", "--model", model_files["ffc"], "--image", photo, "--mask", mask, "--quality", 35)
    done(*options, "--output", tmp_path / "out.jpg")
    Image.open(photo).save(tmp_path / "other.jpg", quality=35)
    with Image.open(tmp_path / "out.jpg") as image, Image.open(tmp_path / "other.jpg") as other:
        assert image.quantization == other.quantization
        assert [part[1:3] for part in image.layer] == [(1, 1)] * 3
    answer = command(*options, "--output", tmp_path / "out.png")
    assert answer.status == 2 and "--quality is for JPEG" in answer.complaints[0]


def test_expanding(photo, mask, model_files, done, tmp_path):
    before, hole = np.asarray(Image.open(photo)), disc(HEIGHT, WIDTH)
    files = ("inpaint", "--model", model_files["ffc"], "--image", photo, "--expand", "6,10%,0,0")
    for more in ((), ("--mask", mask)):
        done(*files, "--output", tmp_path / "out.png", *more)
        grown = np.asarray(Image.open(tmp_path / "out.png"))
        assert grown.shape == (HEIGHT + 5, WIDTH + 6, 3)
        known = ~hole if more else np.ones_like(hole)
        assert np.array_equal(grown[5:, 6:][known], before[known])
        assert (grown[5:, 6:][hole] != before[hole]).any() == bool(more)
        assert len(np.unique(grown[:5])) > 2


def test_dilating_and_feathering(fill, helpers, tmp_path):
    """A wider hole is what OpenCV dilates; the ring in between is between fill and picture."""
    hole = disc(HEIGHT, WIDTH)
    away = cv2.distanceTransform((~hole).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    wide = helpers.write_hole(tmp_path / "wide.png", away <= 4)
    dilated = fill("--dilate", 4, model="ffc")
    assert np.array_equal(dilated, fill(hole=wide, model="ffc"))
    soft = fill("--dilate", 4, "--feather", 3, model="ffc")
    before = np.asarray(Image.open(tmp_path / "in.png"))
    assert np.array_equal(soft[away > 4], before[away > 4]) and np.array_equal(soft[away <= 1], dilated[away <= 1])
    ring = (away > 1) & (away <= 4)
    low, high = np.minimum(before, dilated).astype(int) - 1, np.maximum(before, dilated).astype(int) + 1
    assert ((low <= soft) & (soft <= high))[ring].all() and (soft != dilated)[ring].mean() > 0.5


@pytest.mark.parametrize(
    "program",
    [
        [sys.executable, str(ROOT / "tools" / "inpaint.py")],
        [str(Path(sys.executable).with_name("latentinpaint")), "inpaint"],
    ],
    ids=["tool", "console-script"],
)
def test_entry_points(program, photo, mask, model_files, fill, tmp_path):
    output = tmp_path / "sub" / "out.png"
    options = ["--model", model_files["ffc"], "--image", photo, "--mask", mask, "--output", output]
    good = subprocess.run([*program, *map(str, options)], capture_output=True, text=True, cwd=tmp_path)
    assert (good.returncode, good.stderr) == (0, "")
    assert np.array_equal(np.asarray(Image.open(output)), fill(model="ffc"))
    options[3] = "absent.png"
    bad = subprocess.run([*program, *map(str, options)], capture_output=True, text=True, cwd=tmp_path)
    assert bad.returncode == 2
    assert len(bad.stderr.splitlines()) == 1 and "absent.png" in bad.stderr


def test_results_inside_the_input_folder_are_refused(helpers, photo, mask, model_files, command, tmp_path):
    """Results carry their masks' names: they would overwrite them, or be taken for masks the next time."""
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(photo, folder / "a.png")
    shutil.copy(mask, folder / "a_mask001.png")
    before = (folder / "a_mask001.png").read_bytes()
    for target in (folder, folder / "out"):
        answer = command("inpaint", "--model", model_files["ffc"], "--indir", folder, "--outdir", target)
        assert answer.status == 2 and "inside --indir" in answer.complaints[0]
    assert (folder / "a_mask001.png").read_bytes() == before and not (folder / "out").exists()


@pytest.mark.parametrize("mode", ["F", "I"])
def test_the_hole_content_does_not_decide_the_scale(mode, helpers, model_files, done, tmp_path):
    """Floats and 32-bit integers have no full scale of their own."""
    hole = disc(HEIGHT, WIDTH)
    helpers.write_hole(tmp_path / "mask.png", hole)
    grey = helpers.smooth(HEIGHT, WIDTH)[..., 0]
    known = grey / np.float32(255) if mode == "F" else grey.astype(np.int32)
    fills = []
    for index, content in enumerate((known[0, 0], 200 if mode == "F" else 70_000)):
        source, target = tmp_path / f"in{index}.tif", tmp_path / f"out{index}.tif"
        Image.fromarray(np.where(hole, content, known).astype(known.dtype)).save(source)
        done(
            "inpaint",
            "--model",
            model_files["ffc"],
            "--image",
            source,
            "--mask",
            tmp_path / "mask.png",
            "--output",
            target,
        )
        fills.append(np.asarray(Image.open(target)))
    assert np.array_equal(*fills)
    assert np.array_equal(fills[0][~hole], known[~hole])


# Large pictures -------------------------------------------------------------------------------------------


def large_job(helpers, folder):
    """A picture of 300x400 pixels with a hole in a corner: files, samples, hole."""
    pixels = helpers.smooth(400, 300)
    hole = np.zeros((400, 300), bool)
    hole[20:60, 30:50] = True
    save(folder / "in.png", pixels)
    return helpers.write_hole(folder / "mask.png", hole), pixels, hole


def test_refining(done, helpers, model_files, tmp_path):
    mask, pixels, hole = large_job(helpers, tmp_path)
    files = ["--model", model_files["ffc"], "--image", tmp_path / "in.png", "--mask", mask]
    fills = []
    for name, options in {
        "plain": ["--crop", "off"],
        "refined": ["--crop", "off", "--refine", "--refine-iterations", "2"],
        "scarce": ["--crop", "off", "--refine", "--memory", "0.001"],
    }.items():
        said = done("inpaint", *files, "--output", tmp_path / f"{name}.png", *options).err
        assert ("refining at 300x400 pixels, scale 2 of 2, 2 iterations" in said) == (name == "refined")
        assert ("0.0 GiB are allowed: filled at 256x341" in said) == (name == "scarce")
        fills.append(np.asarray(Image.open(tmp_path / f"{name}.png")))
        np.testing.assert_array_equal(fills[-1][~hole], pixels[~hole])
    assert all((one[hole] != other[hole]).any() for one, other in zip(fills, fills[1:] + fills[:1], strict=True))


def test_cropping(done, helpers, model_files, tmp_path):
    mask, pixels, hole = large_job(helpers, tmp_path)
    files = ["--model", model_files["ffc"], "--image", tmp_path / "in.png", "--mask", mask]
    fills = {}
    for crop in ("off", "auto", "24"):
        done("inpaint", *files, "--output", tmp_path / f"{crop}.png", "--crop", crop)
        fills[crop] = np.asarray(Image.open(tmp_path / f"{crop}.png"))
        np.testing.assert_array_equal(fills[crop][~hole], pixels[~hole])
    assert (fills["24"][hole] != fills["off"][hole]).any()


WRONG_OPTIONS = {
    "memory without refining": ["--memory", "1"],
    "iterations without refining": ["--refine-iterations", "3"],
    "no iterations": ["--refine", "--refine-iterations", "0"],
    "no memory": ["--refine", "--memory", "0"],
    "an unknown crop": ["--crop", "tight"],
    "less than no context": ["--crop=-3"],
}


@pytest.mark.parametrize("wrong", WRONG_OPTIONS)
def test_wrong_options_for_large_pictures(command, helpers, model_files, tmp_path, wrong):
    mask, _, _ = large_job(helpers, tmp_path)
    files = ["--model", model_files["ffc"], "--image", tmp_path / "in.png", "--mask", mask]
    said = command("inpaint", *files, "--output", tmp_path / "out.png", *WRONG_OPTIONS[wrong])
    assert said.status == 2 and len(said.complaints) == 1 and not (tmp_path / "out.png").exists()


# What --expand names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("1,2,3,4", (1, 2, 3, 4)),
        ("7", (7, 7, 7, 7)),
        ("10%", ("10%", "10%", "10%", "10%")),
        (" 0, 12.5% ,0,100% ", (0, "12.5%", 0, "100%")),
    ],
)
def test_padding_of_a_text(text, sides):
    assert parse_padding(text) == sides


@pytest.mark.parametrize("text", ["", "1,2", "1,2,3,4,5", "a", "-3", "1,,2,3", "1px", "10%%", "1.5"])
def test_texts_that_name_no_padding(text):
    with pytest.raises(InputError, match="--expand"):
        parse_padding(text)


def test_uncertainty_as_a_file_of_sixteen_bits(tmp_path, model_files, capsys):
    """Of a flow the spread of the samples that are written; a model without any says so, and writes nothing."""
    photo = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)
    hole = np.zeros((40, 48), np.uint8)
    hole[10:20, 8:30] = 255
    Image.fromarray(photo).save(tmp_path / "photo.png")
    Image.fromarray(hole).save(tmp_path / "mask.png")
    words = ["--image", tmp_path / "photo.png", "--mask", tmp_path / "mask.png", "--output", tmp_path / "filled.png"]

    def run(*more):
        with pytest.raises(SystemExit) as end:
            main("inpaint", [*map(str, words), *map(str, more)])
        return end.value.code

    path = tmp_path / "uncertainty.png"
    assert run("--model", model_files["flow"], "--uncertainty", path, "--seed", 3, "--num-samples", 9) == 0
    levels = np.asarray(Image.open(path))
    flow = Inpainter.from_pretrained(model_files["flow"], "cpu")
    expected = flow.uncertainty(photo, hole, 9, seed=3) * 16384
    assert levels.dtype == np.uint16 and levels.max() > 0
    np.testing.assert_allclose(levels, expected, atol=0.6)
    path.unlink()
    (tmp_path / "filled.png").unlink(missing_ok=True)
    assert run("--model", model_files["ffc"], "--uncertainty", path) == 2
    assert run("--model", model_files["flow"], "--uncertainty", tmp_path / "u.jpg") == 2
    assert "does not predict its error" in capsys.readouterr().err
    assert not path.exists() and not (tmp_path / "filled.png").exists()


def test_a_model_of_the_hub(photo, mask, model_files, hub, command, fill, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret_of_a_reader")
    first = hub.commit("org/name", {"model.safetensors": model_files["ffc"].read_bytes()})
    hub.commit("org/name", {"model.safetensors": model_files["flow"].read_bytes()})
    words = ("--image", photo, "--mask", mask, "--output", tmp_path / "out.png")
    assert command("inpaint", "--model", f"org/name@{first}", *words).status == 0
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")), fill(model="ffc"))
    answer = command("inpaint", "--model", "org/nothing", *words)
    assert answer.status == 2 and len(answer.complaints) == 1 and "no file or folder org/nothing" in answer.err
    assert "secret" not in answer.out + answer.err
