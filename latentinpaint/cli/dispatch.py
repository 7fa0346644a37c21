"""How a command is run: its typed function is its command line, its mistakes are one sentence."""

import inspect
import logging
import os
import re
import sys
import warnings
from argparse import ArgumentError, HelpFormatter
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import jsonargparse

from latentinpaint.errors import InputError, escape_unencodable
from latentinpaint.files import expand_home, expand_home_in
from latentinpaint.training.option_order import most_exact_last

_TYPE_NAMES = {"int": "a whole number", "float": "a number", "bool": "true or false"}
_LIST = list[str] | None  # the type of options that may be given several times
_SHORT = {"model.autoencoder": "autoencoder", "model.refiner": "refiner"}  # required by train_latent alone
_CHATTY = (
    "lightning_fabric.utilities.distributed",
    "lightning_fabric.utilities.seed",
    "lightning_fabric.utilities.rank_zero",
    "pytorch_lightning.utilities.rank_zero",
)


def run(name: str, module: ModuleType, arguments: Sequence[str]) -> int:
    """Run a command's module; returns its exit status: 0, 2 for input that cannot be used, or the module's own.

    A module offers a typed `command`; or, where the options are many, `Options`, a dataclass, and `run`, which takes
    one and may return a status: 1 if a part could not be done; or a function of the command's name that takes the
    arguments and the program's name, and reads its own command line.
    """
    quieten()
    escape_unencodable(sys.stdout)
    words = _with_negative_values([expand_home(_option(argument)) for argument in arguments])
    try:
        if hasattr(module, "Options"):
            return module.run(_call(module.Options, name, words)) or 0
        if hasattr(module, "command"):
            _call(module.command, name, words)
        else:
            getattr(module, name)(words, f"latentinpaint {name}")
    except (InputError, ArgumentError) as error:
        print(f"latentinpaint {name}: {error_sentence(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"latentinpaint {name}: stopped", file=sys.stderr)
        return 130
    return 0


def _call(component: Callable, name: str, arguments: Sequence[str]) -> Any:
    """A typed function or class, called with what the command line says."""
    return jsonargparse.auto_cli(
        component,
        args=most_exact_last(_gathered(component, _with_flags(component, arguments))),
        parser_class=_Parser,
        prog=f"latentinpaint {name}",
        exit_on_error=False,
        as_positional=False,
    )


class _Parser(jsonargparse.ArgumentParser):
    """Shows options with hyphens, as this package's documentation writes them; ~ begins a path in a home folder."""

    def parse_args(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  as the class above
        return expand_home_in(super().parse_args(*arguments, **options))

    def format_help(self, formatter: HelpFormatter | None = None) -> str:
        text = super().format_help(formatter)
        return re.sub(r"--[a-z][a-z_.]*", lambda match: match[0].replace("_", "-"), text)


def _option(argument: str) -> str:
    """`--some-option=value` with underscores in the option's name, as Python needs it."""
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return "--" + name[2:].replace("-", "_") + equals + value


def _with_negative_values(words: Sequence[str]) -> list[str]:
    """Words of which a value that begins with a minus, as in `--start -1,2`, is joined to its option.

    argparse would take it for an option unless it is a number.
    """
    joined: list[str] = []
    for word in words:
        follows_option = bool(joined) and joined[-1].startswith("--") and "=" not in joined[-1]
        if follows_option and re.match(r"-[\d.]+,", word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _with_flags(function: Callable, arguments: Sequence[str]) -> list[str]:
    """Arguments for jsonargparse: a yes-or-no option alone means yes."""
    flags = {f"--{p.name}" for p in inspect.signature(function).parameters.values() if p.annotation is bool}
    words = list(arguments)
    for position, word in enumerate(words):
        following = words[position + 1 : position + 2]
        has_value = bool(following) and following[0].lower() in ("true", "false")
        if word in flags and not has_value:
            words[position] = f"{word}=true"
    return words


def _gathered(function: Callable, arguments: Sequence[str]) -> list[str]:
    """Arguments for jsonargparse: an option that takes a list may be given several times, once for each item."""
    parameters = inspect.signature(function).parameters
    words = []
    for word in arguments:
        name, equals, value = word.partition("=")
        parameter = parameters.get(name.removeprefix("--"))
        if name.startswith("--") and parameter is not None and parameter.annotation == _LIST:
            word = f"{name}+{equals}{value}"
        words.append(word)
    return words


def error_sentence(error: Exception) -> str:
    """An error's message on one line; jsonargparse's are shortened to what a person can act on."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, InputError):
            # From a worker process PyTorch hands it on with its traceback in front and a line break behind.
            return str(cause).rsplit("InputError: ", 1)[-1].removesuffix("\\n")
        cause = cause.__cause__ or cause.__context__
    text = str(error)
    return _missing_or_unknown(text) or _wrong_value(text) or _shortened(text)


def _missing_or_unknown(text: str) -> str | None:
    """A sentence for an option that is not known or not there, if that is the mistake."""
    unknown = re.search(r"[Uu]nrecognized arguments?:? ?(.*?)(?:\n|$)", text)
    if unknown:
        words = re.sub(r"--\w+(?![\w.])", lambda match: _as_option(match[0][2:]), unknown[1].strip())
        return f"unknown option {words}; --help lists all"
    missing = re.search(r'[Kk]ey "([\w.]+)" is required|arguments are required: ([\w.]+)', text)
    if missing:
        key = missing[1] or missing[2]
        of_class = re.match(r'Parser key "([\w.]+)"', text)
        if of_class:
            key = f"{of_class[1]}.{key}"
        return f"the option {_as_option(_SHORT.get(key, key))} is missing; --help explains it"
    return None


def _wrong_value(text: str) -> str | None:
    """A sentence for a value of a wrong type, or a setting of a class that was not named, if that is the mistake."""
    keys = re.findall(r'Parser key "([\w.]+)"', text)
    if not keys:
        return None
    option = _as_option(keys[0])
    value = re.search(r"(?:Got|Given) value: (?!NestedArg)(.*?)(?:\. Got value: .*)?$", text, re.MULTILINE)
    if value:
        setting = option
        if len(keys) > 1:
            setting = f"'{keys[-1]}' of {option}"
        expected = _expected(text)
        if expected is not None:
            return f"{setting} {expected}, not {value[1]}"
    nested = re.search(r"NestedArg\(key='([\w.]+)'", text)
    if nested:
        return f"{option}.{nested[1]} is a setting of a class: name it first, with {option} and the class"
    return None


def _expected(text: str) -> str | None:
    """What a setting may be, as its parser says: one of several words, a class, or a value of a type."""
    choices: list[str] = []
    for words in re.findall(r"Expected a typing\.Literal\[(.*?)\]", text):
        choices += words.replace("'", "").split(", ")
    if choices:
        return f"is one of {', '.join(dict.fromkeys(choices))}"
    if "Expected a dot import path string" in text:
        return "is the full name of a class"
    types = re.findall(rf"Expected an? <class '({'|'.join(_TYPE_NAMES)})'>", text)
    if types:
        return f"takes {' or '.join(_TYPE_NAMES[each] for each in dict.fromkeys(types))}"
    return None


def _shortened(text: str) -> str:
    """The first line of a message, with the last one if that is short."""
    lines = [line.strip(" -") for line in text.splitlines() if line.strip(" -")]
    sentence = lines[0]
    if len(lines) > 1 and len(lines[-1]) < 160:
        sentence += f" ({lines[-1]})"
    return re.sub(r'Parser key "([\w.]+)"', lambda match: _as_option(match[1]), sentence)


def _as_option(key: str) -> str:
    """A setting's key as the option that a person writes."""
    if "." not in key:
        key = key.replace("_", "-")
    return f"--{key}"


def quieten() -> None:
    """Silence messages of libraries that a user can do nothing about."""
    # Seeds, devices, tips. Not on the parents: Lightning sets their level when it is imported.
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    warnings.filterwarnings("ignore", message=".*isinstance\\(treespec, LeafSpec\\).*")
    warnings.filterwarnings("ignore", message=".*overridden `on_after_batch_transfer`.*")
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*dataloader is not resumable.*")  # EpochSampler goes on by itself
    warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")  # the frozen part
    warnings.filterwarnings("ignore", message=".*Checkpoint directory .* exists and is not empty.*")
    warnings.filterwarnings("ignore", message=".*args parameter is intended to run from within Python.*")
    warnings.filterwarnings("ignore", message=".*is smaller than the logging interval.*")
    warnings.filterwarnings("ignore", message=".*Grad strides do not match bucket view strides.*")
