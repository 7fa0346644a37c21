"""Hyper-parameters by a grid on validation pictures, then the comparison on the others, each with a report.

output/validation/      the comparison of all candidates, with its own report
output/                 the comparison of the methods as they were chosen
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from latentinpaint.errors import InputError, count_of
from latentinpaint.evaluation.method_comparison import Comparison, compare
from latentinpaint.evaluation.summary import Summary, check_reference
from latentinpaint.restoration.restoration_config import RestorationConfig
from latentinpaint.restoration.restoration_runner import RestorationRunner, ValidationRunner
from latentinpaint.restoration.restorer_texts import candidates, restorer_names
from latentinpaint.restoration.unclamped_metrics import UnclampedPSNR

CHOSEN_BY = UnclampedPSNR()
FOLDER = "validation"

# Called with the name of a stage and its number of pictures; what it yields is called with each picture's name.
Stage = Callable[[str, int], AbstractContextManager[Callable[[str], None]]]


@contextmanager
def silent(title: str, count: int) -> Iterator[Callable[[str], None]]:
    """Show nothing."""
    yield lambda name: None


def compare_restorers(
    config: RestorationConfig, texts: Sequence[str], reference: str | None = None, stage: Stage = silent
) -> Comparison:
    """Choose each method's hyper-parameters, compare the methods, and write the reports.

    Args:
        config: the settings.
        texts: of the methods, see `restorer_texts`.
        reference: the method that the others are compared with, by default the first.
        stage: shows what is being done.

    Raises:
        InputError: if a setting cannot be used, or nothing could be compared.
    """
    if not texts:
        raise InputError("there is nothing to compare: name a method")
    names = restorer_names(texts)
    check_reference(reference or names[0], names)
    # Before the grid, so that what is wrong with the comparison is found at once.
    runner = RestorationRunner(config, texts)
    if config.validation > 0:
        found, grid = choose_settings(config, texts, stage)
        chosen = dict(zip(names, found, strict=True))
        found = list(dict.fromkeys(found))  # several texts may have come to the same settings
        runner = RestorationRunner(config, found, {"chosen": chosen, "grid": grid})
        if reference is not None:
            reference = restorer_names(found)[found.index(chosen[reference])]
    with stage("restoring", len(runner.dataset)) as step:
        return compare(runner, reference, step)


def choose_settings(
    config: RestorationConfig, texts: Sequence[str], stage: Stage = silent
) -> tuple[list[str], dict[str, Any]]:
    """Each method's text with the hyper-parameters that are best on the validation pictures, and all that were tried.

    A method without a grid is not run.

    Returns:
        The texts, and for each text of the grid its mean PSNR.
    """
    tried = {text: candidates(text) for text in texts}
    open_texts = []
    for found in tried.values():
        if len(found) > 1:
            open_texts += found
    if not open_texts:
        return list(texts), {}
    folder = str(Path(config.output) / FOLDER)
    runner = ValidationRunner(replace(config, output=folder), list(dict.fromkeys(open_texts)))
    with stage("choosing", len(runner.dataset)) as step:
        comparison = compare(runner, None, step)
    scores = grid_scores(comparison.summary, runner)
    chosen = []
    for text, found in tried.items():
        if len(found) == 1:
            chosen.append(text)
            continue
        # Settings that failed on a picture of the validation have no figure.
        chosen.append(max(found, key=lambda candidate: scores.get(candidate, float("-inf"))))
    about = {"chosen by": f"{CHOSEN_BY.label} of {count_of(len(comparison.summary.items), 'picture')} for validation"}
    return chosen, about | scores


def grid_scores(summary: Summary, runner: ValidationRunner) -> dict[str, float]:
    """The mean PSNR of every candidate, by its text."""
    scores = {}
    for text, method in zip(runner.method_texts, runner.methods, strict=True):
        if method.name in summary.rows:
            scores[text] = summary.rows[method.name].means[CHOSEN_BY.name].value
    return scores
