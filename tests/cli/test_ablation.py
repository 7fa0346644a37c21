"""The ablation as a command: what it trains, that it goes on, and the table's arithmetic."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentinpaint.cli import ablation
from latentinpaint.evaluation.summary import Row
from latentinpaint.experiments.ablation_table import Variant, difference, markdown
from latentinpaint.weights import read_header

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "ablation"


@pytest.fixture
def photos(helpers, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no_torch_home"))
    for kind, count in (("train", 3), ("val", 5)):
        (tmp_path / kind).mkdir()
        for seed in range(count):
            picture = Image.fromarray(helpers.smooth(48, 64, seed=seed))
            picture.save(tmp_path / kind / f"{seed}.png")
    return tmp_path


@pytest.fixture
def run(command, photos, model_files):
    def call(*options):
        return command(
            *("ablation", "--root", photos / "train", "--val-root", photos / "val", "--output", photos / "out"),
            *("--configs", CONFIGS, "--size", 32, "--steps", 2, "--jobs", 2, "--time-rounds", 1),
            *("--autoencoder", model_files["autoencoder"], "--precision", "32-true", *options),
        )

    return call


def test_it_trains_judges_and_goes_on(run, photos, model_files):
    answer = run("--only", "1_pixel_alpha,4_latent_control", "--seeds", "0")
    assert answer.status == 0, answer.err
    out, other = photos / "out", model_files["other"]
    models = sorted(path.relative_to(out).as_posix() for path in out.rglob("model.safetensors"))
    assert models == ["runs/1_pixel_alpha/seed0/model.safetensors", "runs/4_latent_control/seed0/model.safetensors"]
    crops = sorted((out / "judged-thick" / "pictures").iterdir())
    assert [path.name for path in crops] == [f"{n}.png" for n in range(5)]
    assert Image.open(crops[0]).size == (32, 32)
    numbers = json.loads((out / "ablation.json").read_text())
    assert set(numbers) == {"1_pixel_alpha", "4_latent_control"}
    report = json.loads((out / "report" / "metrics.json").read_text())
    assert list(report["methods"]) == ["telea", "1_pixel_alpha, seed 0", "4_latent_control, seed 0"]
    assert report["reference"] == "1_pixel_alpha, seed 0"
    for name, found in numbers.items():
        mean = report["methods"][f"{name}, seed 0"]["mean"]["psnr_hole"]
        assert found["means_of_seeds"]["psnr_hole"] == [pytest.approx(mean)] and found["step_seconds"] > 0
    table = (out / "ablation.md").read_text()
    assert "| 1_pixel_alpha | 1.00 |" in table and "| 0.72 | 12.4 | 0.149 | 0.888 |" in table
    # With another seed, only that is trained; longer, from where the others stopped.
    before = (out / models[0]).stat().st_mtime_ns
    assert run("--only", "1_pixel_alpha", "--seeds", "0,1").status == 0
    assert (out / models[0]).stat().st_mtime_ns == before
    assert (out / "runs/1_pixel_alpha/seed1/model.safetensors").is_file()
    assert run("--only", "1_pixel_alpha", "--seeds", "0", "--steps", 3).status == 0
    assert read_header(out / "runs/1_pixel_alpha/seed0")["recipe"]["steps"] == 3
    answer = run("--only", "1_pixel_alpha", "--seeds", "0")
    assert answer.status == 2 and "was trained with 3 steps" in answer.complaints[-1]
    for options, word in ((("--size", 40), "another size"), (("--autoencoder", other), "another autoencoder")):
        answer = run("--only", "1_pixel_alpha", "--seeds", "0", *options)
        assert answer.status == 2 and word in answer.complaints[-1]


def test_a_failure_names_its_log(run, photos, tmp_path):
    (tmp_path / "configs").mkdir()
    shutil.copy(CONFIGS / "2_pixel_control.yaml", tmp_path / "configs")
    wrong = (CONFIGS / "4_latent_control.yaml").read_text().replace("blocks: 9", "blocks: -1")
    (tmp_path / "configs" / "4_latent_control.yaml").write_text(wrong)
    answer = run("--configs", tmp_path / "configs", "--seeds", "0")
    assert answer.status == 2
    assert (
        "4_latent_control, seed 0" in answer.complaints[-1] and "4_latent_control_seed0.log" in answer.complaints[-1]
    )
    assert (photos / "out/runs/2_pixel_control/seed0/model.safetensors").is_file()  # the others are trained
    assert "below 0" in (photos / "out/logs/4_latent_control_seed0.log").read_text()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--only", "9_nothing"), "9_nothing"),
        (("--seeds", "one"), "--seeds"),
        (("--steps", "0"), "--steps"),
        (("--configs", "nowhere"), "nowhere"),
        (("--time-rounds", "-1"), "--time-rounds"),
        (("--mask-preset", "fat"), "fat"),
    ],
)
def test_mistakes_are_one_sentence(options, word, run, photos):
    answer = run(*options)
    assert answer.status == 2 and len(answer.complaints) == 1 and word in answer.complaints[0]
    assert not (photos / "out" / "runs").exists()


def test_its_own_autoencoder_is_trained_first(photos, command):
    answer = command(
        *("ablation", "--root", photos / "train", "--val-root", photos / "val", "--output", photos / "out"),
        *("--configs", CONFIGS, "--size", 32, "--steps", 1, "--autoencoder-steps", 2, "--time-rounds", 0),
        *("--only", "2_pixel_control", "--seeds", 0, "--jobs", 1, "--precision", "32-true"),
    )
    assert answer.status == 0, answer.err
    header = read_header(photos / "out" / "autoencoder")
    assert header["recipe"]["steps"] == 2 and header["autoencoder"]["arguments"]["base_channels"] == 8
    trained = read_header(photos / "out/runs/2_pixel_control/seed0")
    assert trained["autoencoder"]["fingerprint"] == header["autoencoder"]["fingerprint"]


# --- the table --------------------------------------------------------------------------------------------


def variant(name, *seeds, distance=1.0):
    count = len(seeds[0])
    rows = [
        Row(f"{name} {n}", name, name, "sample", [str(g) for g in range(count)], {"psnr_hole": list(values)},
            [1.0] * count, [1.0] * count, [1.0] * count, {})
        for n, values in enumerate(seeds)
    ]  # fmt: skip
    return Variant(name, rows, 0.5, {"FD(x)": [distance] * len(seeds)})


def test_a_variant_is_its_seeds_averaged_case_by_case():
    one = variant("1_pixel_alpha", [10.0, 20.0, 30.0] * 3, [12.0, 18.0, 30.0] * 3)
    other = variant("4_latent_control", [12.0, 20.0, 31.0] * 3, [12.0, 22.0, 31.0] * 3)
    assert one.of_cases("psnr_hole").tolist() == [11.0, 19.0, 30.0] * 3
    found = difference(other, one, "psnr_hole", True)
    assert found.mean.value == pytest.approx(np.mean([1.0, 2.0, 1.0])) and found.better == 9
    assert 1.0 <= found.mean.low <= found.mean.high <= 2.0


def test_every_variant_that_is_shipped_has_its_place():
    """The pairs and published figures name configurations that are there."""
    from latentinpaint.experiments.ablation_table import PAIRS, PUBLISHED

    there = {path.stem for path in CONFIGS.glob("*.yaml")} - {ablation.AUTOENCODER}
    assert set(PUBLISHED) <= there and {name for pair in PAIRS for name in pair} == there
    assert round(PUBLISHED["2_pixel_control"].time, 2) == 1.07 and round(PUBLISHED["3_latent_alpha"].time, 2) == 0.67


def test_the_table_is_markdown(monkeypatch):
    from latentinpaint.experiments import ablation_table

    values = [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
    made = [variant("1_pixel_alpha", values), variant("4_latent_control", [v + 1 for v in values])]
    for v in made:
        for row in v.rows:
            row.figures |= {"ssim": values, "ssim_hole": values}
    table = markdown(made, None)
    assert "LPIPS" not in table.replace("published LPIPS", "")
    for block in table.strip().split("\n\n"):
        widths = {line.count("|") for line in block.splitlines()}
        assert len(widths) == 1
    assert "| 4_latent_control less 1_pixel_alpha |" in table and "+1.00 [+1.00, +1.00]" in table
    assert ablation_table.PUBLISHED["1_pixel_alpha"].fid == 16.6
