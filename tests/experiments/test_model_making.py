"""Making a default model: time shared out, a run that goes on, a file and a card that tell the truth."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from latentinpaint.cli import main
from latentinpaint.errors import InputError
from latentinpaint.experiments import model_making
from latentinpaint.experiments.model_making import STAGES, shared_out, time_budget
from latentinpaint.training.recipe_files import CONFIGS
from latentinpaint.weights import load_model
from latentinpaint.weights import read_header as header_of_run

REPOSITORY = Path(__file__).resolve().parents[2]
AUTOENCODER = """
ema: 0.9
model:
  autoencoder:
    class_path: latentinpaint.models.ResidualAutoencoder
    init_args:
      latent_channels: 8
      encoder_widths: [12, 48, 48]
      encoder_blocks: [0, 0, 0]
      decoder_widths: [48, 48, 12]
      decoder_blocks: [0, 0, 0]
  learning_rate: 0.00001
  statistic_batches: 2
data: {size: 32, batch_size: 2, epoch_length: 8}
trainer: {max_steps: 2, limit_val_batches: 0}
"""
REFINER = """
ema: 0.9
model:
  refiner:
    class_path: latentinpaint.refiners.FFCRefiner
    init_args: {blocks: 1, width: 8, delta: true, uncertainty: true}
data: {size: 32, batch_size: 2, epoch_length: 8}
trainer: {max_steps: 3, limit_val_batches: 0}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A tiny recipe, its photographs in a zip file, and what the command made of them."""
    folder = tmp_path_factory.mktemp("default")
    recipe = folder / "tiny"
    recipe.mkdir()
    (recipe / "autoencoder.yaml").write_text(AUTOENCODER)
    (recipe / "refiner.yaml").write_text(REFINER)
    (recipe / "texture.yaml").write_text("guidance: 0.5\n")
    generator = np.random.default_rng(0)
    with zipfile.ZipFile(folder / "photos.zip", "w") as archive:
        for number in range(12):
            low = generator.integers(0, 256, (4, 4, 3), np.uint8)
            picture = folder / f"{number}.png"
            Image.fromarray(low).resize((64, 64), Image.Resampling.BICUBIC).save(picture)
            archive.write(picture, picture.name)
    run(folder)
    return folder


def run(folder):
    arguments = ["--photos", str(folder / "photos.zip"), "--recipe", str(folder / "tiny")]
    arguments += ["--output", str(folder / "out"), "--evaluated", "1", "--num-workers", "1", "--precision", "32-true"]
    with pytest.raises(SystemExit) as end:
        main("make-default", arguments)
    assert not end.value.code


def header(path):
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["latentinpaint"])


def test_the_file_says_how_it_was_made(made):
    recipe = header(made / "out" / "tiny.safetensors")["recipe"]
    assert recipe["command"] == "latentinpaint make_default --photos photos.zip --recipe tiny"
    assert [(each["name"], each["photographs"]) for each in recipe["photographs"]] == [("photos", 12)]
    assert {name: stage["steps"] for name, stage in recipe["stages"].items()} == {"autoencoder": 2, "refiner": 3}
    assert recipe["stages"]["refiner"]["settings"]["data"]["size"] == 32
    assert set(recipe["figures"]) >= {"the networks alone", "the model"}
    assert str(made) not in json.dumps(recipe)
    assert recipe["command"] in (made / "out" / "MODEL_CARD.md").read_text()


def test_the_model_is_what_the_stages_left_rounded_to_16_bits(made):
    model = load_model(made / "out" / "tiny.safetensors")
    trained = load_model(made / "out" / "refiner").pipeline.state_dict()
    assert model.texture is not None and model.texture.guidance == 0.5
    parameters = {name for name, _ in model.pipeline.named_parameters()}
    for name, value in model.pipeline.state_dict().items():
        expected = trained[name].half().float() if name in parameters else trained[name]
        assert torch.equal(value, expected), name
    with safe_open(made / "out" / "tiny.safetensors", framework="pt") as file:
        assert file.get_tensor("refiner.enter.weight").dtype == torch.float16


def test_done_stages_are_not_trained_again(made, monkeypatch):
    def refuse(arguments):
        raise AssertionError("trained again")

    before = (made / "out" / "tiny.safetensors").read_bytes()
    monkeypatch.setattr(model_making, "STAGES", [_with(stage, refuse) for stage in STAGES])
    run(made)
    assert (made / "out" / "tiny.safetensors").read_bytes() == before


def test_a_stage_that_was_stopped_goes_on(made, monkeypatch):
    asked = []
    (made / "out" / "refiner" / "model.safetensors").rename(made / "out" / "kept.safetensors")

    def note(arguments):
        asked.append(arguments)
        (made / "out" / "kept.safetensors").rename(made / "out" / "refiner" / "model.safetensors")

    monkeypatch.setattr(model_making, "STAGES", [_with(stage, note) for stage in STAGES])
    run(made)
    ((words),) = asked
    options = dict(zip(words[::2], words[1::2], strict=True))
    assert options["--ckpt_path"] == "last"
    assert options["--model.autoencoder"] == str(made / "out" / "autoencoder")


@pytest.mark.parametrize(
    "optional",
    [(), ("refiner_again",), ("deeper",), ("shortcuts",), ("adversarial",), ("refiner_again", "adversarial")],
)
def test_a_stage_takes_what_the_one_before_it_left(optional, made, tmp_path, monkeypatch):
    asked = []
    (tmp_path / "recipe").mkdir()
    for name in ("autoencoder", "refiner", *optional):
        (tmp_path / "recipe" / f"{name}.yaml").write_text((made / "tiny" / "refiner.yaml").read_text())
    monkeypatch.setattr(model_making, "STAGES", [_with(stage, asked.append) for stage in STAGES])
    monkeypatch.setattr(model_making, "load_model", lambda folder: load_model(made / "out" / "refiner"))
    monkeypatch.setattr(model_making, "read_header", lambda folder: header_of_run(made / "out" / "refiner"))
    arguments = ["--photos", str(made / "photos.zip"), "--recipe", str(tmp_path / "recipe"), "--precision", "32-true"]
    with pytest.raises(SystemExit) as end:
        main("make_default", [*arguments, "--output", str(tmp_path / "out"), "--evaluated", "1"])
    assert not end.value.code
    trained = []
    for words in asked:
        options = dict(zip(words[::2], words[1::2], strict=True))
        trained.append((options.get("--model.autoencoder"), options.get("--model.start")))
    out = tmp_path / "out"
    expected = [(None, None), (str(out / "autoencoder"), None)]
    for earlier in ("refiner", *optional)[: len(optional)]:
        expected.append((None, str(out / earlier)))
    assert trained == expected


def test_a_recipe_may_name_its_autoencoder(made, tmp_path, monkeypatch):
    asked = []
    (tmp_path / "named").mkdir()
    for name in ("refiner", "shortcuts"):
        (tmp_path / "named" / f"{name}.yaml").write_text(REFINER.replace("model:", "model:\n  autoencoder: default"))
    monkeypatch.setattr(model_making, "STAGES", [_with(stage, asked.append) for stage in STAGES])
    monkeypatch.setattr(model_making, "load_model", lambda folder: load_model(made / "out" / "refiner"))
    monkeypatch.setattr(model_making, "read_header", lambda folder: header_of_run(made / "out" / "refiner"))
    monkeypatch.chdir(tmp_path)
    arguments = ["--photos", str(made / "photos.zip"), "--recipe", "named", "--precision", "32-true"]
    with pytest.raises(SystemExit) as end:
        main("make_default", [*arguments, "--evaluated", "1"])
    assert not end.value.code
    first, second = (dict(zip(words[::2], words[1::2], strict=True)) for words in asked)
    assert "--model.autoencoder" not in first and "--model.start" not in first
    assert second["--model.start"] == str(Path("runs", "named", "refiner"))
    assert (tmp_path / "runs" / "named" / "named.safetensors").is_file()


def test_a_recipe_may_begin_with_a_model_to_go_on_from(made, tmp_path, monkeypatch):
    """The file tells of the stages and of the command of that model too."""
    start = made / "out" / "tiny.safetensors"
    (tmp_path / "more").mkdir()
    deeper = REFINER.replace("model:", f"model:\n  start: {start}").replace("blocks: 1", "blocks: 2")
    (tmp_path / "more" / "deeper.yaml").write_text(deeper)
    monkeypatch.chdir(tmp_path)
    arguments = ["--photos", str(made / "photos.zip"), "--recipe", "more", "--precision", "32-true"]
    with pytest.raises(SystemExit) as end:
        main("make_default", [*arguments, "--evaluated", "1", "--num-workers", "0"])
    assert not end.value.code
    path = tmp_path / "runs" / "more" / "more.safetensors"
    recipe = header(path)["recipe"]
    assert {name: stage["steps"] for name, stage in recipe["stages"].items()} == {
        "autoencoder": 2,
        "refiner": 3,
        "deeper": 3,
    }
    assert recipe["command"].splitlines() == [
        "latentinpaint make_default --photos photos.zip --recipe tiny",
        "latentinpaint make_default --photos photos.zip --recipe more",
    ]
    assert len(load_model(path).pipeline.refiner.blocks) == 2


def _with(stage, train):
    return model_making.Stage(stage.name, train, stage.model_file, stage.takes)


@pytest.mark.parametrize(("written", "seconds"), [("00:01:30:00", 5400.0), ("90m", 5400.0), (None, None)])
def test_time_budgets(written, seconds):
    assert time_budget({"trainer": {"max_time": written}}) == seconds


@pytest.mark.parametrize("written", ["1:30", "an hour", 90, "00:00:00:1.5"])
def test_a_time_that_cannot_be_read(written):
    with pytest.raises(InputError, match="trainer.max_time is a time such as"):
        time_budget({"trainer": {"max_time": written}})


def test_minutes_are_shared_out_in_the_recipe_s_proportions():
    settings = {"autoencoder": {"trainer": {"max_time": "00:00:10:00"}}, "adversarial": {}}
    settings["refiner"] = {"trainer": {"max_time": "00:00:30:00"}}
    assert shared_out(settings, None) == settings
    shared = shared_out(settings, 4.0)
    assert {name: time_budget(each) for name, each in shared.items()} == {
        "autoencoder": 60.0,
        "refiner": 180.0,
        "adversarial": None,
    }
    assert time_budget(settings["refiner"]) == 1800.0
    assert shared["refiner"]["trainer"]["max_time"] == "00:00:03:00"


def test_the_recipe_of_the_default_is_whole():
    """Its configurations are ones that the training commands take, and each has a time budget."""
    stages = ["default/autoencoder", "default/refiner", "default_gpu/deeper", "several/refiner", "several/shortcuts"]
    for stage in stages:
        settings = model_making._read_yaml(CONFIGS / f"{stage}.yaml")
        assert time_budget(settings) is not None
        assert settings["trainer"]["max_steps"] == -1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--photos", "nowhere.zip"], "nowhere.zip"),
        (["--photos", "nowhere.zip", "--recipe", "nowhere"], "recipe nowhere"),
        (["--photos", "nowhere.zip", "--minutes", "0"], "--minutes"),
        (["--photos", "nowhere.zip", "--evaluated", "0"], "--evaluated"),
        (["--photos", ""], "at least one"),
    ],
)
def test_mistakes_are_one_sentence(options, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    with pytest.raises(SystemExit) as end:
        main("make_default", [*options, "--output", str(tmp_path / "out"), "--precision", "32-true"])
    error = capsys.readouterr().err
    assert end.value.code == 2 and message in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_weights_that_are_named_and_not_there_are_found_out_before_the_training(made, tmp_path, capsys):
    arguments = ["--photos", str(made / "photos.zip"), "--recipe", str(made / "tiny"), "--precision", "32-true"]
    arguments += ["--lpips-weights", str(tmp_path / "none.pth"), "--output", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as end:
        main("make_default", arguments)
    assert end.value.code == 2 and "none.pth" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_card_says_the_time_that_each_stage_had(made, tmp_path, monkeypatch):
    """With minutes it is not the recipe's own."""
    (tmp_path / "timed").mkdir()
    for name in ("autoencoder", "refiner"):
        text = (made / "tiny" / f"{name}.yaml").read_text()
        (tmp_path / "timed" / f"{name}.yaml").write_text(
            text.replace("max_steps", 'max_time: "00:00:30:00", max_steps')
        )
    given = []
    monkeypatch.setattr(model_making, "STAGES", [_with(stage, given.append) for stage in STAGES])
    monkeypatch.setattr(model_making, "load_model", lambda folder: load_model(made / "out" / folder.name))
    monkeypatch.setattr(model_making, "read_header", lambda folder: header_of_run(made / "out" / folder.name))
    arguments = ["--photos", str(made / "photos.zip"), "--recipe", str(tmp_path / "timed"), "--precision", "32-true"]
    arguments += ["--output", str(tmp_path / "out"), "--evaluated", "1", "--minutes", "2"]
    with pytest.raises(SystemExit) as end:
        main("make_default", arguments)
    assert not end.value.code
    assert [words[words.index("--trainer.max_time") + 1] for words in given] == ["00:00:01:00"] * 2
    card = (tmp_path / "out" / "MODEL_CARD.md").read_text()
    assert card.count("00:00:01:00") == 2 and "00:00:30:00" not in card
