"""Paths of models: the file of a kind in a folder, the models of the package, and what a folder holds instead."""

import shutil
from pathlib import Path

import pytest

import latentinpaint
from latentinpaint.errors import InputError
from latentinpaint.pretrained.model_paths import PRETRAINED
from latentinpaint.weights import Model, load_autoencoder, load_model, load_pipeline, read_header, save_model


def test_a_folder_of_both(build_pipeline, model_files, tmp_path):
    """The model for who wants a model, the autoencoder of its own file for who wants that."""
    save_model(Model(build_pipeline("ffc")), tmp_path / "model.safetensors")
    shutil.copy(model_files["other"], tmp_path / "autoencoder.safetensors")
    assert load_pipeline(tmp_path).refiner.channels == 32
    assert load_autoencoder(tmp_path).fingerprint() == load_autoencoder(model_files["other"]).fingerprint()


def test_a_folder_of_something_else(model_files, tmp_path):
    shutil.copy(model_files["autoencoder"], tmp_path / "autoencoder.safetensors")
    with pytest.raises(InputError, match=r"holds no model\.safetensors: it is a trained autoencoder"):
        load_pipeline(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").touch()
    with pytest.raises(InputError, match="it is a trained autoencoder"):  # a finished training leaves both
        load_pipeline(tmp_path)
    (tmp_path / "autoencoder.safetensors").unlink()
    with pytest.raises(InputError, match="ckpt_path last"):
        load_pipeline(tmp_path)


def test_a_model_that_this_version_does_not_hold_is_one_sentence(model_files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(PRETRAINED, "default", model_files["ffc"])
    monkeypatch.setitem(PRETRAINED, "several", tmp_path / "pretrained" / "several.safetensors")
    for load in (load_model, load_autoencoder, read_header):
        with pytest.raises(InputError, match="holds no model several: make one .* recipe several"):
            load("several")
    with pytest.raises(InputError, match="no model of that name: default$"):
        load_model("sevral")
    (tmp_path / "pretrained").mkdir()
    shutil.copy(model_files["flow"], tmp_path / "pretrained" / "several.safetensors")
    assert load_model("several").pipeline.refiner.stochastic
    with pytest.raises(InputError, match="no model of that name: default, several$"):
        load_model("sevral")


def test_a_folder_that_has_a_model_s_name_by_chance_is_passed_over(model_files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(PRETRAINED, "default", model_files["ffc"])
    (tmp_path / "default").mkdir()
    (tmp_path / "default" / "photo.jpg").touch()
    assert not load_model("default").pipeline.refiner.stochastic
    with pytest.raises(InputError, match="the folder other holds no model"):
        (tmp_path / "other").mkdir()
        load_model("other")
    (tmp_path / "default" / "checkpoints").mkdir()
    (tmp_path / "default" / "checkpoints" / "last.ckpt").touch()
    with pytest.raises(InputError, match="ckpt_path last"):  # of a run, which is meant
        load_model("default")
    shutil.copy(model_files["flow"], tmp_path / "default" / "model.safetensors")
    assert load_model("default").pipeline.refiner.stochastic


def test_the_packages_models_lie_beside_each_other():
    assert {path.parent for path in PRETRAINED.values()} == {Path(latentinpaint.__file__).parent / "pretrained"}
    assert [path.name for path in PRETRAINED.values()] == ["default.safetensors", "several.safetensors"]


def test_a_folder_goes_before_the_hub(model_files, hub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hub.commit("org/name", {"model.safetensors": model_files["flow"].read_bytes()})
    assert load_model("org/name").pipeline.refiner.stochastic
    with pytest.raises(InputError, match="no file or folder org/nothing, and http.* shows no model org/nothing"):
        load_model("org/nothing")
    with pytest.raises(InputError, match="there is no model file org/name, and no model of that name"):
        load_model(Path("org/name"))
    (tmp_path / "org" / "name").mkdir(parents=True)
    shutil.copy(model_files["ffc"], tmp_path / "org" / "name" / "model.safetensors")
    asked = list(hub.requests)
    assert not load_model("org/name").pipeline.refiner.stochastic
    assert hub.requests == asked


def test_an_autoencoder_of_the_hub(model_files, hub):
    hub.commit("org/encoder", {"autoencoder.safetensors": model_files["other"].read_bytes()})
    assert load_autoencoder("org/encoder").fingerprint() == load_autoencoder(model_files["other"]).fingerprint()
