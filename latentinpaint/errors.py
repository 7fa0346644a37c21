"""The exception for input that cannot be used, and the checks that raise it everywhere in the same words.

Everything a user can get wrong (a missing file, a mask of another size, a checkpoint for another
autoencoder) is raised as `InputError` with one plain sentence that names the thing and says what to do.
The command line prints that sentence alone and ends with status 2; from Python it is a `ValueError`.
"""

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


class InputError(ValueError):
    """Input that cannot be used. The message is one plain sentence and names the file or option."""


def choose(registry: Mapping[str, T], name: str, entry: str) -> T:
    """The entry of a registry that a user named.

    Args:
        registry: the entries by name.
        name: what the user wrote.
        entry: the word for an entry, such as "solver", for the message.

    Raises:
        InputError: if there is no such entry; the message lists all names.
    """
    if name not in registry:
        raise InputError(f"there is no {entry} '{name}': choose one of {', '.join(registry)}")
    return registry[name]


def check_at_least(name: str, value: float, smallest: float) -> None:
    """Raise an `InputError` unless `value` is at least `smallest`; `name` is what the user calls it."""
    if not value >= smallest:
        raise InputError(f"{name} starts at {smallest}, not at {value}")


def check_counts(counts: Mapping[str, int | None]) -> None:
    """Raise an `InputError` unless every count is at least 1, or None; the keys are what the user calls them."""
    for name, value in counts.items():
        if value is not None:
            check_at_least(name, value, 1)
