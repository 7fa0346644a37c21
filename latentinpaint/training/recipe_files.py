"""The recipes that come with the package: configurations of the training commands, found by name from anywhere.

A recipe is a YAML file of the folder `configs`. Its name is its path there without the suffix, such as ``latent_ffc``
or ``default/refiner``; a folder of them, such as ``ablation``, has a name likewise. The head comment of a file says
what it is, what it needs, what it reaches, and the command that trains it.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import latentinpaint
from latentinpaint.errors import InputError
from latentinpaint.files import user_path

SUFFIX = ".yaml"
_PACKAGE = Path(latentinpaint.__file__).parent
# In the package where it is installed, beside it in the repository.
CONFIGS = next(path for path in (_PACKAGE / "configs", _PACKAGE.parent / "configs") if path.is_dir())
_TRAINED_BY = r"pretrain_ae|train_\w+|make_default|ablation"  # commands, in the heads of recipes


@dataclass(frozen=True)
class Recipe:
    """A configuration that comes with the package, as the comment at its head describes it.

    Attributes:
        name: by which commands find it.
        needs: what has to be there.
        reaches: what it comes to, in which time.
        command: the command that trains it, such as "train_flow".
    """

    name: str
    needs: str
    reaches: str
    command: str

    @property
    def path(self) -> Path:
        """Its file."""
        return CONFIGS / f"{self.name}{SUFFIX}"


def recipes() -> Iterator[Recipe]:
    """All recipes, by name; files without a training of their own, such as a texture's, are none."""
    for path in sorted(CONFIGS.rglob(f"*{SUFFIX}")):
        head = _head(path)
        if "Needs" in head:
            name = path.relative_to(CONFIGS).with_suffix("").as_posix()
            yield Recipe(name, head["Needs"], head["Reaches"], head["command"])


def configuration(name: str) -> Path:
    """The file of a configuration: a recipe by its name, else a path.

    Raises:
        InputError: if there is neither; the message names the recipes of similar names.
    """
    recipe = CONFIGS / f"{name}{SUFFIX}"
    if recipe.is_file():
        return recipe
    path = user_path(name)
    if not path.is_file():
        raise InputError(f"there is no configuration {name}: give a file, or {_similar(name, recipe_names())}")
    return path


def configuration_folder(name: str) -> Path:
    """A folder of configurations: one that comes with the package by its name, else a path."""
    recipe = CONFIGS / name
    if recipe.is_dir():
        return recipe
    return user_path(name)


def recipe_names() -> list[str]:
    """The names of all recipes."""
    return [recipe.name for recipe in recipes()]


def _similar(name: str, names: list[str]) -> str:
    """Words for the recipes that someone who wrote `name` may have meant, a path's last part counts."""
    close = difflib.get_close_matches(Path(name).stem, names)
    if close:
        return f"the name of a recipe, such as {' or '.join(close)}"
    return "the name of a recipe; `latentinpaint recipes` lists them"


def _head(path: Path) -> dict[str, str]:
    """The entries of the comment at the head of a configuration, "Needs" and "Reaches", and its first "command"."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").removeprefix(" "))
    text = "\n".join(lines)
    head = {}
    for key in ("Needs", "Reaches"):
        entry = re.search(rf"^{key}: (.*?)\.?$", text, re.MULTILINE)
        if entry:
            head[key] = entry[1]
    command = re.search(rf"^ +latentinpaint ({_TRAINED_BY})\b", text, re.MULTILINE)
    if command:
        head["command"] = command[1]
    return head
