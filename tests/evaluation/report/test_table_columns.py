"""Columns of the report's tables: which row is surely the best, and intervals with as many digits as their mean."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from latentinpaint.evaluation.evaluator import BEST
from latentinpaint.evaluation.report.table_columns import interval_text, surely_best
from latentinpaint.evaluation.statistics import Mean, mean_with_interval

PICTURES = [str(number) for number in range(12)]
NOISE = np.random.default_rng(0).normal(size=12)


def row(name, scores, kind="", groups=PICTURES):
    means = {"psnr": mean_with_interval(scores, groups)}
    return SimpleNamespace(
        name=name, kind=kind, scores={"psnr": list(scores)}, groups=groups, means=means, cap=lambda key: math.inf
    )


@pytest.mark.parametrize(
    ("higher_is_better", "shifts", "best"),
    [
        (True, {"a": 0.0, "b": 3.0, "c": 2.0}, "b"),
        (False, {"a": 0.0, "b": 3.0, "c": 2.0}, "a"),
        (True, {"a": 3.0, "b": 3.0, "c": 2.0}, None),
        (True, {"a": 1.0}, None),
    ],
)
def test_rows_that_differ_by_the_same_on_every_picture(higher_is_better, shifts, best):
    """However much pictures differ: what counts is the difference picture by picture."""
    rows = [row(name, 100 * NOISE + shift) for name, shift in shifts.items()]
    assert surely_best(rows, "psnr", higher_is_better) == best


def test_a_lead_within_the_interval_is_none():
    """A mean difference of 0.1 with a standard error of about 0.29: nobody can tell."""
    lead = NOISE - NOISE.mean() + 0.1
    assert surely_best([row("a", np.zeros(12)), row("b", lead)], "psnr", True) is None
    assert surely_best([row("a", np.zeros(12)), row("b", lead + 5)], "psnr", True) == "b"
    assert (
        surely_best([row("a", np.zeros(12)), row("b", lead + 5), row("c", lead + 5 - NOISE / 9)], "psnr", True)
        is None
    )


def test_what_was_chosen_by_looking_at_the_truth_does_not_compete():
    rows = [row("a", NOISE), row("b", NOISE - 2), row("oracle", NOISE + 9, BEST)]
    assert surely_best(rows, "psnr", True) == "a"


def test_few_pictures_and_missing_figures_tell_nothing():
    few = ["1", "2", "3"]
    rows = [row("a", [1.0, 2.0, 3.0], groups=few), row("b", [5.0, 6.0, 7.0], groups=few)]
    assert surely_best(rows, "psnr", True) is None
    assert surely_best([row("a", [math.nan] * 12), row("b", NOISE)], "psnr", True) is None


def test_both_ends_of_an_interval_have_the_digits_of_its_metric():
    assert interval_text(Mean(1.534, 0.2959, 3.2649, 14, 0), 2, "+") == "+0.30 … +3.26"
    assert interval_text(Mean(0.5, math.nan, math.nan, 2, 0), 4) == "–"
