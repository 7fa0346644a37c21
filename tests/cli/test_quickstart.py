"""`quickstart` as a command: what it tells people to try."""

import json
import shlex

import numpy as np
from PIL import Image

from latentinpaint.evaluation.report import console
from latentinpaint.experiments import quickstart


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


def test_through_the_command_line(command, tmp_path, monkeypatch):
    """Only the way in: the work itself is done once for all tests."""
    monkeypatch.setattr(quickstart, "train_models", lambda folder, minutes, seed: {"options": (minutes, seed)})
    monkeypatch.setattr(quickstart, "evaluate_models", lambda folder, pipelines, seed: pipelines["options"])
    monkeypatch.setattr(console, "scores_table", print)
    result = command("quickstart", "--minutes", "0.15", "--seed", "7", "--output", tmp_path / "q")
    assert result.status == 0 and "(0.15, 7)" in result.out
    assert json.loads((tmp_path / "q" / "settings.json").read_text()) == {"minutes": 0.15, "seed": 7}
