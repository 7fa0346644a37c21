"""The command `latentinpaint convert`: both ways, and the model it makes fills pictures as LaMa does."""

import numpy as np
import pytest
import torch
from oracles_lama import Generator, config_text, random_state, write_folder
from PIL import Image

from latentinpaint.models import LamaAutoencoder
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.refiners import FFCRefiner
from latentinpaint.weights import Model, read_header, save_model


@pytest.fixture(scope="module")
def weights():
    return random_state(ngf=4, blocks=2)


@pytest.fixture
def folder(weights, tmp_path):
    return write_folder(tmp_path / "lama", {"state_dict": weights}, config_text(4, 2))


def snapshot(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


def test_there_and_back(folder, weights, done, tmp_path):
    result = done("convert", "--lama", folder, "--output", tmp_path / "ours")
    assert result.out.splitlines() == [
        f"wrote {tmp_path / 'ours' / 'model.safetensors'}: "
        "LaMa's generator with ngf 4, 2 blocks of 32 channels, 24 of them global"
    ]
    assert result.err == ""
    recipe = read_header(tmp_path / "ours")["recipe"]
    assert recipe["converted_from"] == "LaMa" and recipe["file"] == "best.ckpt"
    done("convert", "--model", tmp_path / "ours", "--output", tmp_path / "back")
    theirs = torch.load(tmp_path / "back" / "models" / "best.ckpt", weights_only=True)["state_dict"]
    assert theirs.keys() == weights.keys()
    assert all(torch.equal(theirs[name], weights[name]) for name in weights)
    done("convert", "--lama", tmp_path / "back", "--output", tmp_path / "again.safetensors")
    done("convert", "--model", tmp_path / "again.safetensors", "--output", tmp_path / "twice" / "lama.pth")
    assert {path.name for path in (tmp_path / "twice").iterdir()} == {"config.yaml", "lama.pth"}


def test_without_a_configuration_the_sigmoid_is_assumed(weights, done, tmp_path):
    torch.save(weights, tmp_path / "plain.pth")
    result = done("convert", "--lama", tmp_path / "plain.pth", "--output", tmp_path / "ours")
    assert result.err.startswith("note: no config.yaml") and "sigmoid" in result.err
    (tmp_path / "elsewhere.yaml").write_text(config_text(4, 2))
    options = "--lama-config", tmp_path / "elsewhere.yaml", "--output", tmp_path / "again"
    assert done("convert", "--lama", tmp_path / "plain.pth", *options).err == ""


@pytest.mark.parametrize("size", [(40, 48), (37, 51), (16, 16)], ids=str)
def test_the_model_fills_as_lama_does(size, folder, weights, done, helpers, tmp_path):
    """Also where sides are no multiples of 8: the picture is reflected up to them."""
    done("convert", "--lama", folder, "--output", tmp_path / "ours")
    picture = helpers.smooth(*size)
    hole = np.zeros(size, bool)
    hole[5:14, 3:-4] = True
    Image.fromarray(picture).save(tmp_path / "photo.png")
    helpers.write_hole(tmp_path / "mask.png", hole)
    options = "--image", tmp_path / "photo.png", "--mask", tmp_path / "mask.png", "--output", tmp_path / "out.png"
    done("inpaint", "--model", tmp_path / "ours", *options)
    margins = [(0, -side % 8) for side in size]
    known = np.pad(np.where(hole[..., None], 0, picture / 255), [*margins, (0, 0)], mode="reflect")
    rgbm = np.concatenate([known, np.pad(hole.astype(float), margins, mode="reflect")[..., None]], axis=-1)
    expected = Generator(weights, 2)(torch.from_numpy(rgbm).permute(2, 0, 1)[None])
    expected = 255 * expected[0].permute(1, 2, 0).numpy()[: size[0], : size[1]]
    filled = np.asarray(Image.open(tmp_path / "out.png")).astype(float)
    assert np.array_equal(filled[~hole], picture[~hole])
    assert np.abs(filled - expected)[hole].max() <= 0.5 + 0.01  # rounding to 8 bits
    assert expected[hole].std() > 10


REFUSED = {
    "neither": ("--output {new}", "give either --lama"),
    "both": ("--lama {lama} --model {ours} --output {new}", "give either --lama"),
    "no output": ("--lama {lama}", "--output"),
    "missing checkpoint": ("--lama {absent} --output {new}", "{absent}"),
    "an empty folder": ("--lama {void} --output {new}", "{void}"),
    "text": ("--lama {text.ckpt} --output {new}", "{text.ckpt}"),
    "hostile": ("--lama {hostile.ckpt} --output {new}", "builtins.eval"),
    "tanh": ("--lama {lama} --lama-config {tanh.yaml} --output {new}", "add_out_act tanh"),
    "contradiction": ("--lama {lama} --lama-config {nine.yaml} --output {new}", "n_blocks 9"),
    "missing config": ("--lama {lama} --lama-config {absent} --output {new}", "{absent}"),
    "config on the way back": ("--model {ours} --lama-config {tanh.yaml} --output {new}", "--lama-config"),
    "a model as .ckpt": ("--lama {lama} --output {new}/x.ckpt", "x.ckpt"),
    "a checkpoint as .safetensors": ("--model {ours} --output {new}/x.safetensors", "x.safetensors"),
    "onto itself": ("--lama {plain.safetensors} --output {plain.safetensors}", "exists already"),
    "onto a model": ("--lama {lama} --output {ours}", "exists already"),
    "onto a checkpoint": ("--model {ours} --output {lama}", "is there already"),
    "into a file": ("--lama {lama} --output {text.ckpt}/ours", "{text.ckpt}"),
    "back into a file": ("--model {ours} --output {text.ckpt}/lama", "{text.ckpt}"),
    "our model as LaMa's": ("--lama {ours} --output {new}", "holds no generator"),
    "LaMa's as our model": ("--model {lama}/models/best.ckpt --output {new}", "best.ckpt"),
    "another configuration there": ("--model {ours} --output {lama}/models/third.ckpt", "{lama}/models/config.yaml"),
    "mask control": ("--model {controlled} --output {new}", "mask control"),
    "an autoencoder": ("--model {autoencoder} --output {new}", "autoencoder alone"),
    "unknown option": ("--lama {lama} --outptu {new}", "--outptu"),
}


@pytest.fixture
def place(folder, weights, model_files, tmp_path):
    """Paths by the names that the cases above use."""
    from safetensors.torch import save_file

    class Hostile:
        def __reduce__(self):
            return eval, (f"open({str(tmp_path / 'mark')!r}, 'w')",)

    (tmp_path / "void").mkdir()
    (tmp_path / "text.ckpt").write_text("this is no checkpoint")
    (tmp_path / "tanh.yaml").write_text(config_text(4, 2).replace("sigmoid", "tanh"))
    (tmp_path / "nine.yaml").write_text(config_text(4, 9))
    (folder / "models" / "config.yaml").write_text(config_text(4, 2))
    torch.save({"state_dict": weights, "x": Hostile()}, tmp_path / "hostile.ckpt")
    save_file(weights, tmp_path / "plain.safetensors")
    torch.manual_seed(0)
    made = InpaintPipeline(LamaAutoencoder(2, mask_channel=True), FFCRefiner(16, blocks=1))
    save_model(Model(made), tmp_path / "ours.safetensors")
    paths = {path.name: path for path in tmp_path.iterdir()}
    paths |= {"ours": tmp_path / "ours.safetensors", "new": tmp_path / "new", "absent": tmp_path / "absent"}
    return paths | {"controlled": model_files["ffc"], "autoencoder": model_files["autoencoder"]}


def filled_in(text, place):
    for name, path in place.items():
        text = text.replace("{" + name + "}", str(path))
    return text


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case, command, place, tmp_path):
    options, named = REFUSED[case]
    before = snapshot(tmp_path)
    result = command("convert", *filled_in(options, place).split())
    assert result.status == 2 and len(result.complaints) == 1, result
    assert filled_in(named, place) in result.complaints[0], result.err
    assert "Traceback" not in result.err and "Error" not in result.err
    assert snapshot(tmp_path) == before
