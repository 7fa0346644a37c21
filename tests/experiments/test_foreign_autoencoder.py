"""Files of other projects: what each is read as, and one sentence for everything that is none."""

import json
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file
from small_autoencoders import OF_DIFFUSERS, build
from tiny_weights import mean_colour_weights

from latentinpaint.errors import InputError
from latentinpaint.experiments.foreign_autoencoder import read_foreign_autoencoder
from latentinpaint.files import sha256_of
from latentinpaint.models import TaesdAutoencoder
from latentinpaint.weights import save_autoencoder

IMAGE = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def saved_by_the_library(name, folder):
    diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed")
    torch.manual_seed(0)
    library = getattr(diffusers, name)(**OF_DIFFUSERS[name]).eval()
    library.save_pretrained(folder)
    return library


@pytest.mark.parametrize("name", OF_DIFFUSERS)
def test_a_folder_that_diffusers_wrote(name, tmp_path):
    library = saved_by_the_library(name, tmp_path / "vae")
    file = tmp_path / "vae" / "diffusion_pytorch_model.safetensors"
    for path in (tmp_path / "vae", file):
        autoencoder = read_foreign_autoencoder(path)
        assert autoencoder.frozen and autoencoder.arguments["architecture"] == name
        assert autoencoder.arguments["sha256"] == sha256_of(file)
        assert autoencoder.arguments["config"] == json.loads((tmp_path / "vae" / "config.json").read_text())
        with torch.no_grad():
            expected = library.decode(autoencoder.encode_features(IMAGE)).sample / 2 + 0.5
            decoded = autoencoder.decode_unclamped(autoencoder.encode_features(IMAGE))
        torch.testing.assert_close(decoded, expected, atol=1e-5, rtol=1e-5)


def test_older_names_of_attention(tmp_path):
    """As many published files have them."""
    saved_by_the_library("AutoencoderKL", tmp_path)
    expected = read_foreign_autoencoder(tmp_path).network.state_dict()
    file = tmp_path / "diffusion_pytorch_model.safetensors"
    renamed = {}
    old = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}
    for name, value in load_file(file).items():
        for new_part, old_part in old.items():
            name = name.replace(new_part, old_part)
        renamed[name] = value
    assert "encoder.mid_block.attentions.0.proj_attn.bias" in renamed
    save_file(renamed, file)
    read = read_foreign_autoencoder(tmp_path).network.state_dict()
    assert all(torch.equal(read[name], expected[name]) for name in expected)


def test_a_file_of_the_taesd_family_and_its_halves(tmp_path):
    weights = mean_colour_weights()
    save_file(weights, tmp_path / "tiny.safetensors")
    one = read_foreign_autoencoder(tmp_path / "tiny.safetensors")
    assert isinstance(one, TaesdAutoencoder) and one.frozen
    assert one.arguments["sha256"] == sha256_of(tmp_path / "tiny.safetensors")
    (tmp_path / "halves").mkdir()
    for half in ("encoder", "decoder"):
        own = {name.removeprefix(f"{half}."): value for name, value in weights.items() if name.startswith(half)}
        save_file(own, tmp_path / "halves" / f"taesd_{half}.safetensors")
    two = read_foreign_autoencoder(tmp_path / "halves")
    assert torch.equal(two.encode_features(IMAGE), one.encode_features(IMAGE))
    assert len(two.arguments["sha256"].split("+")) == 2
    blocks = IMAGE.unflatten(3, (4, 8)).unflatten(2, (4, 8)).mean(dim=(3, 5))
    torch.testing.assert_close(one.encode_features(IMAGE)[:, :3], blocks, atol=1e-6, rtol=0)


def test_no_pickle_is_read(tmp_path, monkeypatch):
    def forbidden(*args, **kwargs):
        raise AssertionError("a pickle was read")

    torch.save(mean_colour_weights(), tmp_path / "taesd.pth")
    torch.save(mean_colour_weights(), tmp_path / "named.safetensors")
    for module, name in ((pickle, "load"), (pickle, "Unpickler"), (torch, "load")):
        monkeypatch.setattr(module, name, forbidden)
    for path in tmp_path.iterdir():
        with pytest.raises(InputError, match="is a pickle, which can run any program") as error:
            read_foreign_autoencoder(path)
        assert str(path) in str(error.value)


def write_refused(folder):
    """Files and folders that are no autoencoder, and what their sentences say."""
    (folder / "text.safetensors").write_text("no weights")
    save_file({"weight": torch.zeros(3)}, folder / "others.safetensors")
    tiny = mean_colour_weights()
    save_file({**tiny, "encoder.14.weight": torch.zeros(4, 32, 3, 3)}, folder / "bent.safetensors")
    save_autoencoder(build("TaesdAutoencoder"), folder / "own.safetensors")
    for name in ("empty", "pipeline", "nameless", "bare", "two", "broken", "list"):
        (folder / name).mkdir()
    configs = {
        "pipeline": json.dumps({"_class_name": "UNet2DConditionModel"}),
        "nameless": "{}",
        "list": "[]",
        "broken": "{",
        "bare": json.dumps({"_class_name": "AutoencoderKL"}),
        "two": json.dumps({"_class_name": "AutoencoderKL"}),
    }
    for name, text in configs.items():
        (folder / name / "config.json").write_text(text)
    for name in ("model", "model.fp16"):
        save_file({"weight": torch.zeros(3)}, folder / "two" / f"{name}.safetensors")
    return {
        "absent": "there is no file or folder",
        "text.safetensors": "not a safetensors file",
        "others.safetensors": "no autoencoder of the TAESD family, and no config.json beside it",
        "bent.safetensors": "not the weights of a TAESD autoencoder",
        "own.safetensors": "latentinpaint's own",
        "empty": "no config.json of diffusers and no pair",
        "pipeline": "names the class UNet2DConditionModel",
        "nameless": "names no class",
        "list": "names no class",
        "broken": "cannot be read as JSON",
        "bare": "no safetensors file of weights",
        "two": "several files of weights, model.fp16.safetensors, model.safetensors",
    }


def test_what_is_none_is_one_sentence(tmp_path):
    for name, said in write_refused(tmp_path).items():
        with pytest.raises(InputError) as error:
            read_foreign_autoencoder(tmp_path / name)
        message = str(error.value)
        assert str(tmp_path / name) in message and said in message and "\n" not in message, message


def test_weights_of_another_configuration(tmp_path):
    saved_by_the_library("AutoencoderKL", tmp_path)
    file = tmp_path / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    name = "encoder.conv_in.weight"
    others = {
        "1 of its tensors are missing and 0 unknown, such as encoder.conv_in.weight": {
            key: value for key, value in weights.items() if key != name
        },
        "0 of its tensors are missing and 1 unknown, such as extra": {**weights, "extra": torch.zeros(1)},
        r"encoder.conv_in.weight has the shape \(8, 1, 3, 3\)": {**weights, name: torch.zeros(8, 1, 3, 3)},
    }
    for said, tensors in others.items():
        save_file(tensors, file)
        with pytest.raises(InputError, match=said):
            read_foreign_autoencoder(tmp_path)
