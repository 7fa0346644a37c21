"""`quickstart` as a command: what it tells people to try."""

import json
import shlex
import signal

import numpy as np
import torch
from PIL import Image

from latentinpaint.evaluation.report import console
from latentinpaint.experiments import demonstration
from latentinpaint.pretrained.model_paths import PRETRAINED
from latentinpaint.training.callbacks import RunProgress


def test_the_printed_command_works(finished_quickstart, done, tmp_path, monkeypatch):
    folder, out = finished_quickstart
    line = next(line for line in out.splitlines() if line.strip().startswith("latentinpaint inpaint"))
    words = shlex.split(line)
    monkeypatch.chdir(tmp_path)
    done(None, *words[1:])
    filled = np.asarray(Image.open(tmp_path / "filled.png"))
    photo = np.asarray(Image.open(folder / "photo.png"))
    hole = np.asarray(Image.open(folder / "photo_mask001.png").convert("L")) > 127
    assert np.array_equal(filled[~hole], photo[~hole])
    assert (filled[hole] != photo[hole]).mean() > 0.5


def test_it_says_where_the_default_model_s_fills_are_before_it_trains(finished_quickstart):
    folder, out = finished_quickstart
    lines = out.splitlines()
    shown = next(number for number, line in enumerate(lines) if str(folder / "default.png") in line)
    training = next(number for number, line in enumerate(lines) if line.startswith("training on"))
    assert shown < training


def test_it_says_how_to_go_on_from_the_default_model(finished_quickstart):
    _, out = finished_quickstart
    assert "latentinpaint train_latent --model.start default --data.root DIR" in out
    assert "pretrain_ae" in out


def test_through_the_command_line(command, tmp_path, monkeypatch):
    """Only the way in: the work itself is done once for all tests."""
    monkeypatch.setattr(
        demonstration, "fill_with", lambda model, folder, seed: print(model, "fills", seed, torch.get_num_threads())
    )
    monkeypatch.setattr(demonstration, "train_models", lambda folder, steps, seed, model: {"options": (steps, seed)})
    torch.set_num_threads(2)
    monkeypatch.setattr(demonstration, "evaluate_models", lambda folder, trained, seed: trained["options"])
    monkeypatch.setattr(console, "scores_table", print)
    result = command("quickstart", "--steps", "15", "--seed", "7", "--output", tmp_path / "q")
    assert result.status == 0 and "default fills 7 1" in result.out and "(15, 7)" in result.out
    assert json.loads((tmp_path / "q" / "settings.json").read_text()) == {"steps": 15, "seed": 7}
    result = command("quickstart", "--output", tmp_path / "q")
    assert result.status == 0 and "default fills 0 1" in result.out
    assert torch.get_num_threads() == 2
    assert json.loads((tmp_path / "q" / "settings.json").read_text())["seed"] == 0


def test_ctrl_c_keeps_what_was_finished_and_says_where(command, tmp_path, monkeypatch, model_files):
    """Ctrl-C in the second refiner's training: the sheet and the first refiner's model are there, nothing else."""
    begun = []

    def press(progress, trainer, task):
        begun.append(progress.title)
        if progress.title == "flow":
            raise KeyboardInterrupt

    handler = signal.getsignal(signal.SIGINT)
    monkeypatch.setitem(PRETRAINED, "default", model_files["ffc"])
    monkeypatch.setattr(RunProgress, "on_train_start", press)
    monkeypatch.setattr(demonstration, "TRAINING_SIZE", 64)
    folder = tmp_path / "q"
    try:
        result = command("quickstart", "--steps", "1", "--output", folder)
    finally:
        signal.signal(signal.SIGINT, handler)  # Lightning has it ignored while it ends
    assert begun == ["ffc", "flow"]
    assert result.status == 130 and f"what was finished is in {folder}" in result.out
    left = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert left == {"settings.json", "default.png", "ffc/model.safetensors"}
