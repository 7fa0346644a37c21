"""The ablation as a command: what it trains, and that it resumes."""

import json
import shutil
from contextlib import redirect_stderr, redirect_stdout

import pytest
from PIL import Image

from latentinpaint.cli import main
from latentinpaint.experiments import queue
from latentinpaint.training.recipe_files import CONFIGS
from latentinpaint.weights import read_header

ABLATION = CONFIGS / "ablation"


@pytest.fixture
def photos(helpers, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no_torch_home"))
    for kind, count in (("train", 3), ("val", 5)):
        (tmp_path / kind).mkdir()
        for seed in range(count):
            picture = Image.fromarray(helpers.smooth(48, 64, seed=seed))
            picture.save(tmp_path / kind / f"{seed}.png")
    return tmp_path


class InThisProcess:
    """In place of `subprocess.Popen`: runs a training command at once, without the seconds that a process takes."""

    def __init__(self, program, stdout, stderr, env):
        _, *start, task = program[:4]
        assert tuple(start) == queue.PROGRAM
        with redirect_stdout(stdout), redirect_stderr(stdout), pytest.raises(SystemExit) as ending:
            main(task, program[4:])
        self.returncode = ending.value.code or 0

    def poll(self):
        return self.returncode


@pytest.fixture
def in_this_process(monkeypatch):
    monkeypatch.setattr(queue.subprocess, "Popen", InThisProcess)
    monkeypatch.setattr(queue, "POLL_SECONDS", 0)


@pytest.fixture
def run(command, photos, model_files):
    def call(*options):
        return command(
            *("ablation", "--root", photos / "train", "--val-root", photos / "val", "--output", photos / "out"),
            *("--configs", ABLATION, "--size", 32, "--steps", 2, "--jobs", 2, "--time-rounds", 1),
            *("--autoencoder", model_files["autoencoder"], "--precision", "32-true", *options),
        )

    return call


@pytest.mark.usefixtures("in_this_process")
def test_it_trains_evaluates_and_resumes(run, photos, model_files):
    result = run("--only", "1_pixel_alpha,4_latent_control", "--seeds", "0")
    assert result.status == 0, result.err
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
    result = run("--only", "1_pixel_alpha", "--seeds", "0")
    assert result.status == 2 and "was trained with 3 steps" in result.complaints[-1]
    for options, word in ((("--size", 40), "another size"), (("--autoencoder", other), "another autoencoder")):
        result = run("--only", "1_pixel_alpha", "--seeds", "0", *options)
        assert result.status == 2 and word in result.complaints[-1]


def test_a_failure_names_its_log(run, photos, tmp_path):
    (tmp_path / "configs").mkdir()
    shutil.copy(ABLATION / "2_pixel_control.yaml", tmp_path / "configs")
    wrong = (ABLATION / "4_latent_control.yaml").read_text().replace("blocks: 9", "blocks: -1")
    (tmp_path / "configs" / "4_latent_control.yaml").write_text(wrong)
    result = run("--configs", tmp_path / "configs", "--seeds", "0")
    assert result.status == 2
    assert (
        "4_latent_control, seed 0" in result.complaints[-1] and "4_latent_control_seed0.log" in result.complaints[-1]
    )
    assert (photos / "out/runs/2_pixel_control/seed0/model.safetensors").is_file()  # the others are trained
    assert "blocks starts at 0" in (photos / "out/logs/4_latent_control_seed0.log").read_text()


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
    result = run(*options)
    assert result.status == 2 and len(result.complaints) == 1 and word in result.complaints[0]
    assert not (photos / "out" / "runs").exists()


@pytest.mark.usefixtures("in_this_process")
def test_its_own_autoencoder_is_trained_first(photos, command):
    result = command(
        *("ablation", "--root", photos / "train", "--val-root", photos / "val", "--output", photos / "out"),
        *("--configs", ABLATION, "--size", 32, "--steps", 1, "--autoencoder-steps", 2, "--time-rounds", 0),
        *("--only", "2_pixel_control", "--seeds", 0, "--jobs", 1, "--precision", "32-true"),
    )
    assert result.status == 0, result.err
    header = read_header(photos / "out" / "autoencoder")
    assert header["recipe"]["steps"] == 2 and header["autoencoder"]["arguments"]["base_channels"] == 8
    trained = read_header(photos / "out/runs/2_pixel_control/seed0")
    assert trained["autoencoder"]["fingerprint"] == header["autoencoder"]["fingerprint"]
