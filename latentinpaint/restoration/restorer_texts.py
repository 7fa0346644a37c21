"""Methods of restoration by texts, the same in commands and reports: ``pnp_flow`` or ``pnp_flow:exponent=.5``."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from itertools import product
from typing import Any

from latentinpaint.errors import InputError, choose
from latentinpaint.restoration import RESTORERS, Restorer

KINDS: dict[type, str] = {int: "whole number", float: "number", str: "word"}


def read_restorer(text: str) -> Restorer:
    """A method with the hyper-parameters that follow its name, each behind a colon.

    Raises:
        InputError: if there is no such method or hyper-parameter, or a value cannot be used.
    """
    name, *words = text.split(":")
    method = choose(RESTORERS, name, "method of restoration")
    types = {field.name: field.type for field in fields(method)}
    given: dict[str, Any] = {}
    for word in words:
        setting, equals, value = word.partition("=")
        if setting not in types or not equals:
            raise InputError(f"'{word}' sets nothing of {name}: write one of {', '.join(types)}, = and a value")
        kind = types[setting]
        assert isinstance(kind, type)
        try:
            given[setting] = kind(value)
        except ValueError as error:
            raise InputError(f"{setting} of {name} is a {KINDS[kind]}, not '{value}'") from error
    return method(**given)


def candidates(text: str) -> list[str]:
    """The texts of a method with every value of its grid; what a text sets already stays as it is."""
    method = read_restorer(text)
    found = [text]
    for name, values in method.grid.items():
        if f":{name}=" in text:
            continue
        longer = []
        for start, value in product(found, values):
            longer.append(f"{start}:{name}={value}")
        found = longer
    return found


def restorer_names(texts: Sequence[str]) -> list[str]:
    """What the methods are called: by their first word, or by the whole text where several have the same.

    Raises:
        InputError: if a text occurs twice.
    """
    counts = Counter(map(_first_word, texts))
    names: list[str] = []
    for text in texts:
        name = _first_word(text)
        if counts[name] > 1:
            name = text
        if name in names:
            raise InputError(f"the method {name} is named twice")
        names.append(name)
    return names


def restorer_label(text: str) -> str:
    """The method's name for people, with the hyper-parameters that a text sets."""
    label = read_restorer(text).label
    words = text.split(":")[1:]
    if not words:
        return label
    return f"{label} ({', '.join(words).replace('=', ' ')})"


def _first_word(text: str) -> str:
    return text.partition(":")[0]
