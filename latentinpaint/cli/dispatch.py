"""How a command is run: its typed function is its command line, its mistakes are one sentence."""

import inspect
import logging
import os
import re
import sys
import warnings
from argparse import ArgumentError
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import jsonargparse

from latentinpaint.errors import InputError

_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false"}
_SHORT = {"model.autoencoder": "autoencoder", "model.refiner": "refiner"}  # required by train_latent alone
_LIGHTNING = ("lightning_fabric", "pytorch_lightning")


def run(name: str, module: ModuleType, arguments: Sequence[str]) -> int:
    """Run a command's module and answer its exit status: 0, 2 for what cannot be used, or what the module answers.

    A module offers `main(arguments, program)`, which reads its own command line; or a typed `command`; or, where the
    options are many, `Options`, a dataclass, and `run`, which takes one and may answer a status: 1 if a part could
    not be done.
    """
    quieten()
    try:
        if hasattr(module, "main"):
            module.main([_option(argument) for argument in arguments], f"latentinpaint {name}")
        elif hasattr(module, "Options"):
            return module.run(_called(module.Options, name, arguments)) or 0
        else:
            _called(module.command, name, arguments)
    except (InputError, ArgumentError) as error:
        print(f"latentinpaint {name}: {_sentence(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"latentinpaint {name}: stopped", file=sys.stderr)
        return 130
    return 0


def _called(component: Callable, name: str, arguments: Sequence[str]) -> Any:
    """A typed function or class, called with what the command line says."""
    return jsonargparse.auto_cli(
        component,
        args=_with_flags(component, arguments),
        parser_class=_Parser,
        prog=f"latentinpaint {name}",
        exit_on_error=False,
        as_positional=False,
    )


class _Parser(jsonargparse.ArgumentParser):
    """Shows options with hyphens, as this package's documentation writes them."""

    def format_help(self) -> str:
        return re.sub(r"--[a-z][a-z_.]*", lambda match: match[0].replace("_", "-"), super().format_help())


def _option(argument: str) -> str:
    """`--some-option=value` with underscores in the option's name, as Python needs it."""
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return "--" + name[2:].replace("-", "_") + equals + value


def _with_flags(function: Callable, arguments: Sequence[str]) -> list[str]:
    """Arguments for jsonargparse: a yes-or-no option alone means yes."""
    flags = {f"--{p.name}" for p in inspect.signature(function).parameters.values() if p.annotation is bool}
    options = [_option(argument) for argument in arguments]
    following = [*options, ""][1:]
    return [
        f"{option}=true" if option in flags and after.lower() not in ("true", "false") else option
        for option, after in zip(options, following, strict=True)
    ]


def _sentence(error: Exception) -> str:
    """An error's message on one line; jsonargparse's are shortened to what a person can act on."""
    text = str(error)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, InputError):
            # From a worker process PyTorch hands it on with its traceback in front.
            return " ".join(str(cause).rsplit("InputError: ", 1)[-1].split())
        cause = cause.__cause__ or cause.__context__
    unknown = re.search(r"[Uu]nrecognized arguments?:? ?(.*?)(?:\n|$)", text)
    if unknown:
        return f"unknown option {unknown[1].strip()}; --help lists all"
    missing = re.search(r'[Kk]ey "([\w.]+)" is required|arguments are required: ([\w.]+)', text)
    if missing:
        key = missing[1] or missing[2]
        return f"the option {_spelled(_SHORT.get(key, key))} is missing; --help explains it"
    kind = re.search(rf"Expected an? <class '({'|'.join(_KINDS)})'>", text)
    given = re.search(r"(?:Got|Given) value: (?!NestedArg)(.*?)(?:\. Got value: .*)?$", text, re.MULTILINE)
    keys = re.findall(r'Parser key "([\w.]+)"', text)
    if kind and given and keys:
        setting = _spelled(keys[0]) if len(keys) == 1 else f"'{keys[-1]}' of {_spelled(keys[0])}"
        return f"{setting} takes {_KINDS[kind[1]]}, not {given[1]}"
    nested = re.search(r"NestedArg\(key='([\w.]+)'", text)
    if nested and keys:
        option = _spelled(keys[0])
        return f"{option}.{nested[1]} is a setting of a class: name it first, with {option} and the class"
    lines = [line.strip(" -") for line in text.splitlines() if line.strip(" -")]
    sentence = lines[0] + (f" ({lines[-1]})" if len(lines) > 1 and len(lines[-1]) < 160 else "")
    return re.sub(r'Parser key "([\w.]+)"', lambda match: _spelled(match[1]), sentence)


def _spelled(key: str) -> str:
    """A setting's key as the option that a person writes."""
    return "--" + (key if "." in key else key.replace("_", "-"))


def quieten() -> None:
    """Silence messages of libraries that a user can do nothing about."""
    # Seeds, devices, tips. Not on the parents: Lightning sets their level when it is imported.
    for name in ("lightning_fabric.utilities.seed", *(f"{p}.utilities.rank_zero" for p in _LIGHTNING)):
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
