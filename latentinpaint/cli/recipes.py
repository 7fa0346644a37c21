"""`recipes`: the configurations that come with the package."""

import itertools
import sys

from latentinpaint.cli import COMMANDS
from latentinpaint.errors import choose
from latentinpaint.training.recipe_files import configuration, recipe_names, recipes

# How a recipe's name is given to the command that trains it, where it is not --config NAME.
_BY_FOLDER = {"make_default": "--recipe FOLDER", "ablation": "--configs FOLDER"}


def command(show: str | None = None) -> None:
    """List the configurations that come with the package: what each needs -> what it has reached.

    They are taken by name, as in `latentinpaint train_latent --config latent_ffc`. To change one, write it to a file
    and give that: `latentinpaint recipes --show latent_ffc > mine.yaml`.

    Args:
        show: print this recipe's file instead.
    """
    if show is not None:
        choose(dict.fromkeys(recipe_names()), show, "recipe")
        sys.stdout.write(configuration(show).read_text(encoding="utf-8"))
        return
    found = sorted(recipes(), key=lambda recipe: list(COMMANDS).index(recipe.command))
    width = max(map(len, recipe_names()))
    for name, of_command in itertools.groupby(found, key=lambda recipe: recipe.command):
        print(f"latentinpaint {name} {_BY_FOLDER.get(name, '--config NAME')}")
        for recipe in of_command:
            print(f"  {recipe.name:<{width}}  {recipe.needs} -> {recipe.reaches}")
