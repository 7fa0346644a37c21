"""Plots as SVG text."""

import pytest

from latentinpaint.evaluation.report.plots import lines_plot, rank_plot
from latentinpaint.evaluation.statistics import Mean


@pytest.mark.parametrize("name", ["a$\\frac$b", "_lama", "$", "a & <b>"])
def test_plots_take_any_name(name):
    means = [Mean(1.0, 0.5, 1.5, 9, 0), Mean(float("nan"), float("nan"), float("nan"), 0, 9)]
    drawn = lines_plot(f"{name} of", ["a", "b"], {name: means, "other": means}, "x")
    assert drawn.startswith("<svg") and drawn == lines_plot(
        f"{name} of", ["a", "b"], {name: means, "other": means}, "x"
    )
    assert rank_plot(name, [0.5, 0.5]).startswith("<svg")
