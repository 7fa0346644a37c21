"""`quickstart`: some seconds of it, and then what it tells people to try."""

import json
import shlex

import numpy as np
import pytest
from PIL import Image

from latentinpaint.weights import load_autoencoder, load_pipeline


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a quickstart, and what it printed."""
    import contextlib
    import io

    from latentinpaint.cli.quickstart import command

    folder = tmp_path_factory.mktemp("quickstart") / "out put"
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(folder / "none"))
        command(output=str(folder), minutes=0.08)
    return folder, out.getvalue()


def test_what_it_leaves(finished):
    folder, _ = finished
    left = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert left == {
        *("autoencoder.safetensors", "ffc/model.safetensors", "flow/model.safetensors"),
        *("grid.png", "latent_difference.png", "photo.png", "photo_mask001.png", "metrics.json", "settings.json"),
    }
    for name in ("grid.png", "latent_difference.png"):
        with Image.open(folder / name) as picture:
            picture.load()
            assert min(picture.size) > 300
    methods = json.loads((folder / "metrics.json").read_text())["methods"]
    # The best of eight is chosen by LPIPS, whose weights may be here or not.
    assert set(methods) - {"flow, best of 8 (oracle)"} == {"mean", "telea", "ns", "ffc", "flow", "flow, mean of 8"}
    assert {row["pictures_judged"] for row in methods.values()} == {6}
    for row in methods.values():
        assert 5 < row["mean"]["psnr_hole"] < 50


def test_the_models_load_and_share_their_autoencoder(finished):
    folder, _ = finished
    fingerprint = load_autoencoder(folder).fingerprint()
    for name in ("ffc", "flow"):
        assert load_pipeline(folder / name).autoencoder.fingerprint() == fingerprint


def test_the_printed_command_works(finished, done, tmp_path, monkeypatch):
    folder, out = finished
    line = next(line for line in out.splitlines() if line.strip().startswith("latentinpaint inpaint"))
    words = shlex.split(line)
    monkeypatch.chdir(tmp_path)
    done(None, *words[1:])
    filled = np.asarray(Image.open(tmp_path / "filled.png"))
    photo = np.asarray(Image.open(folder / "photo.png"))
    hole = np.asarray(Image.open(folder / "photo_mask001.png").convert("L")) > 127
    assert np.array_equal(filled[~hole], photo[~hole])
    assert (filled[hole] != photo[hole]).mean() > 0.5


def test_through_the_command_line(command, finished, tmp_path, monkeypatch):
    """Only the way in: the work itself is done above."""
    from latentinpaint.cli import quickstart

    monkeypatch.setattr(quickstart, "_train", lambda folder, minutes, seed: {"asked": (minutes, seed)})
    monkeypatch.setattr(quickstart, "_show", lambda folder, pipelines, seed: print(pipelines["asked"]))
    answer = command("quickstart", "--minutes", "0.15", "--seed", "7", "--output", tmp_path / "q")
    assert answer.status == 0 and "(0.15, 7)" in answer.out
    assert json.loads((tmp_path / "q" / "settings.json").read_text()) == {"minutes": 0.15, "seed": 7}
