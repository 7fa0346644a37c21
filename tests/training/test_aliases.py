"""`--refiner` and `--autoencoder`: written out, in the right place, and never in silent contradiction."""

from pathlib import Path

import pytest

from latentinpaint.errors import InputError
from latentinpaint.training.aliases import expand_aliases, find_configurations
from latentinpaint.training.cli import TrainingCLI
from latentinpaint.training.recipe_files import CONFIGS
from latentinpaint.training.tasks.latent_task import LatentTask

FFC = "latentinpaint.refiners.FFCRefiner"


def test_aliases():
    expanded = expand_aliases(["--refiner", "flow", "--autoencoder=a b", "--data.size", "64"])
    assert expanded[:2] == ["--model.refiner", "latentinpaint.refiners.FlowRefiner"]
    assert expanded[2:] == ["--model.autoencoder", "a b", "--data.size", "64"]
    config = str(CONFIGS / "latent_ffc.yaml")
    agreed = expand_aliases(["--refiner=ffc", "--config", config])
    assert agreed == ["--config", config]


def test_a_configuration_is_found_by_its_name_however_it_is_given():
    found = str(CONFIGS / "moons.yaml")
    words = ["--config", "moons", "--conf=moons", "-cmoons", "--data.size", "8"]
    assert find_configurations(words) == ["--config", found] * 3 + ["--data.size", "8"]


def test_of_two_names_of_one_option_the_later_wins():
    words = ["--model.autoencoder", "a", "--autoencoder", "b"]
    assert expand_aliases(words)[-1] == "b"
    assert expand_aliases([*words[2:], *words[:2]])[-1] == "a"


@pytest.mark.parametrize(
    ("words", "settings", "sentence"),
    [
        (["--refiner", "flow"], f"model:\n  refiner: {FFC}\n", "contradicts .*c.yaml, which names .*FFCRefiner"),
        (["--refiner=flow", "--model", "m.yaml"], "data:\n  size: 32\n", "contradicts the settings, .*FFCRefiner"),
        (["--ref", "flow"], f"model:\n  refiner: {FFC}\n", "write --refiner in full"),
        ([], f"refiner: flow\nmodel:\n  refiner: {FFC}\n", "it is 'refiner' below 'model'"),
        ([], f"autoencoder: a\nmodel:\n  refiner: {FFC}\n", "it is 'autoencoder' below 'model'"),
    ],
)
@pytest.mark.parametrize("config_last", [True, False])
def test_a_contradiction_is_one_sentence(words, settings, sentence, config_last, model_files, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(settings)
    Path("m.yaml").write_text(f"refiner: {FFC}\n")
    common = ["--model.autoencoder", str(model_files["autoencoder"]), "--data.root", "samples", *words]
    config = ["-cc.yaml"]
    with pytest.raises(InputError, match=sentence):
        TrainingCLI.build(LatentTask, common + config if config_last else config + common, "unused")


def test_a_refiner_finds_its_settings_in_a_configuration(model_files, tmp_path):
    (tmp_path / "c.yaml").write_text("model:\n  refiner:\n    init_args:\n      blocks: 2\n")
    words = ["--data.root", "samples", "--autoencoder", str(model_files["autoencoder"]), "--refiner", "ffc"]
    cli = TrainingCLI.build(LatentTask, [*words, "--config", str(tmp_path / "c.yaml")], "unused")
    assert cli.model.pipeline.refiner.arguments["blocks"] == 2
