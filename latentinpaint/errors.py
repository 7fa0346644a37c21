"""The exception for input that cannot be used, and the checks that raise it everywhere in the same words.

Everything a user can get wrong (a missing file, a mask of another size, a checkpoint for another
autoencoder) is raised as `InputError` with one plain sentence that names the thing and says what to do.
The command line prints that sentence alone and ends with status 2; from Python it is a `ValueError`.
"""

import io
import operator
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, Protocol, TextIO, TypeVar

T = TypeVar("T")
LISTED = 20  # things that a sentence names
SHOWN = 60  # characters of a value that a message quotes
# Control characters, marks that turn the direction of writing, separators of lines, surrogates.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class InputError(ValueError):
    """Input that cannot be used. The message is one plain sentence and names the file or option.

    Names of files may hold anything: what is not printable in them stands as an escape, see `printable`.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(printable(message))


class MissingPackageError(InputError):
    """An optional package is needed and not installed; the sentence says what to install."""


def printable(text: object) -> str:
    """Text, or the text of a path, on one line: control characters and undecodable bytes as escapes like ``\\x1b``.

    A name may hold line breaks, or sequences that a terminal takes for commands.
    """
    return _UNPRINTABLE.sub(_escape, str(text))


def listed(things: Sequence[object], most: int = LISTED, separator: str = ", ") -> str:
    """Files and other things in a sentence, `printable`: the first of them, and how many more there are."""
    text = separator.join(map(printable, things[:most]))
    if len(things) > most:
        text += f"{separator}and {len(things) - most} more"
    return text


def count_of(number: int, noun: str, verbs: str = "") -> str:
    """A number with its noun and, where one follows, its verb: "1 picture was", "2 pictures were", "1,234 steps".

    Args:
        number: how many.
        noun: of one, and with an s of several.
        verbs: of one and of several, such as "was/were".
    """
    singular, _, plural = verbs.partition("/")
    if number == 1:
        return f"1 {noun} {singular}".rstrip()
    return f"{number:,} {noun}s {plural}".rstrip()


def escape_unencodable(stream: TextIO) -> None:
    """Have a terminal's stream show what its encoding lacks, such as undecodable bytes of a name, as escapes."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", errors="surrogatepass").decode("ascii")


def choose(registry: Mapping[str, T], name: str, entry: str) -> T:
    """The entry of a registry that a user named.

    Args:
        registry: the entries by name.
        name: what the user wrote.
        entry: the word for an entry, such as "solver", for the message.

    Raises:
        InputError: if there is no such entry; the message lists all names.
    """
    if not isinstance(name, str) or name not in registry:
        raise InputError(f"there is no {entry} '{name}': choose one of {', '.join(registry)}")
    return registry[name]


def check_at_least(name: str, value: float, smallest: float) -> None:
    """Raise an `InputError` unless `value` is at least `smallest`; `name` is what the user calls it."""
    try:
        is_enough = bool(value >= smallest)
    except (TypeError, ValueError, RuntimeError) as error:  # no number, or several of them
        raise InputError(f"{name} is a number, not {shown(value)}") from error
    if not is_enough:
        raise InputError(f"{name} starts at {smallest}, not at {value}")


def check_above_zero(name: str, value: float) -> None:
    """Raise an `InputError` unless `value` is above 0; `name` is what the user calls it."""
    if not value > 0:  # also where it is NaN
        raise InputError(f"{name} is above 0, not {value}")


def whole_number(name: str, value: object, smallest: int | None = None) -> int:
    """A whole number that a user gave, as a Python int.

    Args:
        name: what the user calls it, for the message.
        value: an int, a NumPy integer, or an array or tensor that holds a single one.
        smallest: what it must not be below; None is no limit.

    Raises:
        InputError: if it is anything else (1.5, True, None, text), or below `smallest`.
    """
    try:
        if _is_truth_value(value):
            raise TypeError("True and False are no numbers")
        number = operator.index(value)  # type: ignore[arg-type]  # whatever it is, index refuses what is no integer
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{name} is a whole number, not {shown(value)}") from error
    if smallest is not None:
        check_at_least(name, number, smallest)
    return number


def yes_or_no(name: str, value: object) -> bool:
    """A truth value that a user gave, of Python, NumPy or PyTorch; `name` is what the user calls it.

    Raises:
        InputError: if it is anything else.
    """
    try:
        if not _is_truth_value(value):
            raise TypeError("no truth value")
        return bool(value)
    except (TypeError, ValueError, RuntimeError) as error:  # several values have no truth value either
        raise InputError(f"{name} is True or False, not {shown(value)}") from error


def _is_truth_value(value: object) -> bool:
    return isinstance(value, bool) or str(getattr(value, "dtype", "")) in ("bool", "torch.bool")


def shown(value: object) -> str:
    """A value as a message shows it: what is long, such as an array, by its type alone."""
    text = repr(value)
    if len(text) > SHOWN or "\n" in text or " at 0x" in text:
        return f"a value of type {type(value).__name__}"
    return text


def check_counts(counts: Mapping[str, int | None]) -> None:
    """Raise an `InputError` unless every count is a whole number from 1, or None; the keys are the user's names."""
    for name, value in counts.items():
        if value is not None:
            whole_number(name, value, 1)


def check_suffix(name: str, path: str, *suffixes: str) -> None:
    """Raise an `InputError` unless a path ends in a suffix, in any case; `name` is what the user calls it."""
    if PurePath(path).suffix.lower() not in suffixes:
        raise InputError(f"{name} ends in {' or '.join(suffixes)}, not like {path}")


def check_same_size(
    mask_size: Sequence[int], picture_size: Sequence[int], mask: str = "the mask", picture: str = "the picture"
) -> None:
    """Raise an `InputError` unless a mask has the size of its picture.

    Args:
        mask_size, picture_size: (height, width).
        mask, picture: how the message names them, such as "the mask hole.png".
    """
    mask_height, mask_width = mask_size
    height, width = picture_size
    if (mask_height, mask_width) != (height, width):
        raise InputError(
            f"{mask} is {mask_width}x{mask_height} pixels, {picture} {width}x{height}: they have to be equal"
        )


class _HasAny(Protocol):
    def any(self) -> Any: ...  # noqa: ANN401  a NumPy bool or a tensor


def check_has_hole(hole: _HasAny, mask: str = "the mask") -> None:
    """Raise an `InputError` if no element of an array or tensor is true; `mask` is how the message names it."""
    if not hole.any():
        raise InputError(f"{mask} has no hole: paint it white; dark colours and transparent parts are kept")


def missing_package(error: ModuleNotFoundError) -> str:
    """The sentence for a package that is not installed; a module of this package that is missing is raised."""
    package = str(error.name).partition(".")[0]
    if package == "latentinpaint":
        raise error
    return (
        f"this needs the package {package}, which is not installed: pip install latentinpaint installs what all "
        "commands need"
    )
