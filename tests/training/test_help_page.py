"""The help of the training commands: what it shows are options, and those of this package are all there."""

import re

import pytest

from latentinpaint.cli import TRAINING, main
from latentinpaint.refiners import REFINERS
from latentinpaint.training.help_page import COMMANDS, help_page

LINES = 80  # two screens of a terminal with some forty lines


@pytest.fixture(params=TRAINING)
def pages(request, capsys, monkeypatch):
    """The short help of a training command and the parser's own."""
    monkeypatch.setenv("COLUMNS", "110")
    shown = []
    for option in ("--help", "--help-all"):
        with pytest.raises(SystemExit) as ending:
            main(request.param, [option])
        assert not ending.value.code
        shown.append(capsys.readouterr().out)
    return shown


def options_of(page):
    return set(re.findall(r"^ +(--[\w.]+)", page, re.MULTILINE))


def test_it_has_every_option_of_this_package_and_no_other(pages):
    short, full = pages
    known = set(re.findall(r"(--[\w.]+)", full))
    assert options_of(short) - {"--help"} <= known | {"--help"}
    own = {option for option in options_of(full) if re.match(r"--(model|data)\.\w+$", option)}
    assert own <= options_of(short)
    assert "--help-all" in short and "see TrainingTask" not in short
    assert len(short.splitlines()) <= LINES < len(full.splitlines())


def test_every_training_has_its_page():
    assert tuple(COMMANDS) == TRAINING
    for refiner in REFINERS:
        assert re.search(rf"short for --model.refiner: .*\b{refiner}\b", help_page("train_latent"))


def test_defaults_are_the_classes_own():
    page = help_page("train_flow")
    assert re.search(r"--data.batch_size VALUE +samples a step, for each device \(default: 128\)", page)
    assert "--model.shape" not in page  # it comes from the data
