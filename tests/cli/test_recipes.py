"""The command `recipes`."""

from latentinpaint.training.recipe_files import CONFIGS, recipe_names


def test_it_lists_every_recipe_on_a_line_of_its_own(done):
    lines = done("recipes").out.splitlines()
    named = [line.split()[0] for line in lines if line.startswith("  ")]
    assert sorted(named) == sorted(recipe_names())
    (moons,) = [line for line in lines if line.split()[0] == "moons"]
    assert "nothing -> two moons" in moons


def test_a_copy_can_be_made(done):
    assert done("recipes", "--show", "moons").out == (CONFIGS / "moons.yaml").read_text(encoding="utf-8")


def test_an_unknown_recipe(command):
    result = command("recipes", "--show", "moon")
    assert result.status == 2 and len(result.complaints) == 1 and "'moon'" in result.err
