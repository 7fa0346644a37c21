"""The order in which the words of a command line are read: what is said more exactly is said last, so that it holds.

The parser reads from left to right, and what it reads later replaces what it read before. A configuration, or a file
that stands for a group of options (`--data data.yaml`), would replace every option that stands before it.
"""

import re
from collections.abc import Sequence
from itertools import chain

_SHORTEST = len("--co")  # argparse takes the beginning of an option's name for the option; --c may be another


def most_exact_last(arguments: Sequence[str]) -> list[str]:
    """The words of a command line with the configurations first, and a group's or class's option before its settings.

    Nothing else changes its place: of two configurations, or of one option given twice, the later one wins.

    Args:
        arguments: the words; each option, `--option value` or `--option=value`, is followed by its values.
    """
    options = _options(arguments)
    lists: tuple[str, ...] = ()
    for name in map(_name, options):
        if name.endswith("+"):
            lists += (name[:-1] + ".",)
    options.sort(key=lambda words: _exactness(words, lists))
    return list(chain.from_iterable(options))


def is_configuration(option: str) -> bool:
    """Whether an option, `--config`, `--config=file` or `-cfile`, names a configuration."""
    name = option.partition("=")[0]
    if name.startswith("--"):
        return len(name) >= _SHORTEST and "--config".startswith(name)
    return name.startswith("-c")


def _options(arguments: Sequence[str]) -> list[list[str]]:
    """The options, each with its values."""
    options: list[list[str]] = []
    for word in arguments:
        if not options or re.match(r"--?[A-Za-z]", word):
            options.append([])
        options[-1].append(word)
    return options


def _exactness(words: Sequence[str], lists: tuple[str, ...]) -> int:
    """How exact an option is: -1 for a configuration, else the dots in its name.

    Settings that follow `--trainer.callbacks+=…` belong to the item that was added last, and stay with it: they are
    as exact as that option. `lists` has the beginnings of their names.
    """
    if is_configuration(words[0]):
        return -1
    name = _name(words)
    for beginning in lists:
        if name.startswith(beginning):
            return beginning.count(".") - 1
    return name.count(".")


def _name(words: Sequence[str]) -> str:
    """The name of an option, which may have its value in the same word."""
    return words[0].partition("=")[0]
