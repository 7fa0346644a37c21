"""The recipe phi4 in its smallest form, from configurations to the comparison: every command, on few samples."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from latentinpaint.cli import main
from latentinpaint.lattice.ensemble import EnsembleSettings
from latentinpaint.training.recipe_files import CONFIGS
from latentinpaint.weights import read_header

ROOT = Path(__file__).resolve().parents[1]
SMALL = CONFIGS / "phi4_small.yaml"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run of six steps on 40 configurations."""
    folder = tmp_path_factory.mktemp("phi4")
    arguments = ["--config", str(SMALL), "--output", str(folder / "run"), "--data.downloads", str(folder)]
    arguments += ["--data.ensemble.configurations", "40", "--data.ensemble.chains", "8", "--data.ensemble.every", "2"]
    arguments += ["--data.ensemble.warm_up", "30", "--data.batch_size", "8", "--data.shown", "2"]
    arguments += ["--trainer.max_steps", "6", "--trainer.val_check_interval", "6"]
    arguments += ["--model.flow.init_args.width", "8", "--model.flow.init_args.steps", "3"]
    with pytest.raises(SystemExit) as ended:
        main("train_flow", arguments)
    assert not ended.value.code
    return folder


def test_the_recipe_trains_on_its_own_configurations(run):
    settings = read_header(run / "run")["recipe"]["data"]["ensemble"]
    assert settings["configurations"] == 40 and settings["coupling"] == 4.9
    (file,) = run.glob("phi4_8_*.npy")
    assert file.name == EnsembleSettings(**settings).file_name(8) and np.load(file).shape == (40, 1, 8, 8)
    assert (run / "run" / "samples.png").is_file()


TASKS = {
    "generate": (),
    "reward": ("--linear", "0.02", "--quadratic", "-0.5"),
    "inpaint": ("--data", "FILE"),
}


@pytest.mark.parametrize("task", TASKS)
def test_it_samples(task, run, tmp_path, capsys):
    (file,) = run.glob("phi4_8_*.npy")
    options = [str(file) if option == "FILE" else option for option in TASKS[task]]
    output = tmp_path / "made.npy"
    with pytest.raises(SystemExit) as ended:
        model = ["--model", str(run / "run"), "--task", task, "--num-samples", "3"]
        main("sample", [*model, "--output", str(output), *options])
    assert not ended.value.code
    assert "PSNR" not in capsys.readouterr().out  # fields are no pictures
    made = np.load(output)
    assert made.shape == (3, 1, 8, 8) and 0.05 < made.std() < 5
    if task == "inpaint":
        kept = made == np.load(file)[:3]
        assert 0 < kept.mean() < 1


def test_the_comparison(run, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    import phi4

    output = run / "comparison"
    arguments = ["--model", str(run / "run"), "--output", str(output), "--field", "0.1", "--steps", "2"]
    arguments += [
        "--held",
        "1",
        "--samples",
        "6",
        "--chains",
        "4",
        "--trajectories",
        "40",
        "--corrected",
        "2",
        "--relaxed",
        "3",
    ]
    phi4.main([*arguments, "--solver", "euler"])
    outcomes = json.loads((output / "comparison.json").read_text())
    names = ["field h = 0.1", "left half of configuration 0 held"]
    assert [outcome["name"] for outcome in outcomes] == names
    for outcome in outcomes:
        assert len(outcome["relaxed"]) == len(outcome["rows"]) == 10 and all(
            np.isfinite(row["apart"]) for row in outcome["rows"]
        )
        assert ("corrected: acceptance of Metropolis" in outcome["figures"]) == ("held" not in outcome["name"])
    # An untrained flow is far from the law, and says so.
    assert max(abs(row["apart"]) for row in outcomes[0]["rows"]) > 5
    assert all(name in (output / "comparison.md").read_text() for name in names)
    assert np.asarray(Image.open(output / "comparison.png")).std() > 5


def test_both_recipes_are_one():
    """The small recipe differs from the large one by its size, its network's depth and its numbers alone."""
    files = [CONFIGS / "phi4.yaml", SMALL]
    flows = [yaml.safe_load(file.read_text())["model"]["flow"]["init_args"] for file in files]
    for name in ("measure", "solver", "scale", "padding", "estimates", "masks", "known_noise"):
        assert flows[0][name] == flows[1][name]
