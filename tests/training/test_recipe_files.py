"""Recipes: found by name from anywhere, described by the comment at their head."""

import re

import pytest
import yaml

from latentinpaint.cli import COMMANDS
from latentinpaint.errors import InputError
from latentinpaint.training import recipe_files
from latentinpaint.training.recipe_files import CONFIGS, configuration, configuration_folder


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A working folder that has a file of its own beside none of the recipes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("output: mine\n")
    return tmp_path


def test_every_configuration_of_a_training_says_what_it_needs_and_reaches():
    found = {recipe.name: recipe for recipe in recipe_files.recipes()}
    trained = {p for p in CONFIGS.rglob("*.yaml") if "trainer" in yaml.safe_load(p.read_text(encoding="utf-8"))}
    assert {recipe.path for recipe in found.values()} == trained
    for recipe in found.values():
        assert recipe.command in COMMANDS, recipe
        assert recipe.needs and recipe.reaches and "\n" not in recipe.needs + recipe.reaches, recipe
    assert found["moons"].needs == "nothing"
    assert found["latent_ffc"].command == "train_latent"


def test_names_and_paths(elsewhere):
    assert configuration("latent_ffc") == CONFIGS / "latent_ffc.yaml"
    assert configuration("default/refiner") == CONFIGS / "default" / "refiner.yaml"
    assert configuration("mine.yaml").read_text() == "output: mine\n"
    assert configuration_folder("ablation") == CONFIGS / "ablation"
    assert configuration_folder("mine") == elsewhere.relative_to(elsewhere) / "mine"


@pytest.mark.parametrize("name", ["latent_fcc", "configs/latent_ffc.yaml"])
def test_a_wrong_name_is_answered_by_a_right_one(name, elsewhere):
    with pytest.raises(InputError, match=f"no configuration {re.escape(name)}: .* such as latent_ffc"):
        configuration(name)


def test_a_name_like_no_other_is_answered_by_the_list(elsewhere):
    with pytest.raises(InputError, match="latentinpaint recipes"):
        configuration("qqqqqq")
