"""Model files: the same numbers back, one sentence for every file that is none, no pickle, nothing half-written."""

import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from small_autoencoders import ADOPTED
from small_autoencoders import build as build_adopted

from latentinpaint.errors import InputError
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.models import AUTOENCODERS, MaskControl
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.refiners import REFINERS
from latentinpaint.weights import (
    Model,
    load_autoencoder,
    load_model,
    load_pipeline,
    read_header,
    save_autoencoder,
    save_model,
)

AUTOENCODER_ARGUMENTS = {
    "LamaAutoencoder": dict(base_channels=2, latent_channels=5, residual_blocks=1, final_relu=False),
    "ResidualAutoencoder": dict(latent_channels=6, encoder_widths=[4, 5, 6], decoder_widths=[6, 5, 4]),
    "IdentityAutoencoder": dict(channels=3),
}
REFINER_ARGUMENTS = {
    "ffc": dict(blocks=1, ratio=0.5, delta=True, width=8, hole_weight=2.0),
    "flow": dict(
        width=16, multipliers=(1, 2), blocks=1, attention=False, interpolant="cosine", solver="rk4", steps=2
    ),
    "noise": dict(blocks=1, ratio=0.5, width=8, noise=4, hole_weight=2.0, continued=False),
}


def state(module):
    return {key: value.clone() for key, value in module.state_dict().items()}


def assert_equal_states(first, second):
    assert first.keys() == second.keys()
    for key, value in first.items():
        assert value.dtype == second[key].dtype and torch.equal(value, second[key]), key


def fill(pipeline):
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, 3, 16, 24, generator=generator)
    mask = torch.zeros(1, 1, 16, 24)
    mask[..., 3:11, 5:20] = 1
    return pipeline.sample(image, mask, num_samples=2, seeds=3)


def rewritten(source, target, change=None, tensors=None, key="latentinpaint", text=None):
    """A copy of a model file with another header or other tensors."""
    with safe_open(source, framework="pt") as file:
        header = json.loads(file.metadata()["latentinpaint"])
    if change is not None:
        change(header)
    kept = load_file(source) if tensors is None else tensors
    save_file(kept, target, metadata={key: json.dumps(header) if text is None else text})
    return target


def assert_one_sentence(error, path):
    message = str(error.value)
    assert str(path) in message and "\n" not in message and len(message) < 300 + len(str(path))


# There and back -------------------------------------------------------------------------------------------


def test_every_autoencoder_is_saved_below():
    assert {*AUTOENCODER_ARGUMENTS, "TaesdAutoencoder", "DiffusersAutoencoder"} == set(AUTOENCODERS)


@pytest.mark.parametrize("name", [*AUTOENCODER_ARGUMENTS, *ADOPTED])
def test_autoencoder_round_trip(name, tmp_path):
    if name in ADOPTED:
        autoencoder = build_adopted(name)
    else:
        autoencoder = AUTOENCODERS[name](**AUTOENCODER_ARGUMENTS[name])
    image = torch.rand(2, 3, 16, 24)
    for _ in range(3):
        autoencoder.encode(image)  # moves BatchNorm's statistics: they have to come along
    autoencoder.measure_latents([image])
    save_autoencoder(autoencoder, tmp_path / "run" / "autoencoder.safetensors")
    for path in (tmp_path / "run" / "autoencoder.safetensors", tmp_path / "run", str(tmp_path / "run")):
        loaded = load_autoencoder(path)
        assert_equal_states(state(autoencoder), state(loaded))
        assert type(loaded) is type(autoencoder) and loaded.arguments == autoencoder.arguments
        assert loaded.frozen and not loaded.training
        autoencoder.eval()
        assert torch.equal(loaded.decode(loaded.encode(image)), autoencoder.decode(autoencoder.encode(image)))


def test_a_control_of_another_width_comes_back(build_pipeline, tmp_path):
    pipeline = build_pipeline("ffc", control=False)
    control = MaskControl(pipeline.autoencoder, width=3)
    for tap in control.taps:
        torch.nn.init.normal_(tap.weight, std=0.1)
    pipeline = InpaintPipeline(pipeline.autoencoder, pipeline.refiner, control).eval()
    save_model(Model(pipeline), tmp_path / "model.safetensors")
    assert read_header(tmp_path)["control"] == {"arguments": {"width": 3}}
    assert torch.equal(fill(load_pipeline(tmp_path)), fill(pipeline))


@pytest.mark.parametrize("control", [True, False], ids=["control", "plain"])
@pytest.mark.parametrize("refiner", REFINERS)
def test_pipeline_round_trip(build_pipeline, refiner, control, tmp_path):
    pipeline = build_pipeline(refiner, control)
    save_model(Model(pipeline), tmp_path / "model.safetensors")
    for path in (tmp_path / "model.safetensors", tmp_path, str(tmp_path)):
        loaded = load_pipeline(path)
        assert_equal_states(state(pipeline), state(loaded))
        assert (loaded.control is not None) == control
        assert not any(module.training for module in loaded.modules())
        assert torch.equal(fill(loaded), fill(pipeline))
    alone = load_autoencoder(tmp_path)
    assert alone.fingerprint() == pipeline.autoencoder.fingerprint()


@pytest.mark.parametrize("refiner", REFINERS)
def test_every_argument_comes_back(refiner, tmp_path):
    torch.manual_seed(0)
    autoencoder = AUTOENCODERS["LamaAutoencoder"](**AUTOENCODER_ARGUMENTS["LamaAutoencoder"])
    made = REFINERS[refiner](5, **REFINER_ARGUMENTS[refiner])
    pipeline = InpaintPipeline(autoencoder, made).eval()
    save_model(Model(pipeline), tmp_path / "model.safetensors")
    loaded = load_pipeline(tmp_path)
    assert loaded.refiner.arguments == made.arguments
    assert loaded.autoencoder.arguments == autoencoder.arguments
    assert torch.equal(fill(loaded), fill(pipeline))


def test_texture_comes_back(build_pipeline, tmp_path):
    model = Model(build_pipeline(), PatchTexture(radius=1, contrast=0.25, rounds=(2, 1, 1)), {"steps": 12})
    save_model(model, tmp_path / "model.safetensors")
    loaded = load_model(tmp_path)
    assert loaded.texture == model.texture and loaded.recipe == model.recipe
    assert torch.equal(fill(loaded.pipeline), fill(model.pipeline))
    save_model(Model(model.pipeline), tmp_path / "plain.safetensors")
    assert load_model(tmp_path / "plain.safetensors").texture is None


def test_header(build_pipeline, tmp_path):
    pipeline = build_pipeline("flow")
    recipe = {"pictures": "a folder", "steps": 12}
    save_model(Model(pipeline, recipe=recipe), tmp_path / "model.safetensors")
    assert read_header(tmp_path) == {
        "format": 1,
        "kind": "pipeline",
        "autoencoder": {
            "class": "LamaAutoencoder",
            "arguments": dict(
                base_channels=4, latent_channels=None, residual_blocks=0, final_relu=False, mask_channel=False
            ),
            "fingerprint": pipeline.autoencoder.fingerprint(),
        },
        "refiner": {"class": "flow", "arguments": pipeline.refiner.arguments},
        "control": {"arguments": {"width": 8}},
        "texture": None,
        "recipe": recipe,
    }
    save_autoencoder(pipeline.autoencoder, tmp_path / "autoencoder.safetensors")
    header = read_header(tmp_path / "autoencoder.safetensors")
    assert header["kind"] == "autoencoder" and header["recipe"] == {} and "refiner" not in header


def test_no_pickle_is_read(model_files, monkeypatch):
    def forbidden(*args, **kwargs):
        raise AssertionError("a pickle was read")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, forbidden)
    monkeypatch.setattr(torch, "load", forbidden)
    with pytest.raises(AssertionError, match="a pickle was read"):
        torch.load(model_files["ffc"])
    for load, name in ((load_pipeline, "ffc"), (load_pipeline, "flow"), (load_autoencoder, "autoencoder")):
        stored = load_file(model_files[name])
        prefix = "autoencoder." if load is load_autoencoder else ""
        loaded = {prefix + key: value for key, value in load(model_files[name]).state_dict().items()}
        assert loaded.keys() == stored.keys() and all(torch.equal(loaded[key], stored[key]) for key in stored)


# Files that are none --------------------------------------------------------------------------------------

LOADERS = [load_pipeline, load_autoencoder, read_header]


class Payload:
    ran = False

    def __reduce__(self):
        return (setattr, (Payload, "ran", True))


@pytest.mark.parametrize("load", LOADERS)
def test_foreign_files(load, tmp_path):
    (tmp_path / "text.safetensors").write_text("these are no weights\n")
    (tmp_path / "empty.safetensors").write_bytes(b"")
    (tmp_path / "hostile.safetensors").write_bytes(pickle.dumps(Payload()))
    torch.save({"payload": Payload(), "weight": torch.zeros(3)}, tmp_path / "last.ckpt")
    save_file({"weight": torch.zeros(3)}, tmp_path / "foreign.safetensors")
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors", metadata={"format": "pt"})
    Payload.ran = False
    paths = sorted(tmp_path.iterdir())
    assert len(paths) == 6
    for path in paths:
        with pytest.raises(InputError) as error:
            load(path)
        assert_one_sentence(error, path)
        assert "latentinpaint" in str(error.value)
    assert not Payload.ran


@pytest.mark.parametrize("load", LOADERS)
def test_what_was_not_downloaded_whole(load, model_files, tmp_path):
    """The sentence says what the file is instead, and what to do."""
    data = model_files["ffc"].read_bytes()
    torch.save({"weight": torch.zeros(3)}, tmp_path / "last.ckpt")
    contents = {
        "empty": b"",
        "git lfs pull": b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 5000\n",
        "web page": b"<!DOCTYPE html><html>404</html>",
        "cut short": data[: len(data) // 2],
        "cut short or damaged": data + b"more",
        "a checkpoint of PyTorch": (tmp_path / "last.ckpt").read_bytes(),
    }
    path = tmp_path / "model.safetensors"
    for advice, content in contents.items():
        path.write_bytes(content)
        with pytest.raises(InputError, match=f"is not a model file of latentinpaint .*{advice}") as error:
            load(path)
        assert_one_sentence(error, path)


@pytest.mark.parametrize("load", LOADERS)
def test_missing_files(load, tmp_path):
    for path in (tmp_path / "nothing.safetensors", tmp_path / "nowhere" / "model.safetensors", tmp_path):
        with pytest.raises(InputError) as error:
            load(path)
        assert_one_sentence(error, path)


@pytest.mark.parametrize("load", LOADERS)
def test_cut_short(load, model_files, tmp_path):
    data = model_files["ffc"].read_bytes()
    for size in (4, 100, len(data) - 1):
        path = tmp_path / "cut.safetensors"
        path.write_bytes(data[:size])
        with pytest.raises(InputError) as error:
            load(path)
        assert_one_sentence(error, path)


def test_an_autoencoder_is_no_model(model_files):
    with pytest.raises(InputError, match="autoencoder alone") as error:
        load_pipeline(model_files["autoencoder"])
    assert_one_sentence(error, model_files["autoencoder"])


def _set(*path, value):
    def change(header):
        for part in path[:-1]:
            header = header[part]
        header[path[-1]] = value

    return change


def _drop(*path):
    def change(header):
        for part in path[:-1]:
            header = header[part]
        del header[path[-1]]

    return change


CHANGES = {
    "another format": _set("format", value=2),
    "no format": _drop("format"),
    "unknown kind": _set("kind", value="discriminator"),
    "no kind": _drop("kind"),
    "unknown autoencoder": _set("autoencoder", "class", value="VQGAN"),
    "no autoencoder": _drop("autoencoder"),
    "no class": _drop("autoencoder", "class"),
    "unknown argument": _set("autoencoder", "arguments", "depth", value=3),
    "wider autoencoder": _set("autoencoder", "arguments", "base_channels", value=5),
    "impossible autoencoder": _set("autoencoder", "arguments", "base_channels", value=0),
    "arguments of another kind": _set("autoencoder", "arguments", value=[4]),
    "unknown refiner": _set("refiner", "class", value="diffusion"),
    "no refiner": _drop("refiner"),
    "refiner of another kind": _set("refiner", value="ffc"),
    "more blocks": _set("refiner", "arguments", "blocks", value=2),
    "other channels": _set("refiner", "arguments", "channels", value=16),
    "no control": _set("control", value=None),
    "a control without arguments": _set("control", value=True),
    "a wider control": _set("control", "arguments", "width", value=9),
    "an impossible control": _set("control", "arguments", "width", value=0),
    "an unknown argument of the control": _set("control", "arguments", "depth", value=4),
    "control not said": _drop("control"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_headers_that_do_not_fit(change, model_files, tmp_path):
    path = rewritten(model_files["ffc"], tmp_path / "changed.safetensors", CHANGES[change])
    with pytest.raises(InputError) as error:
        load_pipeline(path)
    assert_one_sentence(error, path)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '"model"'])
@pytest.mark.parametrize("load", LOADERS)
def test_headers_that_are_none(load, text, model_files, tmp_path):
    path = rewritten(model_files["ffc"], tmp_path / "changed.safetensors", text=text)
    with pytest.raises(InputError) as error:
        load(path)
    assert_one_sentence(error, path)


def test_weights_of_another_shape_or_name(model_files, tmp_path):
    tensors = load_file(model_files["ffc"])
    name = next(key for key in tensors if key.startswith("refiner.") and tensors[key].ndim == 4)
    missing = {key: value for key, value in tensors.items() if key != name}
    for changed in ({**tensors, name: torch.zeros(1, 2, 3, 3)}, missing, {**missing, "refiner.new": torch.zeros(1)}):
        path = rewritten(model_files["ffc"], tmp_path / "changed.safetensors", tensors=changed)
        with pytest.raises(InputError) as error:
            load_pipeline(path)
        assert_one_sentence(error, path)


# Writing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyError()])
def test_a_failed_write_leaves_what_was_there(failure, build_pipeline, model_files, tmp_path, monkeypatch):
    target = tmp_path / "model.safetensors"
    shutil.copy(model_files["flow"], target)
    before = target.read_bytes()

    def half(path, content):
        path.write_text("half")
        raise failure

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises((InputError, KeyError)) as error:
        save_model(Model(build_pipeline("ffc")), target)
    if isinstance(failure, OSError):
        assert_one_sentence(error, target)
        assert "No space left" in str(error.value)
    assert list(tmp_path.iterdir()) == [target] and target.read_bytes() == before
    with pytest.raises((InputError, KeyError)):
        save_autoencoder(build_pipeline("ffc").autoencoder, tmp_path / "new" / "autoencoder.safetensors")
    assert list((tmp_path / "new").iterdir()) == []


def test_places_that_cannot_be_written(build_pipeline, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "model.safetensors", tmp_path / "folder"):
        with pytest.raises(InputError) as error:
            save_model(Model(build_pipeline("ffc")), path)
        assert_one_sentence(error, path)
