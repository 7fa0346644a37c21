"""Short forms of options of the training commands: `--refiner` is `--model.refiner`, and so is `--autoencoder`.

A plain alias would win silently over a configuration that names another refiner, or lose to it; here that is an
error.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from latentinpaint.errors import InputError, choose
from latentinpaint.refiners import REFINERS, Refiner
from latentinpaint.training.option_order import is_configuration, most_exact_last
from latentinpaint.training.recipe_files import configuration

ALIASES = ("--refiner", "--autoencoder")
CONFIGURATION = "--config"


def find_configurations(arguments: Sequence[str]) -> list[str]:
    """The arguments with the file of every configuration in place of its name.

    Raises:
        InputError: if there is no such configuration.
    """
    words = []
    for option, value in _options_with_values(arguments):
        words.append(option)
        if option == CONFIGURATION and value is not None:
            path = configuration(value)
            if not isinstance(_settings_in(path), dict):
                raise InputError(f"the configuration {value} holds no settings")
            words.append(str(path))
        elif value is not None:
            words.append(value)
    return words


def expand_aliases(arguments: Sequence[str]) -> list[str]:
    """`--refiner` and `--autoencoder` written out, and everything in the order of `most_exact_last`.

    Where no configuration names a refiner, the option decides. This is not left to the parser: it would have to know
    of a later configuration before it takes an earlier option.

    Raises:
        InputError: if the refiner is not known, or a configuration names another.
    """
    words = []
    for option, value in _options_with_values(arguments):
        if option == "--refiner":
            continue
        words.append("--model.autoencoder" if option == "--autoencoder" else option)
        if value is not None:
            words.append(value)
    expanded = most_exact_last(words)
    refiner = _refiner_option(arguments)
    if refiner is None:
        return expanded
    class_name = choose(REFINERS, refiner, "refiner").__name__
    if _is_configured(refiner, class_name, arguments):
        return expanded
    # In front, so that options such as --model.refiner.blocks find their class.
    return ["--model.refiner", f"latentinpaint.refiners.{class_name}", *expanded]


def check_refiner(built: Refiner, arguments: Sequence[str]) -> None:
    """Raise `InputError` if `--refiner` is among the arguments and settings beside it led to another refiner."""
    refiner = _refiner_option(arguments)
    if refiner is not None and type(built) is not REFINERS[refiner]:
        name = type(built).__name__
        raise InputError(f"--refiner {refiner} contradicts the settings, which name {name}: leave one out")


def _refiner_option(arguments: Sequence[str]) -> str | None:
    return dict(_options_with_values(arguments)).get("--refiner")


def _is_configured(refiner: str, class_name: str, arguments: Sequence[str]) -> bool:
    """Whether a configuration names the refiner; one that names another is an `InputError`."""
    configured = False
    for option, config in _options_with_values(arguments):
        if option != CONFIGURATION or config is None:
            continue
        named = _refiner_in(config)
        if named is None:
            continue
        if named.rsplit(".", 1)[-1] != class_name:
            raise InputError(f"--refiner {refiner} contradicts {config}, which names {named}: leave one of them out")
        configured = True
    return configured


def _options_with_values(arguments: Sequence[str]) -> list[tuple[str, str | None]]:
    """The aliases and configurations with their values, `--option value` or `--option=value`; all else by itself."""
    options: list[tuple[str, str | None]] = []
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if is_configuration(word):
            name = CONFIGURATION
            joined = re.match(r"-c=?(.+)", word)
            if joined:
                options.append((name, joined[1]))
                continue
        elif name not in ALIASES:
            options.append((word, None))
            continue
        if not equals:
            following = next(words, None)
            if following is None:
                raise InputError(f"{name} needs a value")
            value = following
        options.append((name, value))
    return options


def _refiner_in(config: str) -> str | None:
    """The refiner's class that a configuration names, if any."""
    refiner = _entry(_entry(_settings_in(Path(config)), "model"), "refiner")
    if isinstance(refiner, str):
        return refiner
    return _entry(refiner, "class_path")


def _settings_in(config: Path) -> object:
    """What a configuration holds."""
    try:
        return yaml.safe_load(config.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"the configuration {config} cannot be read: it is no YAML") from error


def _entry(settings: object, key: str) -> Any:  # noqa: ANN401  YAML holds anything
    """An entry of a mapping; None of anything else."""
    if isinstance(settings, dict):
        return settings.get(key)
    return None
