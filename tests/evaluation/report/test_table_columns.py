"""Columns of the report's tables: which rows are the best."""

import math
from types import SimpleNamespace

import pytest

from latentinpaint.evaluation.evaluator import BEST
from latentinpaint.evaluation.report.table_columns import TableColumn


@pytest.mark.parametrize(
    ("higher_is_better", "values", "best"),
    [
        (True, {"a": 1.0, "b": 3.0, "c": 2.0}, ["b"]),
        (False, {"a": 1.0, "b": 3.0, "c": 2.0}, ["a"]),
        (True, {"a": 3.0, "b": 3.0, "c": 2.0}, ["a", "b"]),
        (False, {"a": 2.0, "b": 3.0, "c": 2.0}, ["a", "c"]),
        (True, {"a": math.inf, "b": 3.0, "c": math.nan}, ["b"]),
        (True, {"a": math.nan}, []),
    ],
)
def test_the_best_rows(higher_is_better, values, best):
    column = TableColumn("dB", higher_is_better)
    for name, value in values.items():
        column.add(SimpleNamespace(name=name, kind=""), f"{value}", value)
    assert column.best == best
    assert len(column.cells) == len(values)


def test_what_was_chosen_by_looking_at_the_truth_does_not_compete():
    column = TableColumn("dB", higher_is_better=True)
    column.add(SimpleNamespace(name="a", kind=""), "1", 1.0)
    column.add(SimpleNamespace(name="oracle", kind=BEST), "9", 9.0)
    assert column.best == ["a"] and column.cells == ["1", "9"]
