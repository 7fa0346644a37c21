"""`make_default`: make a model like the default one, from photographs to one file with its card."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from latentinpaint.errors import InputError, check_counts


@dataclass(kw_only=True)
class Options:
    """Train the stages of a recipe on photographs, evaluate the model and write it as one file with its model card.

    Stopped at any moment, the same command goes on where it was; a stage that is done is not trained again.

    Args:
        photos: folders and zip files of photographs, separated by commas.
        output: folder of everything, by default runs/ and the recipe's name.
        recipe: default, default_gpu, several, or a folder of the stages' configurations.
        minutes: time for all trainings, in the recipe's proportions; by default the recipe's own times.
        precision: of training, such as bf16-mixed or 32-true; by default the fastest on this machine.
        num_workers: processes that read and crop; by default one less than there are cores.
        evaluated: photographs held back to evaluate the model on, at most 64.
        lpips_weights: torchvision's SqueezeNet file, by default the one in torch's cache.
        licence: of the model, for its card.
    """

    photos: str
    output: str | None = None
    recipe: str = "default"
    minutes: float | None = None
    precision: str | None = None
    num_workers: int | None = None
    evaluated: int = 64
    lpips_weights: str | None = None
    licence: str = "Apache-2.0"


def run(options: Options) -> None:
    """Make what is not made yet."""
    if options.minutes is not None and options.minutes <= 0:
        raise InputError(f"--minutes is a time above 0, not {options.minutes}")
    check_counts({"--evaluated": options.evaluated})
    from latentinpaint.evaluation.benchmark_config import split_names
    from latentinpaint.experiments.model_making import CARD_FILE, ModelMaking
    from latentinpaint.training.precision import fastest_precision
    from latentinpaint.training.recipe_files import configuration_folder

    workers = options.num_workers
    if workers is None:
        workers = max(1, (os.cpu_count() or 1) - 1)
    photos = split_names(options.photos)
    recipe = configuration_folder(options.recipe)
    making = ModelMaking(
        photos=photos,
        output=Path(options.output or Path("runs", recipe.name)),
        recipe_folder=recipe,
        minutes=options.minutes,
        precision=options.precision or fastest_precision(),
        num_workers=workers,
        evaluated=options.evaluated,
        lpips_weights=options.lpips_weights,
        licence=options.licence,
        command=_command(options, photos),
    )
    path = making.make()
    print(f"the model is {path}, its card {path.with_name(CARD_FILE)}; use it with --model {path}")


def _command(options: Options, photos: Sequence[str]) -> str:
    """The command line without the places of this machine."""
    names = ",".join(Path(photo).name for photo in photos)
    words = ["latentinpaint", "make_default", "--photos", names]
    words += ["--recipe", Path(options.recipe).name]
    if options.minutes is not None:
        words += ["--minutes", f"{options.minutes:g}"]
    return shlex.join(words)
