"""Commands with --device: they end well and write what they are asked for."""

import json

import numpy as np
import pytest
from PIL import Image
from small_prior import save_priors, write_pictures

from latentinpaint.cli import main

pytestmark = pytest.mark.gpu


def done(name, *arguments):
    """Run a command that has to succeed."""
    with pytest.raises(SystemExit) as ending:
        main(name, [str(argument) for argument in arguments])
    assert not ending.value.code


@pytest.fixture
def priors(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "none"))
    return save_priors(tmp_path / "priors")


def test_inpaint_a_folder(device, helpers, model_files, tmp_path):
    photos = helpers.write_photos(tmp_path / "photos", ("a.png", "b.png"))
    hole = np.zeros((48, 64), bool)
    hole[10:30, 20:44] = True
    for name in ("a.png", "b.png"):
        helpers.write_hole(tmp_path / "masks" / name, hole)
    folders = ("--indir", photos, "--maskdir", tmp_path / "masks", "--outdir", tmp_path / "filled")
    done("inpaint", *folders, "--model", model_files["flow"], "--device", device)
    for name in ("a.png", "b.png"):
        before, after = (np.asarray(Image.open(folder / name)) for folder in (photos, tmp_path / "filled"))
        assert (after[~hole] == before[~hole]).all() and (after[hole] != before[hole]).any()


def test_benchmark_with_the_memory_of_the_card(device, helpers, model_files, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "none"))
    photos = helpers.write_photos(tmp_path / "photos", ("a.png", "b.png"))
    methods = f"telea,flow={model_files['flow']}"
    done("benchmark", "--images", photos, "--output", tmp_path / "out", "--methods", methods, "--device", device)
    report = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert list(report["methods"]) == ["telea", "flow"]
    assert report["methods"]["flow"]["megabytes_median"] > 0 and report["methods"]["flow"]["seconds_median"] > 0


def test_restore(device, priors, tmp_path):
    images = write_pictures(tmp_path / "images", 3)
    plain = ("--jobs", 1, "--lpips-network", "", "--features", "", "--validation", 0)
    methods = ("--methods", "hadamard:steps=2,pnp_flow:steps=2,guidance:steps=2", "--task", "random:.7")
    folders = ("--prior", priors["scheduled"], "--hadamard", priors["hadamard"], "--images", images)
    done("restore", *folders, "--output", tmp_path / "out", *plain, *methods, "--device", device)
    assert len(list((tmp_path / "out" / "fills" / "hadamard").iterdir())) == 3


def test_sample(device, priors, tmp_path):
    done(
        "sample",
        "--model",
        priors["hadamard"],
        "--output",
        tmp_path / "made.npy",
        "--num-samples",
        3,
        "--device",
        device,
    )
    made = np.load(tmp_path / "made.npy")
    assert made.shape == (3, 3, 16, 16) and np.isfinite(made).all()
