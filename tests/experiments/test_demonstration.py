"""`quickstart`: some steps of it, and what it leaves."""

import json

import numpy as np
import torch
from PIL import Image

from latentinpaint.experiments import demonstration
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.inpainter import Inpainter
from latentinpaint.visualization.grid import GAP, LABEL_HEIGHT
from latentinpaint.weights import load_autoencoder, load_model, read_header


def test_what_it_leaves(finished_quickstart):
    folder, _ = finished_quickstart
    left = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert left == {
        *("default.png", "ffc/model.safetensors", "flow/model.safetensors", "metrics.json", "settings.json"),
        *("grid.png", "latent_difference.png", "photo.png", "photo_mask001.png"),
    }
    for name in ("default.png", "grid.png", "latent_difference.png"):
        with Image.open(folder / name) as picture:
            picture.load()
            assert min(picture.size) > 300
    methods = json.loads((folder / "metrics.json").read_text())["methods"]
    # The best of four is chosen by LPIPS, whose weights may be here or not.
    found = {name for name in methods if not name.endswith("best of 4 (oracle)")}
    networks = ("ffc, networks alone", "flow, networks alone", "flow, networks alone, mean of 4")
    assert found == {"mean", "telea", "ns", "ffc", "flow", "flow, mean of 4", *networks}
    assert {row["pictures_judged"] for row in methods.values()} == {6}
    for row in methods.values():
        assert 5 < row["mean"]["psnr_hole"] < 50


def test_the_models_rest_on_the_default_model_s_autoencoder_and_have_texture(finished_quickstart, model_files):
    folder, _ = finished_quickstart
    fingerprint = load_autoencoder(model_files["ffc"]).fingerprint()
    for name in ("ffc", "flow"):
        model = load_model(folder / name)
        assert model.pipeline.autoencoder.fingerprint() == fingerprint
        assert model.texture == PatchTexture()


def test_every_refiner_is_trained_for_the_steps_that_were_asked_for(finished_quickstart):
    folder, _ = finished_quickstart
    for name in ("ffc", "flow"):
        assert read_header(folder / name)["recipe"]["steps"] == 3


def test_the_grid_shows_what_the_model_files_fill(finished_quickstart):
    """The column of ffc is the photograph as the model that was left fills it, texture included."""
    folder, _ = finished_quickstart
    photo = Image.open(folder / "photo.png")
    mask = Image.open(folder / "photo_mask001.png")
    filled = np.asarray(Inpainter.from_pretrained(folder / "ffc")(photo, mask)).astype(int)
    left = demonstration.GRID_LABELS.index("ffc + texture") * (photo.width + GAP)
    grid = Image.open(folder / "grid.png")
    shown = np.asarray(grid.crop((left, LABEL_HEIGHT, left + photo.width, LABEL_HEIGHT + photo.height))).astype(int)
    # The file's photograph is rounded to 8 bits, and a patch that is about as near may take another's place.
    assert np.abs(filled - shown).mean() < 1


def test_the_same_seed_trains_the_same_refiner(tmp_path, monkeypatch, model_files):
    """Whatever else the machine does: the number of steps decides, not the time."""
    monkeypatch.setattr(demonstration, "TRAINING_SIZE", 64)
    monkeypatch.setattr(demonstration, "fastest_precision", lambda: "32-true")
    first = demonstration.train_models(tmp_path / "a", 2, 3, str(model_files["ffc"]))
    second = demonstration.train_models(tmp_path / "b", 2, 3, str(model_files["ffc"]))
    for name, inpainter in first.items():
        weights = second[name].pipeline.state_dict()
        for key, value in inpainter.pipeline.state_dict().items():
            assert torch.equal(value, weights[key]), key
