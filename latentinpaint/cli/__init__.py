"""The command `latentinpaint` and the tools: one sentence and status 2 for a user's mistake.

`main` only finds the command's module; everything heavy is imported there. Options may be written with hyphens or
underscores, and so may the commands.
"""

import importlib
import sys
from collections.abc import Sequence

from latentinpaint.errors import missing_package

COMMANDS = {
    "quickstart": "train on the embedded photographs for some minutes and fill held-back ones",
    "recipes": "list the configurations that come with the package, by name",
    "pretrain_ae": "pretrain an autoencoder on a folder of photographs",
    "adopt": "take over another project's autoencoder: TAESD's, or one of diffusers'",
    "train_latent": "train a refiner, ffc, flow or noise, in an autoencoder's latent space",
    "train_lama": "train with LaMa's full losses: adversarial, feature matching, perceptual, latent",
    "train_flow": "train a flow: points, digits, small pictures, any mask",
    "sample": "sample a trained flow: new samples, filled holes, carried-over pictures",
    "restore": "restore pictures by several methods with a flow as the prior, and compare them",
    "record_maze": "record a point mass that is driven through a maze, for flows to learn from",
    "plan": "plan paths through a maze with a trained flow",
    "optimise_path": "find a Hadamard flow's path of least action and draw it beside the straight one",
    "shard": "write a folder of pictures as tar shards, to train on from an object store",
    "doctor": "look at pictures, masks and data folders for what is likely to go wrong",
    "inpaint": "fill the hole in a picture, or in every picture of a folder",
    "serve": "serve an HTTP interface: photos and masks in, filled photos out",
    "app": "serve a page: paint over a part of a photo and have it filled",
    "convert": "make a model of a LaMa checkpoint, or a LaMa checkpoint of a model",
    "export": "write an ffc model for onnxruntime, or for torch without this package",
    "make_masks": "draw masks for a folder of pictures, the same on every machine",
    "evaluate": "evaluate a model on photographs with holes, beside methods that need no training",
    "benchmark": "compare models, classical methods and others' results on the same holes",
    "make_default": "make a model like the default one, from photographs to one file with its card",
    "ablation": "train variants on the same steps, seeds and pictures, and compare them",
    "visualize_latent_diff": "show what the latent space lost around a hole",
}

TRAINING = ("pretrain_ae", "train_latent", "train_lama", "train_flow")  # functions of `training.cli`, on LightningCLI


def main(command: str | None = None, arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its status.

    Args:
        command: a key of `COMMANDS`; None takes it from the arguments.
        arguments: as on the command line; None takes `sys.argv`.
    """
    if arguments is None:
        arguments = sys.argv[1:]
    rest = list(arguments)
    if command is None:
        command = _command_or_end(rest)
    name = command.replace("-", "_")
    if name not in COMMANDS:
        print(f"latentinpaint: there is no command '{command}': choose one of {', '.join(COMMANDS)}", file=sys.stderr)
        sys.exit(2)
    try:
        sys.exit(_run(name, rest))
    except ModuleNotFoundError as error:
        print(f"latentinpaint {name}: {missing_package(error)}", file=sys.stderr)
        sys.exit(2)


def _run(name: str, arguments: list[str]) -> int:
    """Run a key of `COMMANDS`; returns the exit status."""
    if name in TRAINING and ("--help" in arguments or "-h" in arguments):
        from latentinpaint.training.help_page import help_page

        print(help_page(name), end="")
        return 0
    from latentinpaint.cli.dispatch import run

    words = list(arguments)
    if "--help-all" in words:  # only of training is more to say
        words[words.index("--help-all")] = "--help"
    if name not in TRAINING:
        return run(name, importlib.import_module(f"latentinpaint.cli.{name}"), words)
    from latentinpaint.runtime.processes import leave_group

    try:
        return run(name, importlib.import_module("latentinpaint.training.cli"), words)
    finally:
        leave_group()


def _command_or_end(arguments: list[str]) -> str:
    """Take the command from the arguments; without one, print what there is and end the process."""
    if not arguments:
        print(_usage())
        sys.exit(2)
    first = arguments.pop(0)
    if first in ("-h", "--help", "help"):
        print(_usage())
        sys.exit(0)
    if first == "--version":
        from latentinpaint import __version__

        print(f"latentinpaint {__version__}")
        sys.exit(0)
    return first


def _usage() -> str:
    commands = ""
    for name, summary in COMMANDS.items():
        commands += f"  {name:<22} {summary}\n"
    return (
        "usage: latentinpaint COMMAND [options]\n\n"
        "Image inpainting in latent space.\n\n"
        f"{commands}\n"
        "latentinpaint COMMAND --help explains every option."
    )
