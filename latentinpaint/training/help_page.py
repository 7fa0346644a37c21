"""What `--help` of a training command shows: its own options, on two screens and at once.

Lightning's parser explains hundreds of options and has to import everything for it: that is left to --help-all.
The options here are those that a class of this package takes, with the words of its docstring, read from the source.
"""

import argparse
import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import latentinpaint
from latentinpaint.training.run_options import (
    EVERY_RUN,
    OF_FLOWS,
    OF_REFINERS,
    TRAINER_DEFAULTS,
    RunOption,
    run_folder,
)

PACKAGE = Path(latentinpaint.__file__).parent
TASK = "training/tasks/base.py:TrainingTask"
PHOTOS = "data/datamodule.py:InpaintingDataModule"
PAIRS = "data/flow_datamodule.py:FlowDataModule"
# Of several hundred options of Lightning's trainer.
TRAINER = {
    "max_steps": "steps of the training; -1 is no limit",
    "max_time": "time of the training over all its parts, such as 45m, 1h, 1h30m or 00:01:00:00",
    "precision": "32-true, bf16-mixed or 16-mixed",
    "accelerator": "cpu, gpu, mps or auto",
    "devices": "how many of them, or auto",
    "val_check_interval": "steps between two validations",
    "logger": "where figures go beside TensorBoard's folder: see the docs on training",
}


@dataclass(frozen=True)
class TrainingCommand:
    """What the help of a training command is made from.

    Attributes:
        output: the run's folder, if no other is named.
        task, data: files and classes of the options --model.… and --data.…
        example: the usual options.
        own: options that other trainings do not have.
        hidden: arguments of the task that are no options.
    """

    output: str
    task: str
    data: str
    example: str
    own: Sequence[RunOption] = ()
    hidden: Sequence[str] = ()


COMMANDS = {
    "pretrain_ae": TrainingCommand(
        "runs/pretrain_ae",
        "training/tasks/autoencoder_task.py:PretrainTask",
        PHOTOS,
        "--config pretrain_ae --data.root DIR",
    ),
    "train_latent": TrainingCommand(
        "runs/train_latent",
        "training/tasks/latent_task.py:LatentTask",
        PHOTOS,
        "--config latent_ffc --autoencoder runs/pretrain_ae --data.root DIR",
        own=OF_REFINERS,
    ),
    "train_lama": TrainingCommand(
        "runs/train_lama",
        "training/tasks/adversarial_task.py:AdversarialTask",
        PHOTOS,
        "--config lama_full --data.root DIR",
        own=OF_REFINERS,
    ),
    "train_flow": TrainingCommand(
        "runs/train_flow",
        "training/tasks/flow_task.py:FlowTask",
        PAIRS,
        "--config moons",
        own=OF_FLOWS,
        hidden=("shape",),
    ),
}


@dataclass
class _Signature:
    """A class's docstring and its arguments: names, defaults as they are written, and words."""

    title: str
    defaults: dict[str, str | None] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)


def help_page(name: str) -> str:
    """The help of a training command.

    Args:
        name: a key of `COMMANDS`.
    """
    command = COMMANDS[name]
    task = _signature(command.task)
    parser = argparse.ArgumentParser(
        f"latentinpaint {name}",
        usage=f"latentinpaint {name} {command.example} [options]",
        description=f"{task.title} A run that was stopped goes on with --ckpt_path last.",
        formatter_class=_formatter,
        add_help=False,
    )
    run = parser.add_argument_group("the run")
    run.add_argument("--config", metavar="NAME", help="a recipe's name (`latentinpaint recipes`) or a YAML file")
    for option in (run_folder(command.output), *EVERY_RUN, *command.own):
        _add(run, option.name, option.help, option.default)
    _add_arguments(parser.add_argument_group("what is trained"), "model", task, command.hidden)
    _add_arguments(parser.add_argument_group("what it is trained on"), "data", _signature(command.data), ())
    trainer = parser.add_argument_group("how long and how, of Lightning's trainer")
    for setting, words in TRAINER.items():
        _add(trainer, f"trainer.{setting}", words, TRAINER_DEFAULTS.get(setting))
    more = parser.add_argument_group("more")
    more.add_argument("--print_config", action="store_true", help="print all settings as a YAML file, to be changed")
    more.add_argument("--help-all", action="store_true", help="every option, of classes and the trainer too")
    more.add_argument("-h", "--help", action="store_true", help="this page")
    return parser.format_help()


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.HelpFormatter(prog, max_help_position=30)


def _add_arguments(group: Any, prefix: str, signature: _Signature, hidden: Sequence[str]) -> None:
    for name, default in signature.defaults.items():
        if name not in hidden:
            _add(group, f"{prefix}.{name}", signature.words[name], default)


def _add(group: Any, name: str, words: str, default: object) -> None:
    if default not in (None, "None"):
        words = f"{words} (default: {default})"
    group.add_argument(f"--{name}", metavar="VALUE", help=words.replace("%", "%%"))


def _signature(place: str) -> _Signature:
    """A class's arguments; what its docstring says of one elsewhere ("see `Other`") is said with that one's words."""
    tree = _class(place)
    document = ast.get_docstring(tree) or ""
    found = _Signature(document.split("\n\n", maxsplit=1)[0].replace("\n", " "))
    for name, words in _documented(document):
        found.words[name] = words
        if words.startswith("see TrainingTask"):
            found.words[name] = dict(_documented(ast.get_docstring(_class(TASK)) or ""))[name]
    arguments = _constructor(tree).args
    required = len(arguments.args) - len(arguments.defaults)
    for position, argument in enumerate(arguments.args[1:], start=1):
        default = None
        if position >= required:
            default = ast.unparse(arguments.defaults[position - required]).strip("'")
        found.defaults[argument.arg] = default
    return found


def _class(place: str) -> ast.ClassDef:
    file, _, name = place.partition(":")
    for node in ast.parse((PACKAGE / file).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node
    raise LookupError(place)


def _constructor(tree: ast.ClassDef) -> ast.FunctionDef:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            return node
    raise LookupError(tree.name)


def _documented(document: str) -> Iterator[tuple[str, str]]:
    """The arguments that a docstring explains, with its words, each on one line."""
    section = re.search(r"^Args:\n(.*?)(?:\n\n|\Z)", document, re.MULTILINE | re.DOTALL)
    if section is None:
        return
    for names, words in re.findall(r"^    (\w[\w, ]*): (.*?)(?=\n    \w|\Z)", section[1], re.MULTILINE | re.DOTALL):
        for name in names.split(", "):
            yield name, re.sub(r"\s+", " ", words).replace("`", "").removesuffix(".")
